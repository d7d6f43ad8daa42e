"""From the settings of a recipe to a plan."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.species import Component, find_model, load_library
from imgpipe.species.doubts import GAPLESS, HELD_SHIFTS, METALS, SHAPES, TIED_LINES, TIED_WIDTHS
from imgpipe.species.entries import BACKGROUNDS
from imgpipe.species.fitting import Fitter
from imgpipe.species.plan import FitPlan, RegionPlan, plan_components, plan_model
from imgpipe.spelling import nearest

Window = Annotated[list[float], Field(min_length=2, max_length=2)]
STANDARD_ALTERNATIVES = (
    "shirley", "shirley_linear", "linear", "tougaard_u2", "tougaard_u2_linear", "voigt", "gl_sum", *METALS, GAPLESS,
    HELD_SHIFTS, TIED_WIDTHS, TIED_LINES,
)  # fmt: skip
"""Backgrounds, shapes and stiffer models that are tried unless they are in use."""


def chosen_plan(model: str | None, components: Sequence[Component] | None) -> FitPlan:
    """Return the plan of a named model or of components given one by one."""
    library = load_library()
    if (model is None) == (components is None):
        raise DataError(
            "give either a model or components.", remedy=f"models: {', '.join(library.models)}; or `components:`."
        )
    if model is not None:
        return plan_model(library, model, find_model(library, model))
    given = [c if isinstance(c, Component) else Component.model_validate(c) for c in components or []]
    if not given:
        raise DataError("the list of components is empty.", remedy="name at least one.")
    return plan_components(library, given)


def adjusted(
    plan: FitPlan, background: str | None, shape: str, shift: float | None = None, ratio: float | str | None = None,
    gone: Sequence[str] = (),
) -> FitPlan:  # fmt: skip
    """Return the plan with what the recipe replaces."""
    known(gone, plan)
    regions = []
    for region in (r.without(gone) for r in plan.regions):
        changed = replace(region, background=background or region.background)
        regions.append(_with_components(changed, shape, shift, ratio))
    return replace(plan, regions=tuple(r for r in regions if r.components))


def _with_components(region: RegionPlan, shape: str, shift: float | None, ratio: float | str | None) -> RegionPlan:
    changed = []
    for one in region.components:
        own = replace(one, shape=one.shape or shape)
        own = own if shift is None else replace(own, u_shift=shift)
        if ratio is not None:
            own = replace(own, u_width_ratio=None if ratio == "free" else float(ratio))
        changed.append(own)
    return replace(region, components=tuple(changed))


def known(names: Sequence[str], plan: FitPlan) -> tuple[str, ...]:
    """Return the names when the plan has all of them; else `DataError` with the nearest."""
    there = [c.name for region in plan.regions for c in region.components]
    for name in names:
        if name not in there:
            raise DataError(f"the model {plan.name} has no component {name!r}{nearest(name, there)}.")
    return tuple(names)


def alternative_names(asked: bool | Sequence[str]) -> tuple[str, ...]:
    """Return the names of other backgrounds and shapes that are asked for; else `DataError` with the nearest."""
    if isinstance(asked, bool):
        return STANDARD_ALTERNATIVES if asked else ()
    there = (*BACKGROUNDS, *SHAPES, *METALS, GAPLESS, HELD_SHIFTS, TIED_WIDTHS, TIED_LINES)
    for name in asked:
        if name not in there:
            raise DataError(f"alternatives: unknown background, shape or model {name!r}{nearest(name, there)}.")
    return tuple(asked)


def alternatives_in(asked: bool | Sequence[str], compiled: Fitter) -> tuple[str, ...]:
    """Return the names of other backgrounds and shapes that are not in use already."""
    names = alternative_names(asked)
    regions = [spot.region for spot in compiled.spots]
    in_use = {r.background for r in regions} | {c.shape for r in regions for c in r.components}
    in_use |= set() if in_use & set(METALS) else set(METALS)
    others = [c for r in regions for c in r.components if c.name != r.anchor]
    in_use |= set() if "tougaard_u2" in in_use else {"tougaard_u2_linear"}
    losing = any(r.background.startswith("tougaard") and any(c.gap > 0.0 for c in r.components) for r in regions)
    in_use |= set() if any(c.follows for r in regions for c in r.components) else {TIED_LINES}
    in_use |= set() if losing else {GAPLESS}
    in_use |= set() if any(c.u_shift > 0.0 for c in others) else {HELD_SHIFTS}
    in_use |= set() if any(c.u_width_ratio != 0.0 for c in others) else {TIED_WIDTHS}
    return tuple(name for name in names if name not in in_use)
