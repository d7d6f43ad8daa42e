"""The step xray_response."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field

from imgpipe.errors import DataError
from imgpipe.kernels.segregation_effects import backscatter_coefficient
from imgpipe.kernels.xray_ranges import LEAST_OVERVOLTAGE, anderson_hasler, kanaya_okayama
from imgpipe.kernels.xray_ranges import overvoltage as over_edge
from imgpipe.kernels.xray_response import Medium, Response, response
from imgpipe.model import quantity, texts
from imgpipe.step import step
from imgpipe.units import Dims, Gives, Unit
from imgpipe.xrays.lines import Line, atomic_number, find_line, main_line
from imgpipe.xrays.materials import atomic_mass, checked_density, mass_absorption, mass_fractions, parse_formula

Energy = Annotated[float, Field(gt=0), Unit("eV")]
Angle = Annotated[float, Field(ge=20, le=90), Unit("deg")]
LEANS = {"rising": 1.0, "falling": -1.0, "across": 0.0}
SOFTEST = 100.0
"""Lines below it (eV) are no element's that is measured here."""
SLOWEST = 100.0
"""Beam energies below it (eV) excite no line that is measured here."""


class Material(BaseModel):
    """Formula and density (g/cm3) of a layer."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    formula: str
    density: Annotated[float, Field(gt=0)]


def _check(settings: Any) -> None:
    """Refuse formulae, densities and beam energies that are none, before any file is opened."""
    if not settings.layers:
        raise DataError("layers is empty.", remedy="give formula and density of each layer.")
    for name, material in settings.layers.items():
        try:
            parse_formula(material.formula)
            checked_density(material.formula, material.density)
        except DataError as error:
            raise DataError(f"layer {name}: {error.message}", remedy=error.remedy) from None
    energy = settings.accelerating_energy
    if energy is not None and energy < SLOWEST:
        raise DataError(
            f"accelerating_energy: {energy:g} eV looks like keV.",
            remedy=f"write `accelerating_energy: {energy:g} keV`.",
        )


@step(version=1, measures=True, check=_check)
def xray_response(
    intensity: Annotated[xr.DataArray, Dims("element position")],
    xray_line: Annotated[xr.DataArray, Dims("element")] | None = None,
    beam_energy: Annotated[xr.DataArray, Unit("eV"), Dims("")] | None = None,
    face_angle: Annotated[xr.DataArray, Unit("deg"), Dims("")] | None = None,
    overvoltage: Annotated[xr.DataArray, Unit("1"), Dims("element")] | None = None,
    *,
    layers: dict[str, Material],
    accelerating_energy: Energy | None = None,
    incidence: Angle | None = None,
    lean: Literal["rising", "falling", "across"] | None = None,
    u_response: Annotated[float, Field(ge=0, lt=1), Unit("1")] = 0.15,
) -> Annotated[
    xr.Dataset, Gives(xray_range="nm", response_sigma="nm", response_shift="nm", u_response="1", electron_range="nm")
]:
    """Say how far from the beam the X-rays of each line come, in each layer: the response of a line scan.

    The lateral spread follows from the moments of electron transport (Lewis 1950) with continuous slowing down, without
    Monte Carlo; it is about 0.18 (light) to 0.28 (heavy solids) of the Anderson-Hasler range, which is a depth. It
    holds for 2 to 30 kV, overvoltages above 1.5 and a flat face; next to an interface it is an approximation.

    Parameters
    ----------
    intensity : (element, position)
    xray_line : (element,) "Mg Ka", from line_intensities; without it the main line of each element
    beam_energy : of the file, eV
    face_angle : between beam and face, deg, of the file
    overvoltage : (element,) from line_intensities; worked out here where it is missing
    layers : formula and density (g/cm3) by name, in order along the position axis
    accelerating_energy : energy of the beam, instead of that of the file
    incidence : angle between beam and milled face; without it that of the file, else 90 deg, normal to the face
    lean : where the electrons of an oblique beam go on along the scan: towards "rising" or "falling" position, or
        "across" the scan
    u_response : relative standard uncertainty of the spread, added in quadrature to the disagreement of two laws of
        elastic scattering

    Returns
    -------
    per (layer, element): ``xray_range`` (Anderson-Hasler), ``response_sigma`` (standard deviation along the scan of
    where the X-rays are made), ``response_shift`` (mean push along the scan), ``response_reach`` (99 % are made
    within), ``response_depth`` (mean), ``u_response`` (relative), ``attenuation`` (of the line in the layer),
    ``response_flag``; per layer ``electron_range`` (Kanaya-Okayama) and ``backscatter`` (coefficient); per element
    ``overvoltage``; NaN where the beam does not excite the line

    Raises
    ------
    DataError
        when the beam energy is unknown, or a formula or density is none
    """
    beam = _beam(beam_energy, accelerating_energy)
    lines = _lines([str(e) for e in intensity["element"].values], xray_line, beam)
    media = {name: _medium(material) for name, material in layers.items()}
    angle, said = _angle(face_angle, incidence, lean)
    found = {
        name: [_response(medium, beam, line, angle, LEANS[lean or "rising"]) for line in lines]
        for name, medium in media.items()
    }
    result = _table(found, media, layers, lines, beam, u_response)
    result = result.assign_coords(element=intensity["element"], layer=texts(layers, "layer", "layer"))
    result["response_flag"] = _flags(found, said)
    if overvoltage is None:
        ratio = [np.nan if line is None else float(over_edge(beam, line.edge)) for line in lines]
        result["overvoltage"] = quantity(ratio, "1", "beam energy over edge energy", "element")
    return result


def _beam(recorded: xr.DataArray | None, given: float | None) -> float:
    energy = given if given is not None else None if recorded is None else float(recorded)
    if energy is None or not np.isfinite(energy) or energy <= 0:
        raise DataError("the beam energy is unknown.", remedy="give `accelerating_energy`, e.g. 5 keV.")
    return energy


def _lines(elements: list[str], named: xr.DataArray | None, beam: float) -> list[Line | None]:
    """Return the line of each element; None where it has none that the beam excites."""
    if named is not None:
        return [find_line(str(label)) if str(label).strip() else None for label in named.values]
    return [find_line(element) if " " in element else main_line(element, beam, SOFTEST, beam) for element in elements]


def _angle(recorded: xr.DataArray | None, given: float | None, lean: str | None) -> tuple[float, str]:
    """Return the angle between beam and face, and what was assumed."""
    angle = given if given is not None else 90.0 if recorded is None else float(recorded)
    if not 20.0 <= angle <= 90.0:
        raise DataError(f"an angle of {angle:g} deg between beam and face is not between 20 and 90 deg.")
    if angle < 89.0 and lean is None:
        return angle, "lean of the beam unknown: taken towards rising position"
    return angle, "" if given is not None or recorded is not None else "normal incidence assumed"


@dataclass(frozen=True)
class _Solid:
    """A medium and its mean atom (by mass fraction)."""

    medium: Medium
    mass: float
    number: float


def _medium(material: Material) -> _Solid:
    shares = mass_fractions(material.formula)
    z, a, w = [atomic_number(e) for e in shares], [atomic_mass(e) for e in shares], list(shares.values())
    medium = Medium(tuple(z), tuple(a), tuple(w), checked_density(material.formula, material.density))
    return _Solid(medium, float(np.dot(a, w)), float(np.dot(z, w)))


def _response(solid: _Solid, beam: float, line: Line | None, angle: float, lean: float) -> Response | None:
    if line is None or beam < 1.02 * line.edge:
        return None
    return response(solid.medium, beam / 1000.0, line.edge / 1000.0, angle, lean)


def _table(
    found: dict[str, list[Response | None]],
    solids: dict[str, _Solid],
    layers: dict[str, Material],
    lines: list[Line | None],
    beam: float,
    u_setting: float,
) -> xr.Dataset:
    both = ("layer", "element")

    def of(name: str) -> np.ndarray:
        return np.array([[np.nan if r is None else getattr(r, name) for r in row] for row in found.values()])

    def each(value: Any) -> np.ndarray:
        rows = [[np.nan if line is None else value(name, line) for line in lines] for name in layers]
        return np.array(rows, dtype=np.float64)

    ranges = each(lambda name, line: float(anderson_hasler(beam, line.edge, layers[name].density)))
    absorbed = each(
        lambda name, line: float(mass_absorption(layers[name].formula, line.energy)) * layers[name].density * 1e-7
    )
    electrons = [float(kanaya_okayama(beam, s.mass, s.number, s.medium.density)) for s in solids.values()]
    back = [backscatter_coefficient(s.medium.z, s.medium.mass_fraction) for s in solids.values()]
    return xr.Dataset(
        {
            "xray_range": quantity(ranges, "nm", "X-ray range (Anderson-Hasler)", both),
            "response_sigma": quantity(of("sigma"), "nm", "lateral spread of X-ray generation (sigma)", both),
            "response_shift": quantity(of("shift"), "nm", "mean push of X-ray generation along the scan", both),
            "response_reach": quantity(of("reach"), "nm", "distance within which 99 % is generated", both),
            "response_depth": quantity(of("depth"), "nm", "mean depth of X-ray generation", both),
            "u_response": quantity(np.hypot(u_setting, of("disagreement")), "1", "relative u of the spread", both),
            "attenuation": quantity(absorbed, "1/nm", "attenuation of the line", both),
            "electron_range": quantity(electrons, "nm", "electron range (Kanaya-Okayama)", "layer"),
            "backscatter": quantity(back, "1", "backscatter coefficient at normal incidence", "layer"),
        }
    )


def _flags(found: dict[str, list[Response | None]], said: str) -> xr.DataArray:
    def flag(one: Response | None) -> str:
        if one is None:
            return "not excited"
        low = f"overvoltage {one.overvoltage:.2f}" if one.overvoltage < LEAST_OVERVOLTAGE else ""
        return "; ".join(text for text in (low, said) if text)

    flags = np.array([[flag(one) for one in row] for row in found.values()], dtype=object)
    return xr.DataArray(flags, dims=("layer", "element"), attrs={"long_name": "flag of the response"})
