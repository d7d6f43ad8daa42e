"""Build the engine's model of a plan: parameters, links, priors and columns, for samples and regions at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgpipe.kernels.fit import Model
from imgpipe.species.constraints import Combination, Constraint, ConstraintBook
from imgpipe.species.plan import ComponentPlan, FitPlan, RegionPlan
from imgpipe.species.profiles import profile_handles
from imgpipe.species.slopes import add_background

SHIFT_REACH = 3.5
"""Standard deviations of a prior within which its parameter is sought."""


@dataclass(frozen=True)
class Spot:
    """One spectrum of a joint fit: a region of a sample.

    Attributes
    ----------
    x : (n,) eV, rising, within the window
    u_charge : eV, prior of the charge shift that is left in it
    gauss, u_gauss : eV, Gaussian FWHM of the instrument, 0 where it was not measured; nothing is narrower
    """

    sample: str
    region: RegionPlan
    x: np.ndarray
    u_charge: float = 1.0
    gauss: float = 0.0
    u_gauss: float = 0.0

    @property
    def least_gauss(self) -> float:
        """Smallest Gaussian FWHM that a Voigt may have, eV."""
        return max(self.gauss - 3.0 * self.u_gauss, 0.0)

    @property
    def label(self) -> str:
        """Name for messages and parameters."""
        return f"{self.region.region} of {self.sample}" if self.sample else self.region.region


@dataclass(frozen=True)
class Column:
    """One component in one spot: which column of the fit, and which parameters make its peaks."""

    spot: int
    component: ComponentPlan
    column: int
    shape: str
    main: tuple[int, ...]
    minor: tuple[int, ...] = ()
    fraction: float = 0.0


@dataclass
class Built:
    """A compiled problem and what its parts mean.

    Attributes
    ----------
    start : handle of a free parameter -> start value
    shifts : per spot, the handle of its charge shift
    backgrounds : per spot, its background columns
    shared : what a parameter stands for -> its handle, so that samples can share it
    """

    model: Model
    spots: tuple[Spot, ...]
    book: ConstraintBook
    columns: list[Column] = field(default_factory=list)
    start: dict[int, float] = field(default_factory=dict)
    shifts: list[int] = field(default_factory=list)
    backgrounds: list[list[int]] = field(default_factory=list)
    shared: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def low(self) -> np.ndarray:
        """Lower bounds of the free parameters."""
        return np.array([entry.low for entry in self.model.free])

    @property
    def high(self) -> np.ndarray:
        """Upper bounds of the free parameters."""
        return np.array([entry.high for entry in self.model.free])

    @property
    def constraints(self) -> list[Constraint]:
        """All constraints in the order of building."""
        return list(self.book.entries.values())

    def of_spot(self, spot: int) -> list[Column]:
        """Return the component columns of a spot."""
        return [one for one in self.columns if one.spot == spot]

    def free(self, name: str, start: float, low: float, high: float, prior: tuple[float, float] | None = None) -> int:
        """Add a free parameter with a start value."""
        handle = self.model.parameter(name, low=low, high=high, prior=prior)
        self.start[handle] = float(np.clip(start, low, high))
        return handle

    def note(
        self, spot: Spot, name: str, kind: str, applies_to: str, value: float = np.nan, u: float = 0.0,
        unit: str = "eV", **more: Any,
    ) -> float:  # fmt: skip
        """Enter a constraint of a spot; return its value, moved if this model was asked to move it."""
        entry = Constraint(name, kind, applies_to, value, u, unit, regions=(spot.region.region,), **more)
        return self.book.value(entry)


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
        source="left after referencing",
        fitted=({shift: 1.0},),
    )
    built.shifts.append(shift)
    background = add_background(built, plan, number, spot, segment)
    positions = _positions(built, plan, spot, shift)
    _width(built, plan, spot, region.anchored)
    for one in region.components:
        width = _width(built, plan, spot, one)
        _add_component(built, plan, number, segment, one, positions[one.name], width, background)


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


def _positions(built: Built, plan: FitPlan, spot: Spot, shift: int) -> dict[str, tuple[Combination, float]]:
    """Return the position of each component as a combination of parameters and an offset."""
    anchor = spot.region.anchored
    found: dict[str, tuple[Combination, float]] = {anchor.name: ({shift: 1.0}, anchor.position)}
    for one in spot.region.components:
        if one is anchor:
            continue
        away = one.position - anchor.position
        title = f"chemical shift {one.name} - {anchor.name}" + _tail(spot.region, plan)
        told = {"source": one.source, "verified": one.verified and anchor.verified}
        u = one.u_shift or (one.u_constant if plan.freed else 0.0)
        if u == 0.0:
            away = built.note(spot, title, "fixed", one.name, away, one.u_constant, **told)
            found[one.name] = ({shift: 1.0}, anchor.position + away)
            continue
        own = _own_shift(built, plan, spot, one, u, built.book.moved.get(title, 0.0))
        built.note(spot, title, "prior", one.name, away, u, fitted=({own: 1.0},), offset=away, **told)
        found[one.name] = ({shift: 1.0, own: 1.0}, anchor.position + away)
    return found


def _own_shift(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan, u: float, moved: float) -> int:
    """Return the free departure of a component's chemical shift from the library's, held by its prior."""
    key = ("shift", spot.region.region, one.name, "" if "shift" in plan.share else spot.sample)
    if key not in built.shared:
        reach = SHIFT_REACH * u
        name = " ".join(part for part in key if part)
        low, high = min(-reach, moved - reach), max(reach, moved + reach)
        built.shared[key] = built.free(name, moved, low, high, (moved, u))
    return built.shared[key]


def _tail(region: RegionPlan, plan: FitPlan) -> str:
    return f" ({region.region})" if len(plan.regions) > 1 else ""


def _width(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan) -> int:
    """Return the handle of the width of a component's main peak: Gaussian FWHM of a Voigt, FWHM of other shapes."""
    region, anchor = spot.region, spot.region.anchored
    place = "" if "width" in plan.share else spot.sample
    key = ("width", region.region, one.name, place)
    if key in built.shared:
        return built.shared[key]
    base = None if one is anchor else built.shared[("width", region.region, anchor.name, place)]
    title = f"width {one.name} / {anchor.name}" + _tail(region, plan)
    name = f"width {one.name} {region.region} {place}".strip()
    u = one.u_width_ratio
    if u == 0.0 and plan.freed and region.u_width_constant > 0.0:
        u = region.u_width_constant
    if base is not None and u == 0.0:
        ratio = built.note(
            spot, title, "linked", one.name, one.width_ratio, region.u_width_constant, "1", source="tied widths"
        )
        handle = built.model.linked(name, {base: ratio})
    else:
        least = max(one.natural_width, 0.5 * one.width_low, spot.least_gauss)
        handle = built.free(name, one.width, least, max(one.width_high, least + 0.1))
        if base is not None and u is not None:
            _width_prior(built, spot, title, one, u, handle, base)
    built.shared[key] = handle
    _note_width_bounds(built, spot, one, place)
    return handle


