"""Total and excess sulfide of a sulfide electrolyte, against a pristine reference."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.attenuation import relative_length
from imgpipe.kernels.sulfide import Excess, Ratio, beyond_lattice, measured_ratio
from imgpipe.model import quantity, texts
from imgpipe.step import step
from imgpipe.steps.xps.line_areas import AL_KALPHA, Analyser, LineArea, component_lines
from imgpipe.steps.xps.samples import Sample, as_tree, number, samples_of
from imgpipe.units import Dims, Gives

REFERENCE = "is the reference: the excess is zero by construction"
"""Flag of the sample whose ratio is used."""
CHECKED = 2.0
"""The ratio of P to S in PS4 is flagged when it is off by more than this many u."""
OWN = (
    "sulfide_percent", "u_sulfide_percent", "lattice_sulfide", "excess_sulfide", "u_excess_sulfide",
    "excess_sulfide_low", "excess_sulfide_high", "probability_excess", "lattice_ratio", "u_lattice_ratio",
    "ps4_ratio", "u_ps4_ratio", "sulfide_of", "sulfide_flag",
)  # fmt: skip


@step(version=1, measures=True)
def excess_sulfide(
    tree: Annotated[xr.DataTree, Dims("component")],
    *,
    sulfide: str = "S2-",
    thiophosphate: str = "PS4",
    pristine: str | None = None,
    lattice_ratio: Annotated[float, Field(ge=0)] = 0.25,
    u_lattice_ratio: Annotated[float, Field(ge=0)] = 0.025,
    u_sensitivity_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.1,
) -> Annotated[xr.DataTree, Gives(table="regions", excess_sulfide="percent", u_excess_sulfide="percent")]:
    """Tell how much S2- there is beyond that of the lattice: only this excess may be called Li2S.

    Li6PS5Cl is PS4(3-) + S(2-) + Cl(-): a fifth of its sulfur is S2- without any Li2S. Excess = share of S2- less
    `lattice_ratio` times that of PS4; a solid that decomposes loses lattice S2- and PS4 together. Where P 2p was
    fitted too, P(PS4) : S(PS4) = 1 : 4 is checked: a ratio that is off says that the PS4 component holds something
    else (Cu-S, polysulfide).

    Parameters
    ----------
    tree : leaves after fit_components, with the two components in S 2p
    sulfide, thiophosphate : names of the components
    pristine : sample (name along `sample`, or of a node or file) whose measured ratio is used
    lattice_ratio : S2- over PS4, in atoms of sulfur, when nothing pristine was measured: 1 : 4 in Li6PS5Cl, 0.125 in
        Li5.5PS4.5Cl1.5
    u_lattice_ratio : its u
    u_sensitivity_ratio : relative u of the sensitivities of P 2p over S 2p, for the check

    Returns
    -------
    the leaves with, on `region`, ``sulfide_percent`` (total), ``lattice_sulfide``, ``excess_sulfide`` with u and 95 %
    interval (not cut at zero), ``probability_excess``, the ratio used, ``ps4_ratio`` and ``sulfide_flag``
    """
    samples = samples_of(tree)
    ratio = Ratio(lattice_ratio, u_lattice_ratio)
    source = f"{lattice_ratio:g} +- {u_lattice_ratio:g} (given)"
    if pristine is not None:
        ratio = _measured(samples, pristine, sulfide, thiophosphate)
        source = f"{ratio.value:.3f} +- {ratio.u:.3f} (measured on {pristine})"
    result: dict[str, xr.Dataset] = {}
    for sample in samples:
        for region, leaf in sample.regions.items():
            if _holds(leaf, sulfide, thiophosphate):
                check = _check(sample, region, thiophosphate, u_sensitivity_ratio)
                table = _table(leaf, region, _excess(leaf, sulfide, thiophosphate, ratio), ratio, check, sulfide)
                table["sulfide_flag"] = table["sulfide_flag"].where(~_is_reference(sample, region, pristine), REFERENCE)
                basis = f"{_denominator(leaf, sulfide)}; lattice S2- : PS4 = {source}"
                table["sulfide_of"] = texts([basis], "percent of", "region")
                before = leaf.drop_vars(OWN, errors="ignore")
                result[sample.paths[region]] = before.merge(table, join="exact", combine_attrs="override")
    if not result:
        raise DataError(
            f"no region has the components {sulfide} and {thiophosphate}.",
            remedy="put fit_components with `model: argyrodite` before this step, or name the components.",
        )
    return as_tree(result)


def _holds(leaf: xr.Dataset, *names: str) -> bool:
    return "component" in leaf.coords and set(names) <= set(map(str, leaf["component"].values))


def _is_reference(sample: Sample, region: str, pristine: str | None) -> xr.DataArray:
    """Tell where a leaf is the sample whose ratio is used: one truth value, or one along `sample`."""
    leaf = sample.regions[region]
    if "sample" in leaf.dims and pristine in [str(one) for one in leaf["sample"].values]:
        return xr.DataArray([str(one) == pristine for one in leaf["sample"].values], dims=("sample",))
    names = (sample.path, sample.paths[region], str(leaf.attrs.get("sample", "")))
    return xr.DataArray(pristine is not None and pristine in names)


def _shares(leaf: xr.Dataset, *names: str) -> list[np.ndarray]:
    return [
        np.asarray(leaf[variable].sel(component=name).values, dtype=np.float64)
        for name in names
        for variable in ("area_percent", "u_area_percent")
    ]


def _excess(leaf: xr.Dataset, sulfide: str, thiophosphate: str, ratio: Ratio) -> Excess:
    total, u_total, lattice, u_lattice = _shares(leaf, sulfide, thiophosphate)
    return beyond_lattice(total, u_total, lattice, u_lattice, ratio)


def _measured(samples: Sequence[Sample], name: str, sulfide: str, thiophosphate: str) -> Ratio:
    known = []
    for sample in samples:
        for region, leaf in sample.regions.items():
            if not _holds(leaf, sulfide, thiophosphate):
                continue
            stacked = [str(one) for one in leaf["sample"].values] if "sample" in leaf.dims else []
            known += stacked or [sample.path or str(leaf.attrs.get("sample", "")) or sample.paths[region]]
            if name in stacked:
                return _ratio_of(leaf.isel(sample=stacked.index(name)), name, sulfide, thiophosphate)
            if name in (sample.path, sample.paths[region], str(leaf.attrs.get("sample", ""))):
                return _ratio_of(leaf, name, sulfide, thiophosphate)
    raise DataError(
        f"no pristine sample {name!r} with {sulfide} and {thiophosphate}.", remedy=f"there are {', '.join(known)}."
    )


def _ratio_of(leaf: xr.Dataset, name: str, sulfide: str, thiophosphate: str) -> Ratio:
    try:
        return measured_ratio(*(np.ravel(part) for part in _shares(leaf, sulfide, thiophosphate)))
    except ValueError as error:
        raise DataError(f"pristine sample {name}: {error}.", remedy="give `lattice_ratio` and its u.") from None


def _check(sample: Sample, region: str, thiophosphate: str, u_relative: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Return P over S atoms of PS4 and its u; none where P 2p was not fitted."""
    phosphorus = sample.regions.get("P 2p")
    if phosphorus is None or not _holds(phosphorus, thiophosphate):
        return None
    above, below = (_amount(sample, name, thiophosphate) for name in ("P 2p", region))
    if above[0].sizes != below[0].sizes:
        return None
    value = above[0] / below[0]
    u = value * ((above[1] / above[0]) ** 2 + (below[1] / below[0]) ** 2 + u_relative**2) ** 0.5
    return value.values, u.values


