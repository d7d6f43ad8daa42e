"""Build the engine's model of a plan: parameters, links, priors and columns, for samples and regions at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imgpipe.kernels.fit import Model
from imgpipe.species.components import add_component, add_follower
from imgpipe.species.constraints import Combination, ConstraintBook
from imgpipe.species.parts import Built, Spot
from imgpipe.species.plan import FitPlan
from imgpipe.species.positions import positions_of
from imgpipe.species.slopes import add_background, carried
from imgpipe.species.widths import width_of


def build(spots: Sequence[Spot], plan: FitPlan, moved: Mapping[str, float] | None = None) -> Built:
    """Return the compiled model of all spots.

    Parameters
    ----------
    spots : what is fitted jointly
    plan : the fit
    moved : constraint -> by how much its value is moved (sensitivity)
    """
    built = Built(Model(), tuple(spots), ConstraintBook(dict(moved or {})))
    for number, spot in enumerate(spots):
        _add_spot(built, plan, number, spot)
    _bind_regions(built, plan)
    return built


def _add_spot(built: Built, plan: FitPlan, number: int, spot: Spot) -> None:
    segment = built.model.segment(spot.x)
    region = spot.region
    reach = 3.0 * spot.u_charge
    shift = built.free(f"charge shift {spot.label}", 0.0, -reach, reach, (0.0, spot.u_charge))
    title = f"charge shift {region.region}"
    built.note(
        spot,
        title,
        "prior",
        "all components",
        0.0,
        spot.u_charge,
        source="assumption: left after referencing",
        verified=False,
        fitted=({shift: 1.0},),
    )
    built.shifts.append(shift)
    add_background(built, spot, segment)
    positions = positions_of(built, plan, spot, shift)
    width_of(built, plan, spot, region.anchored)
    for one in (c for c in region.components if not c.tied):
        width = width_of(built, plan, spot, one)
        add_component(built, plan, number, segment, one, positions[one.name], width, carried(built, plan, spot, one))
    for one in (c for c in region.components if c.tied):
        add_follower(built, plan, number, segment, one, positions[one.name], carried(built, plan, spot, one))


def _bind_regions(built: Built, plan: FitPlan) -> None:
    """Regions of one sample share their charge shift, within what the energies of their anchors are sure of."""
    for sample in dict.fromkeys(spot.sample for spot in built.spots):
        members = [n for n, spot in enumerate(built.spots) if spot.sample == sample]
        first = members[0]
        for other in members[1:]:
            names = built.spots[other].region.region, built.spots[first].region.region
            pair: Combination = {built.shifts[other]: 1.0, built.shifts[first]: -1.0}
            mean = built.note(
                built.spots[other], f"charge shift {names[0]} - {names[1]}", "prior", " and ".join(names), 0.0,
                plan.region_u, source="energies of the anchors, uneven charging", fitted=(pair,),
            )  # fmt: skip
            built.model.prior(pair, mean, plan.region_u)
