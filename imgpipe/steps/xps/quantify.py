"""Quantify the elements of a sample from the areas of their lines."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.atomic_fractions import fractions
from imgpipe.kernels.attenuation import POWER, SOLIDS, mean_free_path, relative_length
from imgpipe.kernels.parted import Parted
from imgpipe.model import quantity, texts
from imgpipe.spelling import nearest
from imgpipe.step import step
from imgpipe.steps.xps.line_areas import AL_KALPHA, Analyser, Correction, LineArea, counting_time, line_areas
from imgpipe.steps.xps.photoelectrons import MAGIC_ANGLE, relative_sensitivity, sublevels
from imgpipe.steps.xps.samples import Sample, as_tree, described, number, samples_of
from imgpipe.units import Dims, Gives, Unit

Window = Annotated[list[float], Field(min_length=2, max_length=2)]
Relative = Annotated[float, Field(ge=0, lt=1), Unit("1")]
NOT_LINES = ("survey", "VB", "Fermi edge", "quantification")


def _check_material(attenuation: str, material: str | None) -> None:
    if attenuation == "tpp2m" and material not in SOLIDS:
        raise DataError(
            f"TPP-2M needs a known material, found {material!r}{nearest(str(material), SOLIDS)}.",
            remedy=f"known are {', '.join(SOLIDS)}.",
        )


def _check(settings: Any) -> None:
    """Refuse unknown materials and lines before any file is opened."""
    _check_material(settings.attenuation, settings.material)
    for line in settings.asymmetry or {}:
        sublevels(line)


@step(version=1, measures=True, check=_check)
def quantify_regions(
    tree: Annotated[xr.DataTree, Dims("energy")],
    *,
    regions: list[str] | None = None,
    leave_out: list[str] | None = None,
    window: dict[str, Window] | None = None,
    attenuation: Literal["power", "tpp2m", "none"] = "power",
    exponent: Annotated[float, Field(ge=0.5, le=1.0)] = POWER,
    material: str | None = None,
    transmission: Literal["file", "power", "none"] = "file",
    transmission_exponent: Annotated[float, Field(ge=-1, le=2)] = 0.6,
    asymmetry: dict[str, float] | None = None,
    source_angle: Annotated[float, Field(ge=0, le=180), Unit("deg")] = MAGIC_ANGLE,
    u_sensitivity: Relative = 0.1,
    u_attenuation: Relative = 0.1,
    u_transmission: Relative = 0.05,
) -> Annotated[xr.DataTree, Gives(table="elements", atomic_percent="percent", u_atomic_percent="percent")]:
    """Quantify the elements of each sample from the areas of their photoelectron lines (ISO 18118).

    Amount = area / (counting time x cross-section x transmission x attenuation length); each amount over their sum is
    the atomic fraction OF THE ELEMENTS LISTED, hydrogen never among them. The sample is taken as homogeneous over
    several attenuation lengths: layers and carbon films are not corrected. A cross-section (Scofield) is for the line
    that was summed: the whole doublet or one half.

    Parameters
    ----------
    tree : leaves with counts over energy; components of a fit are used where there are any, else the area above a
        Shirley background between the ends of the region
    regions : regions that make up the total; without it all core lines. If one of them is missing or not measurable, no
        fraction is given
    leave_out : regions not used
    window : per region the lowest and highest energy in eV, for regions without a fit
    attenuation : power law of the kinetic energy, TPP-2M of a `material`, or none
    exponent : of the power law, 0.7 to 0.8
    material : solid for TPP-2M, such as Li6PS5Cl, MgO, WO3
    transmission : the file's function, a power law, or none
    transmission_exponent : n of transmission = (kinetic energy / 1000 eV) ** -n
    asymmetry : parameter beta per line, needed away from the magic angle
    source_angle : angle between photons and electrons
    u_sensitivity : relative u of each cross-section (with what shake-up takes out of the window)
    u_attenuation : relative u of a ratio of attenuation lengths at two energies
    u_transmission : relative u of a ratio of transmissions

    Returns
    -------
    per sample a leaf ``quantification`` with, per element, ``atomic_percent``, u (random, shared), 95 % interval,
    ``element_line``, ``relative_sensitivity`` (C 1s = 1), ``denominator`` and ``flag``
    """
    analyser = Analyser(transmission, transmission_exponent, asymmetry, source_angle)
    u_relative = float(np.sqrt(u_sensitivity**2 + u_attenuation**2 + u_transmission**2))
    _check_material(attenuation, material)
    result: dict[str, xr.Dataset] = {}
    for sample in samples_of(tree):
        wanted, missing = _wanted(sample, regions, leave_out or [])
        if not wanted:
            continue
        rows = _rows(sample, wanted, window or {}, analyser, (attenuation, exponent, material))
        result[sample.named("quantification")] = _table(sample, rows, missing, u_relative)
    if not result:
        raise DataError("no sample has a core line to quantify.", remedy="name its `regions`.")
    return as_tree(result)


def _wanted(sample: Sample, regions: Sequence[str] | None, leave_out: Sequence[str]) -> tuple[list[str], list[str]]:
    there = [
        name for name in sample.regions if name not in NOT_LINES and " " in name and not name.split()[1][0].isupper()
    ]
    chosen = there if regions is None else list(regions)
    chosen = [name for name in chosen if name not in leave_out]
    return [name for name in chosen if name in sample.regions], [name for name in chosen if name not in sample.regions]


def _rows(
    sample: Sample,
    wanted: Sequence[str],
    windows: Mapping[str, Sequence[float]],
    analyser: Analyser,
    lengths: tuple[str, float, str | None],
) -> list[tuple[LineArea, Correction]]:
    times = {name: counting_time(sample.regions[name]) for name in wanted}
    if len(set(times.values())) > 1 and None in times.values():
        lost = ", ".join(name for name, time in times.items() if time is None)
        raise DataError(f"the counting time of {lost} is unknown.", remedy="give dwell_time and sweeps under `inputs`.")
    rows = []
    for name in wanted:
        leaf, path = sample.regions[name], sample.paths[name]
        for one in line_areas(path, leaf, windows.get(name)):
            kinetic = (number(leaf, "photon_energy") or AL_KALPHA) - one.position
            rows.append((one, analyser.correction(path, leaf, one, _length(kinetic, *lengths))))
    elements = [one.element for one, _ in rows]
    twice = next((e for e in elements if elements.count(e) > 1), None)
    if twice is not None:
        lines = ", ".join(one.line for one, _ in rows if one.element == twice)
        raise DataError(
            f"{twice} was measured with several lines: {lines}.", remedy="name one in `regions` or `leave_out`."
        )
    return rows


def _length(kinetic: float, kind: str, exponent: float, material: str | None) -> float:
    if kind == "none":
        return 1.0
    if kind == "power":
        return float(relative_length(kinetic, exponent))
    return float(mean_free_path(SOLIDS[str(material)], kinetic))


def _table(
    sample: Sample, rows: Sequence[tuple[LineArea, Correction]], missing: Sequence[str], u_relative: float
) -> xr.Dataset:
    lines, made = [one for one, _ in rows], [correction for _, correction in rows]
    amount = _side_by_side([one.area / factor.product for one, factor in rows])
    u_amount = _side_by_side([one.u_area / factor.product for one, factor in rows])
    found = fractions(amount.values, u_amount.values, np.full(len(rows), u_relative))
    dims = tuple(str(dim) for dim in amount.dims)
    blank = np.nan if missing else 1.0
    said = {
        "atomic_percent": (found.value, "atomic fraction"),
        "u_atomic_percent": (found.u, "u of the atomic fraction"),
        "u_atomic_percent_random": (found.u_random, "random part of u"),
        "u_atomic_percent_shared": (found.u_shared, "part of u shared by all samples"),
        "atomic_percent_low": (found.low, "atomic fraction, lower end of the 95 % interval"),
        "atomic_percent_high": (found.high, "atomic fraction, upper end of the 95 % interval"),
    }
    table = xr.Dataset(
        {name: quantity(values * blank, "percent", title, dims) for name, (values, title) in said.items()},
        coords={d: amount[d] for d in dims if d in amount.coords},
    )
    table["flag"] = xr.DataArray(_flags(sample, rows, found, missing), dims=dims, attrs={"long_name": "flag"})
    first = next(iter(sample.regions.values()))
    whole = table.merge(_basis(lines, made), join="exact", combine_attrs="override")
    return whole.assign_attrs(described(first))


def _side_by_side(parts: Sequence[xr.DataArray]) -> xr.DataArray:
    joined = xr.concat(parts, "element", join="exact", coords="minimal", compat="override")
    return joined.transpose(..., "element")


def _basis(lines: Sequence[LineArea], made: Sequence[Correction]) -> xr.Dataset:
    """Return what each fraction rests on."""
    count, total = len(lines), " + ".join(one.element for one in lines)
    shared = "cross-sections, attenuation lengths, transmission"
    numbers = {
        "relative_sensitivity": ([relative_sensitivity(one.line) for one in lines], "1", "cross-section, C 1s = 1"),
        "kinetic_energy": ([one.kinetic_energy for one in made], "eV", "kinetic energy"),
        "transmission_factor": ([one.transmission for one in made], "1", "transmission"),
        "attenuation_factor": ([one.length for one in made], "1", "attenuation length, relative"),
        "angular_factor": ([one.angular for one in made], "1", "angular factor"),
    }
    words = {
        "element_line": ([one.line for one in lines], "line"),
        "denominator": ([total] * count, "fraction of"),
        "area_from": ([one.remark for one in lines], "area"),
        "shared_id": ([shared] * count, "what the shared part belongs to"),
    }
    return xr.Dataset(
        {
            **{name: quantity(values, unit, title, "element") for name, (values, unit, title) in numbers.items()},
            **{name: texts(values, title, "element") for name, (values, title) in words.items()},
        },
        coords={"element": texts([one.element for one in lines], "element", "element")},
    )


def _flags(
    sample: Sample, rows: Sequence[tuple[LineArea, Correction]], found: Parted, missing: Sequence[str]
) -> np.ndarray:
    general = [f"no total: {name} is missing" for name in missing]
    passes = {number(leaf, "pass_energy") for name, leaf in sample.regions.items() if name not in NOT_LINES}
    if len(passes - {None}) > 1:
        general.append("pass energies differ between regions")
    if all(counting_time(leaf) is None for leaf in sample.regions.values()):
        general.append("counting times unknown, taken as equal")
    flags = np.full(found.value.shape, "; ".join(general), dtype=object)
    known = np.isfinite(found.value)
    flags[~found.detected & known] = "; ".join([*general, "not detected: upper bound"])
    flags[~known] = "; ".join([*general, "no number: the area of a line is not known"])
    return flags
