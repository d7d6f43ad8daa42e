"""What the steps that fit have against the settings of a recipe, told before any file is opened."""

from collections.abc import Mapping, Sequence
from typing import Any

from imgpipe.errors import DataError
from imgpipe.species.plan import FitPlan
from imgpipe.spelling import nearest
from imgpipe.steps.xps.fit_settings import adjusted, alternative_names, chosen_plan, known

KILOELECTRONVOLTS = 5.0
"""Binding energies below this, in eV, look like keV."""


def check_fit(settings: Any) -> None:
    """Refuse unknown models, species, components, alternatives and windows of `fit_components`."""
    check_model(settings)
    plan = chosen_plan(settings.model, settings.components)
    known([*(settings.leave_out or []), *(settings.exclude_from_percent or [])], plan)
    alternative_names(settings.alternatives)


def check_model(settings: Any) -> None:
    """Refuse what both the fit and the comparison of models take: model, components, windows."""
    plan = adjusted(chosen_plan(settings.model, settings.components), settings.background, settings.shape)
    _refuse_kiloelectronvolts(plan)
    _refuse_windows(settings.window or {}, plan)


def _refuse_kiloelectronvolts(plan: FitPlan) -> None:
    for one in (component for region in plan.regions for component in region.components):
        if one.position < KILOELECTRONVOLTS:
            raise DataError(
                f"component {one.name!r}: a position of {one.position:g} eV looks like keV.",
                remedy=f"write `position: {1000 * one.position:g}`.",
            )


def _refuse_windows(windows: Mapping[str, Sequence[float]], plan: FitPlan) -> None:
    there = [name for region in plan.regions for name in (region.region, *region.also)]
    for name, (low, high) in windows.items():
        if name not in there:
            raise DataError(f"window: the model {plan.name} has no region {name!r}{nearest(name, there)}.")
        if not KILOELECTRONVOLTS < low < high:
            raise DataError(
                f"window: {name}: [{low:g}, {high:g}] is no range of binding energies in eV.",
                remedy="give the lowest energy first, in eV.",
            )
