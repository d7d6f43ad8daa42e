"""Components as columns of the fit: one peak, or a doublet with its splitting and ratio."""

from __future__ import annotations

from typing import Any

from imgpipe.kernels.fit.model import Background, Parameter, Segment
from imgpipe.species.constraints import Combination
from imgpipe.species.parts import Built, Column, Spot
from imgpipe.species.plan import ComponentPlan, FitPlan
from imgpipe.species.positions import SHIFT_REACH
from imgpipe.species.profiles import lifetime_of, profile_handles


def add_component(
    built: Built, plan: FitPlan, number: int, segment: Segment, one: ComponentPlan,
    position: tuple[Combination, float], width: Parameter, background: Background | None,
) -> None:  # fmt: skip
    """Add the column of a component of a spot, with its one or two peaks and what they drag behind them.

    Parameters
    ----------
    position : of the main half: a combination of parameters, and an offset
    width : of the main half
    """
    spot = built.spots[number]
    model = built.model
    shape, others = profile_handles(built, plan, spot, one)
    combination, offset = position
    where = model.linked(f"position {one.name} {spot.label}", combination, offset=offset)
    main = (where, width, *others)
    column = model.column(f"{one.name} {spot.label}", nonnegative=True)
    if one.minor is None:
        model.term(shape, segment=segment, column=column, parameters=list(main), background=background)
        built.columns.append(Column(number, one, column, shape, main))
        return
    apart = _doublet_constant(built, plan, spot, one, "splitting")
    ratio = _doublet_constant(built, plan, spot, one, "ratio")
    second = model.linked(
        f"position {one.name} {one.minor} {spot.label}", {**combination, **apart[0]}, offset=offset + apart[1]
    )
    broad = width
    if one.partner_width_ratio != 1.0:
        broad = model.linked(f"width {one.name} {one.minor} {spot.label}", {width: one.partner_width_ratio})
    minor = (second, broad, *others)
    weights = _weights(built, one, ratio)
    for part, weight in zip((main, minor), weights, strict=True):
        model.term(shape, segment=segment, column=column, parameters=list(part), weight=weight, background=background)
    built.columns.append(Column(number, one, column, shape, main, minor, one.ratio / (1.0 + one.ratio)))


def add_follower(
    built: Built, plan: FitPlan, number: int, segment: Segment, one: ComponentPlan,
    position: tuple[Combination, float], background: Background | None,
) -> None:  # fmt: skip
    """Add a further line of the same atoms to the column of the component it follows: one amplitude for both.

    The Gaussian width is that of the other, and in a metal its asymmetry and cut-off too; the life time is
    its own. The ratio of the areas is a prior, one for all
    components and samples, since it belongs to the atom.
    """
    spot = built.spots[number]
    owner = next(c for c in built.columns if c.spot == number and c.component.name == one.follows)
    title = f"area {one.line} / {owner.component.line}"
    key = ("area ratio", title, "")
    if key not in built.shared:
        mean = one.area_ratio + built.book.moved.get(title, 0.0)
        built.shared[key] = built.free(
            title, mean, 0.0, mean + SHIFT_REACH * one.u_area_ratio, (mean, one.u_area_ratio)
        )
    ratio = built.shared[key]
    told: dict[str, Any] = {"source": one.source, "verified": one.verified, "fitted": ({ratio: 1.0},)}
    built.note(spot, title, "prior", one.name, one.area_ratio, one.u_area_ratio, "1", **told)
    lifetime = lifetime_of(built, plan, spot, one)
    tail = owner.main[3:] if owner.shape == "mahan" else ()
    shape = "mahan" if tail else "voigt"
    where = built.model.linked(f"position {one.name} {spot.label}", position[0], offset=position[1])
    built.model.term(
        shape, segment=segment, column=owner.column, parameters=[where, owner.main[1], lifetime, *tail],
        weight=ratio, background=background,
    )  # fmt: skip


def _doublet_constant(
    built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan, word: str
) -> tuple[Combination, float]:
    """Return splitting or ratio as a combination of parameters and an offset; one for all doublets of a line."""
    apart = word == "splitting"
    value, u = (one.splitting, one.u_splitting) if apart else (one.ratio, one.u_ratio)
    unit = "eV" if apart else "1"
    title = f"splitting {one.line} {value:g} eV" if apart else f"ratio {one.minor}/{one.main} {one.line} {value:.4g}"
    told: dict[str, Any] = {"source": one.line_source, "verified": one.line_verified}
    if not plan.freed or u == 0.0:
        return {}, built.note(spot, title, "fixed", one.name, value, u, unit, **told)
    key = (word, title)
    if key not in built.shared:
        low, high = (value - SHIFT_REACH * u, value + SHIFT_REACH * u) if apart else (0.0, 1.0)
        built.shared[key] = built.free(title, value, low, high, (value, u))
    built.note(spot, title, "prior", one.name, value, u, unit, fitted=({built.shared[key]: 1.0},), **told)
    return {built.shared[key]: 1.0}, 0.0


def _weights(
    built: Built, one: ComponentPlan, ratio: tuple[Combination, float]
) -> tuple[float | Parameter, float | Parameter]:
    """Return the weights of the main and the minor half; their sum is one, linear about the ratio held."""
    whole = 1.0 + one.ratio
    parameters, value = ratio
    if not parameters:
        return 1.0 / (1.0 + value), value / (1.0 + value)
    (handle,) = parameters
    slope, minor = 1.0 / whole**2, one.ratio / whole - one.ratio / whole**2
    upper = built.model.linked(f"weight {one.name} {one.minor}", {handle: slope}, offset=minor)
    lower = built.model.linked(f"weight {one.name} {one.main}", {handle: -slope}, offset=1.0 - minor)
    return lower, upper
