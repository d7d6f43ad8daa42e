"""Where components lie: the charge shift of the sample, the chemical shift from the anchor."""

from __future__ import annotations

from typing import Any

from imgpipe.kernels.fit.model import Parameter
from imgpipe.species.constraints import Combination
from imgpipe.species.parts import Built, Spot
from imgpipe.species.plan import ComponentPlan, FitPlan

SHIFT_REACH = 3.5
"""Standard deviations of a prior within which its parameter is sought."""


def positions_of(built: Built, plan: FitPlan, spot: Spot, shift: Parameter) -> dict[str, tuple[Combination, float]]:
    """Return the position of each component as a combination of parameters and an offset.

    Shifts count from the anchor, those of lines that follow a component from that component.
    """
    anchor = spot.region.anchored
    found: dict[str, tuple[Combination, float]] = {anchor.name: ({shift: 1.0}, anchor.position)}
    named = {one.name: one for one in spot.region.components}
    for one in sorted(spot.region.components, key=lambda c: c.tied):
        if one is anchor:
            continue
        base = named[one.follows] if one.tied and one.follows else anchor
        start, offset = found[base.name]
        away = one.position - base.position
        title = f"chemical shift {one.name} - {base.name}" + plan.of_region(spot.region)
        told: dict[str, Any] = {"source": one.source, "verified": one.verified and base.verified}
        u = one.u_shift or (one.u_constant if plan.freed else 0.0)
        if u == 0.0:
            away = built.note(spot, title, "fixed", one.name, away, one.u_constant, **told)
            found[one.name] = (start, offset + away)
            continue
        own = _own_shift(built, plan, spot, one, u, built.book.moved.get(title, 0.0))
        built.note(spot, title, "prior", one.name, away, u, fitted=({own: 1.0},), offset=away, **told)
        found[one.name] = ({**start, own: 1.0}, offset + away)
    return found


def _own_shift(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan, u: float, moved: float) -> Parameter:
    """Return the free departure of a component's chemical shift from the library's, held by its prior."""
    key = ("shift", spot.region.region, one.name, "" if "shift" in plan.share else spot.sample)
    if key not in built.shared:
        reach = SHIFT_REACH * u
        name = " ".join(part for part in key if part)
        low, high = min(-reach, moved - reach), max(reach, moved + reach)
        built.shared[key] = built.free(name, moved, low, high, (moved, u))
    return built.shared[key]
