"""Layer thickness from cross-sections: trace the edges, fit them, measure the layers."""

from imgpipe.steps.layers.fit import fit_edges
from imgpipe.steps.layers.lithium import equivalent_lithium
from imgpipe.steps.layers.thickness import layer_thickness
from imgpipe.steps.layers.trace import trace_edges

__all__ = ["equivalent_lithium", "fit_edges", "layer_thickness", "trace_edges"]
