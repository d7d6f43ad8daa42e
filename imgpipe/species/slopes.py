"""Backgrounds that are fitted with the peaks: constant, line, active Shirley, Tougaard's universal loss functions."""

from __future__ import annotations

from imgpipe.kernels.fit.model import Background, Segment
from imgpipe.species.parts import Built, Spot
from imgpipe.species.plan import ComponentPlan, FitPlan

TOUGAARD = {"tougaard_u2": (-1643.0, 0.0), "tougaard_u3": (1000.0, 13300.0)}
"""c and d (eV2) of the loss functions B T / ((c - T^2)^2 + d T^2): U2 of Tougaard, and U3 of a metal to start from."""
LARGEST_STEP = 2.0
"""1/eV: Shirley step over peak area."""


def add_background(built: Built, spot: Spot, segment: Segment) -> None:
    """Add the additive columns of a spot."""
    model, kind, label = built.model, spot.region.background, spot.label
    constant = model.column(f"constant {label}", nonnegative=True)
    model.term("constant", segment=segment, column=constant, parameters=[])
    columns = [constant]
    if "linear" in kind:
        slope = model.column(f"slope {label}", nonnegative=False)
        model.term("linear", segment=segment, column=slope, parameters=[])
        columns.append(slope)
    built.backgrounds.append(columns)


def carried(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan) -> Background | None:
    """Return what the peaks of a component carry along: nothing, Shirley, or Tougaard's losses above its band gap.

    Inside the band gap of an insulator there is nothing to excite: the loss function starts at the gap, T0 in
    S. Tougaard, Surf. Interface Anal. 25, 137 (1997). The strength of the losses is one for all components of a sample.
    """
    kind = spot.region.background
    family = kind.removesuffix("_linear")
    if family not in ("shirley", *TOUGAARD):
        return None
    place = "" if "background" in plan.share else spot.sample
    key = ("background", spot.region.region, place)
    if family == "shirley":
        if key not in built.shared:
            built.shared[key] = built.free(
                f"Shirley step {spot.region.region} {place}".strip(), 0.02, 0.0, LARGEST_STEP
            )
        return built.model.shirley(built.shared[key])
    c, d = TOUGAARD[family]
    if key not in built.shared:
        start = 500.0
        built.shared[key] = built.free(f"Tougaard B {spot.region.region} {place}".strip(), start, 0.0, 1.0e5)
    b = built.shared[key]
    if one.gap > 0.0:
        built.note(spot, f"band gap {one.name}", "fixed", one.name, one.gap, source="losses start at the band gap")
    return built.model.tougaard(b, c, d, one.gap)
