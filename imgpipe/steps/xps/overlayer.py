"""Thickness of an oxide on its metal, from the components of one line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.attenuation import SOLIDS, Solid, mean_free_path
from imgpipe.kernels.overlayer import Film, Thickness, from_attenuation, from_shares
from imgpipe.kernels.share_intervals import TWO_SIDED
from imgpipe.model import quantity, texts
from imgpipe.spelling import nearest
from imgpipe.step import step
from imgpipe.steps.xps.line_areas import AL_KALPHA, counting_time
from imgpipe.steps.xps.samples import Sample, as_tree, described, number, samples_of
from imgpipe.units import Dims, Gives, Unit

OXIDES = {
    "WO3": "W", "MgO": "Mg", "Al2O3": "Al", "SiO2": "Si", "NiO": "Ni", "CuO": "Cu", "Cu2O": "Cu", "ZrO2": "Zr",
    "Ta2O5": "Ta",
}  # fmt: skip
"""Oxides whose thickness on their metal is measured without being asked for by name."""
Length = Annotated[float, Field(gt=0), Unit("nm")]
Relative = Annotated[float, Field(ge=0, lt=1), Unit("1")]
Angle = Annotated[float, Field(ge=0, lt=90), Unit("deg")]


@step(version=1, measures=True)
def overlayer_thickness(
    tree: Annotated[xr.DataTree, Dims("component")],
    *,
    oxide: list[str] | None = None,
    metal: list[str] | None = None,
    oxide_material: str | None = None,
    metal_material: str | None = None,
    attenuation_oxide: Length | None = None,
    attenuation_metal: Length | None = None,
    density_ratio: Annotated[float, Field(gt=0)] | None = None,
    clean: str | None = None,
    emission_angle: Angle | None = None,
    u_attenuation: Relative = 0.15,
    u_density_ratio: Relative = 0.05,
    u_emission_angle: Angle = 2.0,
    layer: str | None = None,
) -> Annotated[xr.DataTree, Gives(table="layers", thickness="nm", u_thickness="nm")]:
    """Measure the thickness of a thin film from the components of film and substrate in one line.

    d = lambda_o cos(theta) ln(1 + N_m lambda_m I_o / (N_o lambda_o I_m)), theta from the surface normal (Strohmeier
    1990), for a closed film of even thickness on a flat surface; or, with `clean`, d = lambda_o cos(theta) ln(I0 / I)
    of the substrate alone. Lengths that are not given follow TPP-2M: these are inelastic mean free paths, some 10 %
    longer than the attenuation lengths of thin films; `u_attenuation` covers that. A carbon film on top cancels.

    Parameters
    ----------
    tree : leaves after fit_components; those that hold all components named are used
    oxide : components of the film (several: their sum); without it and `metal`, every known oxide that was fitted
        beside its metal
    metal : components of the substrate
    oxide_material, metal_material : solids for TPP-2M and densities, such as WO3 and W; the names of the first
        components when they are known solids
    attenuation_oxide, attenuation_metal : attenuation length of the line in film and substrate, instead of TPP-2M
    density_ratio : atoms of the element per volume, substrate over film, instead of that of the solids
    clean : sample (or leaf) with the bare substrate: then the substrate's intensity alone is used
    emission_angle : from the surface normal, when the file does not know it
    u_attenuation : relative u of each length, shared by all samples (TPP-2M: 0.1 to 0.2)
    u_density_ratio : relative u of the density ratio; native films are often less dense than the solid
    u_emission_angle : u of the angle
    layer : name of the film in the table; that of the oxide without it

    Returns
    -------
    per sample a leaf ``overlayer`` with, per layer, ``thickness`` with u (random, shared), 95 % interval and flag;
    where film or substrate is not detected no number but a bound on one side
    """
    if (oxide is None) != (metal is None):
        raise DataError("give both `oxide` and `metal`, or neither.")
    result: dict[str, xr.Dataset] = {}
    samples = samples_of(tree)
    for film_names, base_names in [(oxide, metal)] if oxide and metal else _known_pairs(samples):
        reference = None if clean is None else _clean(samples, clean, base_names)
        given = _Given(
            oxide_material or film_names[0], metal_material or base_names[0], attenuation_oxide, attenuation_metal,
            density_ratio, emission_angle, u_attenuation, u_density_ratio, u_emission_angle,
        )  # fmt: skip
        for sample, region, leaf in _holding(samples, [*film_names, *base_names]):
            film, basis = given.film(leaf, base_names)
            found = _measured(leaf, film_names, base_names, film, reference)
            target = sample.named("overlayer")
            target = target if target not in result else sample.named(f"overlayer {region}")
            result[target] = _table(leaf, found, layer or oxide_material or "+".join(film_names), basis)
    if not result:
        raise _nothing(samples, [*(oxide or []), *(metal or [])])
    return as_tree(result)


def _known_pairs(samples: Sequence[Sample]) -> list[tuple[list[str], list[str]]]:
    """Return the known oxides that some region holds beside their metals."""
    return [([film], [base]) for film, base in OXIDES.items() if any(True for _ in _holding(samples, [film, base]))]


def _holding(samples: Sequence[Sample], names: Sequence[str]) -> Iterator[tuple[Sample, str, xr.Dataset]]:
    """Yield every region that has all of the components."""
    for sample in samples:
        for region, leaf in sample.regions.items():
            if set(names) <= set(map(str, leaf["component"].values)):
                yield sample, region, leaf


def _nothing(samples: Sequence[Sample], names: Sequence[str]) -> DataError:
    there = sorted({str(c) for s in samples for leaf in s.regions.values() for c in leaf["component"].values})
    remedy = f"there are {', '.join(there)}; put fit_components before this step, or name `oxide` and `metal`."
    if not names:
        return DataError("no region has a known oxide beside its metal.", remedy=remedy)
    lost = next((name for name in names if name not in there), names[0])
    return DataError(f"no region has the components {', '.join(names)}{nearest(lost, there)}.", remedy=remedy)


@dataclass(frozen=True)
class _Given:
    """Settings about the materials."""

    oxide: str
    metal: str
    length_oxide: float | None
    length_metal: float | None
    density_ratio: float | None
    angle: float | None
    u_length: float
    u_density_ratio: float
    u_angle: float

    def film(self, leaf: xr.Dataset, metal: Sequence[str]) -> tuple[Film, str]:
        """Return film and substrate for a leaf, and what the numbers rest on."""
        energy = float(np.nanmean(leaf["position"].sel(component=metal[0]).values))
        kinetic = (number(leaf, "photon_energy") or AL_KALPHA) - energy
        recorded = number(leaf, "emission_angle")
        angle = self.angle if self.angle is not None else recorded if recorded is not None else 0.0
        film = Film(
            self._length(self.length_oxide, self.oxide, kinetic),
            self._length(self.length_metal, self.metal, kinetic),
            self._ratio(),
            float(np.radians(angle)),
            self.u_length,
            self.u_length,
            self.u_density_ratio,
            float(np.radians(self.u_angle)),
        )
        source = "given" if self.length_oxide is not None and self.length_metal is not None else "TPP-2M"
        said = "" if self.angle is not None or recorded is not None else ", emission along the normal assumed"
        return film, f"attenuation lengths {film.length_film:.3g} and {film.length_substrate:.3g} nm ({source}){said}"

    def _length(self, given: float | None, name: str, kinetic: float) -> float:
        return float(mean_free_path(self._solid(name), kinetic)) if given is None else given

    def _ratio(self) -> float:
        if self.density_ratio is not None:
            return self.density_ratio
        return self._solid(self.metal).atoms_per_volume / self._solid(self.oxide).atoms_per_volume

    def _solid(self, name: str) -> Solid:
        if name not in SOLIDS:
            raise DataError(
                f"nothing is known of the solid {name!r}{nearest(name, SOLIDS)}.",
                remedy="name oxide_material and metal_material, or give both attenuation lengths and density_ratio.",
            )
        return SOLIDS[name]


def _measured(
    leaf: xr.Dataset, oxide: Sequence[str], metal: Sequence[str], film: Film, clean: tuple[float, float] | None
) -> Thickness:
    if clean is not None:
        return from_attenuation(*_rate(leaf, metal), *clean, film)
    percent, u, unseen = _substrate_share(leaf, oxide, metal)
    return from_shares(percent, u, film, unseen)


def _substrate_share(
    leaf: xr.Dataset, oxide: Sequence[str], metal: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the share of the substrate in film + substrate, in percent, its u, and where the film is not detected.

    Where the percents of the fit have one denominator that holds all of these components, their u is used: it knows of
    constants and of other models. What one of the two gains the other loses, so they count as fully anticorrelated.
    Else the areas count as independent. A film whose interval reaches zero is not detected.
    """
    if _common_total(leaf, [*oxide, *metal]):
        film, u_film = _sum(leaf, oxide, "area_percent")
        base, u_base = _sum(leaf, metal, "area_percent")
        whole = np.where(film + base > 0, film + base, np.nan)
        u = 100.0 * (film * u_base + base * u_film) / whole**2
        return 100.0 * base / whole, u, film <= TWO_SIDED * u_film
    upper, u_upper = _sum(leaf, oxide)
    lower, u_lower = _sum(leaf, metal)
    whole = np.where(upper + lower > 0, upper + lower, np.nan)
    u = 100.0 * np.hypot(upper * u_lower, lower * u_upper) / whole**2
    return 100.0 * lower / whole, u, upper <= TWO_SIDED * u_upper


