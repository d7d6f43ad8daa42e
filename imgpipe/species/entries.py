"""What stands in the species library: lines, species, and models made of them, strictly validated."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Range = Annotated[tuple[Positive, Positive], BeforeValidator(_listed)]
Share = Annotated[float, Field(ge=0, le=1)]
Shape = Literal["voigt", "gl_sum", "gl_product", "gaussian", "lorentzian", "doniach", "mahan", "la", "lf"]
Background = Literal[
    "constant", "linear", "shirley", "shirley_linear", "tougaard_u2", "tougaard_u2_linear", "tougaard_u3"
]
BACKGROUNDS: tuple[str, ...] = get_args(Background)
Kind = Literal["chemical", "loss", "foreign"]


class Entry(BaseModel):
    """Base of all entries: unknown keys, texts for numbers and infinities are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Line(Entry):
    """One photoelectron line, such as S 2p.

    Attributes
    ----------
    main, minor : names of the two halves of a doublet ("2p3/2", "2p1/2"); a single line has only `main`
    splitting, u_splitting : eV, from the main half up to the minor one
    ratio, u_ratio : area of the minor half over that of the main one, below 1
    natural_width : eV, life-time width (Lorentz FWHM): no peak is narrower
    width : eV, smallest and largest FWHM met in practice
    window : eV, what is fitted unless the recipe says otherwise
    """

    element: str
    main: str
    minor: str | None = None
    splitting: Positive | None = None
    u_splitting: NotNegative = 0.02
    ratio: Annotated[float, Field(gt=0, lt=1)] | None = None
    u_ratio: NotNegative = 0.005
    natural_width: NotNegative = 0.05
    width: Range = (0.5, 2.5)
    window: Range
    source: str
    verified: bool

    @model_validator(mode="after")
    def _complete(self) -> Line:
        if (self.minor is None) != (self.splitting is None) or (self.minor is None) != (self.ratio is None):
            raise ValueError("minor, splitting and ratio belong together: give all three or none")
        return self


class Species(Entry):
    """One chemical state as one line shows it.

    Attributes
    ----------
    line : key of the line
    energy, energy_low, energy_high : eV, main half of the doublet, with its plausible range
    asymmetry : of metals: the extra exponent of the low-energy-loss side, 0 for compounds
    gap : eV, band gap of an insulator: where its energy losses start; 0 for metals and where it is not known
    kind : chemical (counts in the percents), loss (a plasmon), foreign (another line that lies in the window)
    overlaps : what else lies here, as a text for the flag
    """

    name: str
    formula: str = ""
    line: str
    energy: Positive
    energy_low: Positive
    energy_high: Positive
    shape_class: Literal["compound", "metal"] = "compound"
    asymmetry: Share = 0.0
    u_asymmetry: NotNegative = 0.0
    gap: NotNegative = 0.0
    width: Range | None = None
    kind: Kind = "chemical"
    overlaps: Texts = ()
    source: str
    verified: bool

    @model_validator(mode="after")
    def _ordered(self) -> Species:
        if not self.energy_low <= self.energy <= self.energy_high:
            raise ValueError(f"{self.energy} eV lies outside of its own range {self.energy_low} to {self.energy_high}")
        return self