def _amount(sample: Sample, region: str, name: str) -> tuple[xr.DataArray, xr.DataArray]:
    leaf = sample.regions[region]
    lines = dict(zip(map(str, leaf["component"].values), component_lines(leaf), strict=True))
    one = leaf[["area", "u_area", "position"]].sel(component=name).drop_vars("component")
    area = LineArea(lines[name] or region, one["area"], one["u_area"], float(np.nanmean(one["position"].values)), "")
    kinetic = (number(leaf, "photon_energy") or AL_KALPHA) - area.position
    analyser = Analyser("file" if "transmission" in leaf else "none")
    factor = analyser.correction(sample.paths[region], leaf, area, float(relative_length(kinetic))).product
    return area.area / factor, area.u_area / factor


def _denominator(leaf: xr.Dataset, sulfide: str) -> str:
    return str(leaf["denominator"].sel(component=sulfide).item()) if "denominator" in leaf else ""


def _table(
    leaf: xr.Dataset,
    region: str,
    found: Excess,
    ratio: Ratio,
    check: tuple[np.ndarray, np.ndarray] | None,
    sulfide: str,
) -> xr.Dataset:
    total, u_total = _shares(leaf, sulfide)
    series = tuple(str(d) for d in leaf["area_percent"].dims if d != "component")
    dims = (*series, "region")
    same = np.ones_like(total)
    ps4, u_ps4 = (same * np.nan, same * np.nan) if check is None else check
    values = {
        "sulfide_percent": (total, "percent", "S2-, lattice and excess together"),
        "u_sulfide_percent": (u_total, "percent", "u of S2-"),
        "lattice_sulfide": (total - found.value, "percent", "S2- of the lattice"),
        "excess_sulfide": (found.value, "percent", "S2- beyond that of the lattice"),
        "u_excess_sulfide": (found.u, "percent", "u of the excess"),
        "excess_sulfide_low": (found.low, "percent", "excess, lower end of the 95 % interval"),
        "excess_sulfide_high": (found.high, "percent", "excess, upper end of the 95 % interval"),
        "probability_excess": (found.probability, "1", "probability that the excess is above zero"),
        "lattice_ratio": (same * ratio.value, "1", "lattice S2- over S of PS4"),
        "u_lattice_ratio": (same * ratio.u, "1", "u of the lattice ratio"),
        "ps4_ratio": (ps4, "1", "P over S of PS4 (1 : 4)"),
        "u_ps4_ratio": (u_ps4, "1", "u of P over S of PS4"),
    }
    table = xr.Dataset(
        {name: quantity(v[..., None], unit, title, dims) for name, (v, unit, title) in values.items()},
        coords={"region": leaf["region"] if "region" in leaf.coords else texts([region], "region", "region")},
    )
    flags = _flags(found, ps4, u_ps4)
    table["sulfide_flag"] = xr.DataArray(flags[..., None], dims=dims, attrs={"long_name": "flag"})
    return table


def _flags(found: Excess, ps4: np.ndarray, u_ps4: np.ndarray) -> np.ndarray:
    off = np.nan_to_num(np.abs(ps4 - 0.25)) > CHECKED * np.nan_to_num(u_ps4, nan=np.inf)
    said = {
        "excess compatible with zero: no Li2S shown": (found.low <= 0) & (found.high >= 0),
        "less S2- than the reference: the lattice ratio does not fit this sample": found.high < 0,
        "P : S of PS4 is not 1 : 4": off,
    }
    places = list(np.ndindex(np.shape(found.value)))
    flags = np.full(np.shape(found.value), "", dtype=object)
    for place in places:
        flags[place] = "; ".join(text for text, where in said.items() if np.asarray(where)[place])
    return flags
