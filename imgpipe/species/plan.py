"""From a named model, or a list of components, to a plan in which every number stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from imgpipe.errors import DataError
from imgpipe.species.entries import Component, FitModel, Library, Line, RegionModel, Species
from imgpipe.spelling import nearest

CHARGE_SHIFT_U = 1.0
"""eV, prior of the charge shift of a sample that remains after energy referencing: wide enough to be no constraint."""
REGION_SHIFT_U = 0.2
"""eV, prior of the difference of charge shifts between the regions of one sample."""
ASYMMETRIC = ("doniach", "la", "lf")


@dataclass(frozen=True)
class ComponentPlan:
    """One component with all its numbers (eV); see `imgpipe.species.entries.Component` for their meaning.

    `tied`: it has no area of its own but that of the component it follows.
    """

    name: str
    line: str
    main: str
    minor: str | None
    position: float
    low: float
    high: float
    u_shift: float
    u_constant: float
    width: float
    width_low: float
    width_high: float
    width_ratio: float
    u_width_ratio: float | None
    splitting: float
    u_splitting: float
    ratio: float
    u_ratio: float
    partner_width_ratio: float
    shape: str
    asymmetry: float
    u_asymmetry: float
    natural_width: float
    gap: float
    follows: str | None
    area_ratio: float
    u_area_ratio: float
    kind: str
    overlaps: tuple[str, ...]
    required: bool
    source: str
    line_source: str
    verified: bool
    line_verified: bool
    tied: bool = False

    @property
    def peaks(self) -> tuple[str, ...]:
        """Names of its one or two peaks."""
        halves = (self.main,) if self.minor is None else (self.main, self.minor)
        return tuple(f"{self.name} {half}" for half in halves)


@dataclass(frozen=True)
class RegionPlan:
    """One region: window, background, what ties the components."""

    region: str
    also: tuple[str, ...]
    window: tuple[float, float]
    background: str
    anchor: str
    width: float
    u_width_constant: float
    mixing: float
    u_mixing: float
    lorentz: float
    u_lorentz: float
    components: tuple[ComponentPlan, ...]

    @property
    def anchored(self) -> ComponentPlan:
        """Component that shifts and widths are counted from."""
        return next(one for one in self.components if one.name == self.anchor)

    def without(self, names: Iterable[str]) -> RegionPlan:
        """Return the plan without some components; the first one left is the anchor when the old one is gone.

        What follows a component goes with it.
        """
        gone = set(names)
        kept = tuple(one for one in self.components if not gone & {one.name, one.follows})
        anchored = any(one.name == self.anchor for one in kept)
        return replace(self, components=kept, anchor=self.anchor if anchored or not kept else kept[0].name)


@dataclass(frozen=True)
class FitPlan:
    """A whole fit.

    Attributes
    ----------
    share : of "width", "mixing", "shift", "background": what all samples have in common
    excluded : components left out of percents
    charge_u : eV, prior of the remaining charge shift
    region_u : eV, prior of its difference between the regions of one sample
    freed : constants with a u are fitted, with a prior of that u
    """

    name: str
    title: str
    source: str
    regions: tuple[RegionPlan, ...]
    share: frozenset[str] = frozenset({"width", "mixing"})
    excluded: tuple[str, ...] = ()
    charge_u: float = CHARGE_SHIFT_U
    region_u: float = REGION_SHIFT_U
    freed: bool = False

    def only(self, names: Iterable[str]) -> FitPlan:
        """Return the plan for some of its regions."""
        kept = set(names)
        return replace(self, regions=tuple(r for r in self.regions if r.region in kept))

    def of_region(self, region: RegionPlan) -> str:
        """Return what tells the constraints of regions apart: nothing where there is one region only."""
        return f" ({region.region})" if len(self.regions) > 1 else ""


def plan_model(library: Library, name: str, model: FitModel) -> FitPlan:
    """Return the plan of a named model, with the library's numbers where the model gives none."""
    regions = tuple(_region_plan(library, region) for region in model.regions)
    return FitPlan(name, model.title, model.source, regions, frozenset(model.share), model.exclude_from_percent)


def plan_components(library: Library, components: Sequence[Component]) -> FitPlan:
    """Return the plan of components given one by one: one region per line, the first component is the anchor."""
    lines: dict[str, list[Component]] = {}
    for one in components:
        lines.setdefault(_line_of(library, one), []).append(one)
    regions = []
    for key, members in lines.items():
        line = _known_line(library, key, members[0].name)
        own = RegionModel(region=key, window=line.window, anchor=members[0].name, components=tuple(members))
        regions.append(_region_plan(library, own))
    return FitPlan("own", "components of the recipe", "recipe", tuple(regions))