class Component(Entry):
    """One component of a fit: a species of the library, or a peak described in full.

    Attributes
    ----------
    name : shown in the tables
    species : key in the library, which gives what is left out here
    line : "S 2p"; needed without `species`
    position : eV, of the main half of the doublet
    u_shift : eV, standard deviation of its chemical shift from the anchor; 0 holds the shift as a constant
    u_constant : eV, what a constant shift may be off by; it enters the interval and the sensitivity table
    width_ratio, u_width_ratio : width over that of the anchor and how sure; u of 0 ties them
    splitting, ratio : replace those of the line; the ratio is minor over main, below 1 (2p1/2 to 2p3/2 is 0.5)
    partner_width_ratio : width of the minor half over that of the main one
    shape : replaces the shape of the recipe
    asymmetry, u_asymmetry : of a metal
    follows, area_ratio, u_area_ratio : component whose atoms give this line too (W 5p of the W seen in W 4f), and its
        area over that of the other: a prior of the alternative model `tied_lines`, in which position and Gaussian width
        go with the other too
    kind : chemical, loss or foreign; only chemical ones count in percents
    required : kept whatever a model comparison says
    """

    name: str
    species: str | None = None
    line: str | None = None
    position: Positive | None = None
    position_low: Positive | None = None
    position_high: Positive | None = None
    u_shift: NotNegative | None = None
    u_constant: NotNegative = 0.0
    width: Positive | None = None
    width_low: Positive | None = None
    width_high: Positive | None = None
    width_ratio: Positive = 1.0
    u_width_ratio: NotNegative | None = None
    splitting: Positive | None = None
    ratio: Positive | None = None
    partner_width_ratio: Positive = 1.0
    shape: Shape | None = None
    asymmetry: Share | None = None
    u_asymmetry: NotNegative | None = None
    follows: str | None = None
    area_ratio: Positive | None = None
    u_area_ratio: Positive | None = None
    kind: Kind | None = None
    overlaps: Texts = ()
    required: bool = True
    source: str = ""
    verified: bool | None = None


class RegionModel(Entry):
    """What is fitted in one region.

    Attributes
    ----------
    region : canonical name of the leaf; `also`: other names under which the same window may come
    anchor : component that the chemical shifts are counted from
    u_width_ratio : standard deviation of the widths over that of the anchor; 0 ties them, none leaves them free
    u_width_constant : what tied widths may differ by; it enters the interval and the sensitivity table
    mixing, u_mixing : Lorentz share m of GL shapes
    lorentz, u_lorentz : eV, Lorentz FWHM of Voigt shapes
    """

    region: str
    also: Texts = ()
    window: Range
    background: Background = "shirley_linear"
    anchor: str
    width: Positive = 1.2
    u_width_ratio: NotNegative | None = 0.10
    u_width_constant: NotNegative = 0.0
    mixing: Share = 0.25
    u_mixing: NotNegative = 0.15
    lorentz: NotNegative = 0.25
    u_lorentz: NotNegative = 0.15
    components: Annotated[tuple[Component, ...], BeforeValidator(_listed)]

    @model_validator(mode="after")
    def _sound(self) -> RegionModel:
        names = [one.name for one in self.components]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.region}: two components have the same name")
        if self.anchor not in names:
            raise ValueError(f"{self.region}: the anchor {self.anchor!r} is none of {', '.join(names)}")
        for one in (c for c in self.components if c.follows is not None):
            if one.follows not in names or one.follows == one.name or one.name == self.anchor:
                raise ValueError(f"{self.region}: {one.name} can't follow {one.follows!r}")
            if one.area_ratio is None or one.u_area_ratio is None:
                raise ValueError(f"{self.region}: {one.name} follows {one.follows}: give area_ratio and u_area_ratio")
        return self


class FitModel(Entry):
    """A named set of regions and components.

    Attributes
    ----------
    title : what the methods paragraph calls it
    share : what samples share unless the recipe says otherwise
    exclude_from_percent : components left out of the denominator
    include : models whose regions stand before its own
    regions : one entry per region; regions that the data lack are left out
    """

    title: str
    source: str
    share: Texts = ("width", "mixing")
    exclude_from_percent: Texts = ()
    include: Texts = ()
    regions: Annotated[tuple[RegionModel, ...], BeforeValidator(_listed)] = ()


class Library(Entry):
    """Everything: lines, species and models by key."""

    lines: dict[str, Line]
    species: dict[str, Species]
    models: dict[str, FitModel]

    @model_validator(mode="after")
    def _known(self) -> Library:
        for key, one in self.species.items():
            if one.line not in self.lines:
                raise ValueError(f"species {key!r}: unknown line {one.line!r}")
        for name, model in self.models.items():
            for other in (one for one in model.include if one not in self.models):
                raise ValueError(f"model {name!r}: unknown model {other!r}")
            for part in (c for region in model.regions for c in region.components):
                if part.species is not None and part.species not in self.species:
                    raise ValueError(f"model {name!r}: unknown species {part.species!r}")
        return self