def _common_total(leaf: xr.Dataset, names: Sequence[str]) -> bool:
    """Tell whether the percents of these components are of one total that holds all of them."""
    if "denominator" not in leaf or "u_area_percent" not in leaf:
        return False
    said = {str(text).partition(" area of ")[2] for text in leaf["denominator"].sel(component=list(names)).values}
    return len(said) == 1 and set(names) <= set(said.pop().split(" + "))


def _sum(leaf: xr.Dataset, names: Sequence[str], kind: str = "area") -> tuple[np.ndarray, np.ndarray]:
    part = leaf[[kind, f"u_{kind}"]].sel(component=list(names))
    u = (part[f"u_{kind}"].fillna(0.0) ** 2).sum("component") ** 0.5
    return part[kind].sum("component").values, u.values


def _rate(leaf: xr.Dataset, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    area, u = _sum(leaf, names)
    time = counting_time(leaf)
    if time is None:
        raise DataError("the counting time is unknown.", remedy="give dwell_time and sweeps under `inputs`.")
    return area / time, u / time


def _clean(samples: Sequence[Sample], name: str, metal: Sequence[str]) -> tuple[float, float]:
    for sample in samples:
        for region, leaf in sample.regions.items():
            named = name in (sample.path, sample.paths[region], str(leaf.attrs.get("sample", "")))
            if named and set(metal) <= set(map(str, leaf["component"].values)):
                rate, u = _rate(leaf, metal)
                return float(np.mean(rate)), float(np.mean(u) / np.sqrt(np.size(u)))
    known = ", ".join(sample.path or "the only sample" for sample in samples)
    raise DataError(
        f"no clean sample {name!r} with {', '.join(metal)}; there are {known}.", remedy="name one in `clean`."
    )


def _table(leaf: xr.Dataset, found: Thickness, name: str, basis: str) -> xr.Dataset:
    series = tuple(str(d) for d in leaf["area"].dims if d != "component")
    dims = (*series, "layer")
    u = np.hypot(found.u_random, found.u_shared)
    values = {
        "thickness": (found.value, "thickness"),
        "u_thickness": (u, "u of the thickness"),
        "u_thickness_random": (found.u_random, "random part of u"),
        "u_thickness_shared": (found.u_shared, "part of u shared by all samples"),
        "thickness_low": (found.low, "thickness, lower end of the 95 % interval"),
        "thickness_high": (found.high, "thickness, upper end of the 95 % interval"),
    }
    flags = np.full(np.shape(found.value), "", dtype=object)
    for where, said in (
        (found.bare, "film not detected: upper bound"),
        (found.covered, "substrate not detected: lower bound"),
        (found.deep, "thicker than three attenuation lengths: rests on a few percent of the signal"),
    ):
        flags[where] = said
    table = xr.Dataset(
        {key: quantity(v[..., None], "nm", title, dims) for key, (v, title) in values.items()},
        coords={"layer": texts([name], "layer", "layer"), **{d: leaf[d] for d in series if d in leaf.coords}},
    )
    table["flag"] = xr.DataArray(flags[..., None], dims=dims, attrs={"long_name": "flag"})
    table["shared_id"] = texts([basis], "what the shared terms belong to", "layer")
    return table.assign_attrs(described(leaf))
