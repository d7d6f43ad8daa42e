"""XPS: energy scale, components of core-level spectra, and what they say of composition, films and sulfide."""

from imgpipe.steps.xps.auger import auger_parameter
from imgpipe.steps.xps.compare import compare_models
from imgpipe.steps.xps.crop import crop_energy, sum_spectra
from imgpipe.steps.xps.energy import energy_reference
from imgpipe.steps.xps.fit import fit_components
from imgpipe.steps.xps.overlayer import overlayer_thickness
from imgpipe.steps.xps.quantify import quantify_regions
from imgpipe.steps.xps.sulfide import excess_sulfide
from imgpipe.steps.xps.width import instrument_width

__all__ = [
    "auger_parameter", "compare_models", "crop_energy", "energy_reference", "excess_sulfide", "fit_components",
    "instrument_width", "overlayer_thickness", "quantify_regions", "sum_spectra",
]  # fmt: skip
