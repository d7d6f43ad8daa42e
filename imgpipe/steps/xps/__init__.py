"""XPS: components of core-level spectra, and which of them the data carry."""

from imgpipe.steps.xps.compare import compare_models
from imgpipe.steps.xps.fit import fit_components

__all__ = ["compare_models", "fit_components"]