def _width_prior(built: Built, spot: Spot, title: str, one: ComponentPlan, u: float, handle: int, base: int) -> None:
    """Hold the ratio of two widths by a prior on their difference, scaled by the start width."""
    ratio = built.note(
        spot, title, "prior", one.name, one.width_ratio, u, "1", source="one instrument, one charge",
        fitted=({handle: 1.0},), over=({base: 1.0},),
    )  # fmt: skip
    built.model.prior({handle: 1.0, base: -ratio}, 0.0, u * built.start[base])


def _note_width_bounds(built: Built, spot: Spot, one: ComponentPlan, place: str) -> None:
    for word, value in (("least", 0.5 * one.width_low), ("largest", one.width_high)):
        built.note(spot, f"{word} width of {one.line}", "bound", one.name, value, source="range met in practice")
    if not place and len({s.sample for s in built.spots}) > 1:
        built.note(spot, f"width shared by samples ({spot.region.region})", "shared", one.name, unit="1")


def _add_component(
    built: Built, plan: FitPlan, number: int, segment: int, one: ComponentPlan,
    position: tuple[Combination, float], width: int, background: object,
) -> None:  # fmt: skip
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


def _doublet_constant(
    built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan, word: str
) -> tuple[Combination, float]:
    """Return splitting or ratio as a combination of parameters and an offset; one for all doublets of a line."""
    apart = word == "splitting"
    value, u = (one.splitting, one.u_splitting) if apart else (one.ratio, one.u_ratio)
    unit = "eV" if apart else "1"
    title = f"splitting {one.line} {value:g} eV" if apart else f"ratio {one.minor}/{one.main} {one.line} {value:.4g}"
    told = {"source": one.line_source, "verified": one.line_verified}
    if not plan.freed or u == 0.0:
        return {}, built.note(spot, title, "fixed", one.name, value, u, unit, **told)
    key = (word, title)
    if key not in built.shared:
        low, high = (value - SHIFT_REACH * u, value + SHIFT_REACH * u) if apart else (0.0, 1.0)
        built.shared[key] = built.free(title, value, low, high, (value, u))
    built.note(spot, title, "prior", one.name, value, u, unit, fitted=({built.shared[key]: 1.0},), **told)
    return {built.shared[key]: 1.0}, 0.0


def _weights(built: Built, one: ComponentPlan, ratio: tuple[Combination, float]) -> tuple[float | int, float | int]:
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
