"""All steps, by name. A module is imported when one of its steps is first asked for."""

from __future__ import annotations

import functools
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from imgpipe.errors import RecipeError
from imgpipe.spelling import nearest
from imgpipe.step import Step

STEPS: dict[str, str] = {
    "crop": "imgpipe.steps.image:crop",
    "crop_data_bar": "imgpipe.steps.image:crop_data_bar",
    "select_signal": "imgpipe.steps.image:select_signal",
    "orient_stack": "imgpipe.steps.image:orient_stack",
    "calibrate_scale": "imgpipe.steps.scale:calibrate_scale",
    "correct_foreshortening": "imgpipe.steps.scale:correct_foreshortening",
    "denoise": "imgpipe.steps.image:denoise",
    "remove_curtains": "imgpipe.steps.image:remove_curtains",
    "trace_edges": "imgpipe.steps.layers:trace_edges",
    "fit_edges": "imgpipe.steps.layers:fit_edges",
    "layer_thickness": "imgpipe.steps.layers:layer_thickness",
    "equivalent_lithium": "imgpipe.steps.layers:equivalent_lithium",
    "crop_energy": "imgpipe.steps.xps.crop:crop_energy",
    "sum_spectra": "imgpipe.steps.xps.crop:sum_spectra",
    "energy_reference": "imgpipe.steps.xps.energy:energy_reference",
    "instrument_width": "imgpipe.steps.xps.width:instrument_width",
    "auger_parameter": "imgpipe.steps.xps.auger:auger_parameter",
    "compare_models": "imgpipe.steps.xps.compare:compare_models",
    "fit_components": "imgpipe.steps.xps.fit:fit_components",
    "quantify_regions": "imgpipe.steps.xps.quantify:quantify_regions",
    "excess_sulfide": "imgpipe.steps.xps.sulfide:excess_sulfide",
    "overlayer_thickness": "imgpipe.steps.xps.overlayer:overlayer_thickness",
    "trend": "imgpipe.steps.xps.trend:trend",
    "identify_lines": "imgpipe.steps.xps.survey:identify_lines",
    "line_profile": "imgpipe.steps.edxs.profile:line_profile",
    "sum_spectrum": "imgpipe.steps.edxs.sum_spectrum:sum_spectrum",
    "line_intensities": "imgpipe.steps.edxs.intensities:line_intensities",
    "k_ratios": "imgpipe.steps.edxs.k_ratios:k_ratios",
    "cliff_lorimer": "imgpipe.steps.edxs.cliff_lorimer:cliff_lorimer",
    "xray_response": "imgpipe.steps.edxs.response:xray_response",
    "fit_interfaces": "imgpipe.steps.layers.interfaces:fit_interfaces",
    "segregation": "imgpipe.steps.layers.segregation:segregation",
}
"""``name -> "module:function"``; packages elsewhere join through the entry points ``imgpipe.steps``."""


@functools.cache
def step_table() -> dict[str, str]:
    """Return our own steps and those of installed packages; our own names win."""
    outside = {entry.name: entry.value for entry in entry_points(group="imgpipe.steps")}
    return {**outside, **STEPS}


@functools.cache
def load_step(name: str) -> Step[Any, Any]:
    """Return a step by its name in recipes; `RecipeError` with the nearest name when there is none."""
    table = step_table()
    if name not in table:
        raise RecipeError(f"unknown step {name!r}{nearest(name, table)}.", remedy="`imgpipe steps` lists all steps.")
    module, _, attribute = table[name].partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise RecipeError(f"step {name!r} can't be loaded from {table[name]}: {error}.") from error
    if not isinstance(found, Step):
        raise RecipeError(f"step {name!r}: {table[name]} is no step: it lacks the @step decorator.")
    return found