def _line_of(library: Library, component: Component) -> str:
    if component.species is not None:
        return _known_species(library, component).line
    if component.line is None:
        raise DataError(
            f"component {component.name!r} names neither a species nor a line.",
            remedy="give `species:` (a key of the library) or `line:` and `position:`.",
        )
    return component.line


def _known_line(library: Library, key: str, component: str) -> Line:
    if key not in library.lines:
        raise DataError(f"component {component!r}: unknown line {key!r}{nearest(key, library.lines)}.")
    return library.lines[key]


def _known_species(library: Library, component: Component) -> Species:
    key = str(component.species)
    if key not in library.species:
        raise DataError(f"component {component.name!r}: unknown species {key!r}{nearest(key, library.species)}.")
    return library.species[key]


def _region_plan(library: Library, region: RegionModel) -> RegionPlan:
    components = tuple(_component_plan(library, region, one) for one in region.components)
    return RegionPlan(
        region.region, region.also, region.window, region.background, region.anchor, region.width,
        region.u_width_constant, region.mixing, region.u_mixing, region.lorentz, region.u_lorentz, components,
    )  # fmt: skip


def _component_plan(library: Library, region: RegionModel, one: Component) -> ComponentPlan:
    key = _line_of(library, one)
    line = _known_line(library, key, one.name)
    species = None if one.species is None else _known_species(library, one)
    position = _first(one.position, species.energy if species else None)
    if position is None:
        raise DataError(f"component {one.name!r}: no position.", remedy="give `position:` in eV, or a `species:`.")
    low, high = (species.energy_low, species.energy_high) if species else (position - 1.0, position + 1.0)
    limits = (species.width if species else None) or line.width
    metal = species is not None and species.shape_class == "metal"
    ratio = _ratio(one, line, key)
    own_ratio = one.ratio is not None or one.splitting is not None
    return ComponentPlan(
        name=one.name,
        line=key,
        main=line.main,
        minor=line.minor if ratio else None,
        position=position,
        low=min(_first(one.position_low, low), position),
        high=max(_first(one.position_high, high), position),
        u_shift=_first(one.u_shift, 0.2),
        u_constant=one.u_constant,
        width=_first(one.width, one.width_ratio * region.width),
        width_low=_first(one.width_low, limits[0]),
        width_high=_first(one.width_high, limits[1]),
        width_ratio=one.width_ratio,
        u_width_ratio=_first(one.u_width_ratio, region.u_width_ratio),
        splitting=_first(one.splitting, line.splitting, 0.0),
        u_splitting=line.u_splitting,
        ratio=ratio,
        u_ratio=line.u_ratio,
        partner_width_ratio=one.partner_width_ratio,
        shape=one.shape or "",
        asymmetry=_first(one.asymmetry, species.asymmetry if metal and species else 0.0),
        u_asymmetry=_first(one.u_asymmetry, species.u_asymmetry if metal and species else 0.0),
        natural_width=line.natural_width,
        gap=species.gap if species else 0.0,
        follows=one.follows,
        area_ratio=_first(one.area_ratio, 0.0),
        u_area_ratio=_first(one.u_area_ratio, 0.0),
        kind=one.kind or (species.kind if species else "chemical"),
        overlaps=tuple(dict.fromkeys((*one.overlaps, *(species.overlaps if species else ())))),
        required=one.required,
        source=one.source or (species.source if species else "recipe"),
        line_source=(one.source or "recipe") if own_ratio else line.source,
        verified=_first(one.verified, species.verified if species else True),
        line_verified=True if own_ratio else line.verified,
    )


def _ratio(one: Component, line: Line, key: str) -> float:
    """Return minor over main; 0 for a single line. A ratio above 1 is the wrong way round."""
    ratio = float(_first(one.ratio, line.ratio, 0.0))
    if ratio > 1.0:
        right = _first(line.ratio, 1.0 / ratio)
        raise DataError(
            f"component {one.name!r}: ratio {ratio:g} is the wrong way round: it is the area of "
            f"{line.minor or 'the minor half'} over that of {line.main} and lies below 1.",
            remedy=f"write `ratio: {right:.4g}` (p 1:2, d 2:3, f 3:4), or leave it to the library.",
        )
    if ratio and line.minor is None:
        raise DataError(
            f"component {one.name!r}: {key} is a single line; it has no ratio.", remedy="leave out `ratio:`."
        )
    return ratio


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
