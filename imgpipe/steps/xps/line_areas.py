"""Areas of photoelectron lines: sums of fitted components, or what stands above the background of a region."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.kernels.region_area import region_area
from imgpipe.steps.xps.photoelectrons import MAGIC_ANGLE, angular_factor, cross_section, sublevels
from imgpipe.steps.xps.samples import binding_energies, finite_spectra, number

AL_KALPHA = 1486.6
LEAST_POINTS = 20


@dataclass(frozen=True)
class LineArea:
    """Area of a line of one region, along its series.

    Attributes
    ----------
    line : what was summed: "S 2p" (whole doublet), "Cu 2p3/2" (one half)
    area, u_area : (*series), counts*eV, or counts*eV/s where the region holds rates
    position : eV
    remark : how the area was taken, for the table
    """

    line: str
    area: xr.DataArray
    u_area: xr.DataArray
    position: float
    remark: str

    @property
    def element(self) -> str:
        """Symbol."""
        return sublevels(self.line)[0]


def line_areas(path: str, leaf: xr.Dataset, window: Sequence[float] | None = None) -> list[LineArea]:
    """Return one area per line of a leaf: from its fit where there is one, else above a Shirley background."""
    if "area" in leaf and "component" in leaf["area"].dims:
        return _fitted(path, leaf)
    return [_above_background(path, leaf, window)]


def _fitted(path: str, leaf: xr.Dataset) -> list[LineArea]:
    groups: dict[str, list[int]] = {}
    for place, line in enumerate(component_lines(leaf)):
        if line:
            groups.setdefault(line, []).append(place)
    lines = [LineArea(line, *_summed(leaf, places), "sum of components") for line, places in groups.items()]
    levels = [line.line.partition("/")[0][:-1] if "/" in line.line else line.line for line in lines]
    if len(set(levels)) < len(levels):
        raise DataError(
            f"{path}: some components are whole doublets and some are halves ({', '.join(groups)}).",
            remedy="fit all of them as doublets, or all as one half: their sensitivities differ.",
        )
    return lines


def _summed(leaf: xr.Dataset, places: list[int]) -> tuple[xr.DataArray, xr.DataArray, float]:
    part = leaf[["area", "u_area", "position"]].isel(component=places)
    u = (part["u_area"].fillna(0.0) ** 2).sum("component") ** 0.5
    return part["area"].sum("component"), u, float(np.nanmean(part["position"].isel(component=0).values))


def component_lines(leaf: xr.Dataset) -> list[str]:
    """Return the line that each component's area belongs to; empty for losses and lines of other elements' levels."""
    described = json.loads(leaf.attrs.get("fit_model", "{}")).get("components", [])
    known = {one["name"]: one for one in described}
    found = []
    for name, main in zip(leaf["component"].values, leaf["line"].values, strict=True):
        one = known.get(str(name))
        if one is not None and one["kind"] != "chemical":
            found.append("")
        elif one is not None and len(one["peaks"]) == 2:
            found.append(str(one["line"]))
        else:
            found.append(str(main))
    return found


def _above_background(path: str, leaf: xr.Dataset, window: Sequence[float] | None) -> LineArea:
    name = "counts" if "counts" in leaf else "intensity"
    if name not in leaf:
        raise DataError(
            f"{path}: neither components nor counts.", remedy="fit it first (fit_components), or leave it out."
        )
    line = f"{leaf.attrs.get('element', '')} {leaf.attrs.get('line', '')}".strip() or str(leaf.attrs.get("region", ""))
    energy = binding_energies(path, leaf)
    low, high = (energy[0], energy[-1]) if window is None else window
    inside = np.flatnonzero((energy >= low) & (energy <= high))
    if inside.size < LEAST_POINTS:
        raise DataError(f"{path}: {inside.size} points between {low:g} and {high:g} eV.", remedy="widen its `window`.")
    cut = leaf[name].isel(energy=inside)
    flat = finite_spectra(path, cut)
    found = region_area(energy[inside], flat)
    u = np.hypot(found.u_counting, found.u_background) if name == "counts" else found.u_background
    places = cut.transpose(..., "energy").isel(energy=0, drop=True)
    shape = places.shape
    position = float(energy[inside][np.argmax(flat.mean(axis=0))])
    return LineArea(
        line,
        places.copy(data=found.area.reshape(shape)),
        places.copy(data=u.reshape(shape)),
        position,
        f"above a Shirley background, {low:g} to {high:g} eV",
    )


@dataclass(frozen=True)
class Correction:
    """What the area of a line is divided by to become an amount; `length` is relative to 1000 eV or in nm."""

    cross_section: float
    angular: float
    transmission: float
    length: float
    time: float
    kinetic_energy: float

    @property
    def product(self) -> float:
        """All factors together."""
        return self.cross_section * self.angular * self.transmission * self.length * self.time


@dataclass(frozen=True)
class Analyser:
    """How the corrections are made.

    transmission : "file", "power" or "none"
    exponent : of a power law transmission = (kinetic energy / 1000 eV) ** -exponent
    asymmetry : parameter beta by line; angle : between photons and electrons, deg
    """

    transmission: str = "file"
    exponent: float = 0.0
    asymmetry: Mapping[str, float] | None = None
    angle: float = MAGIC_ANGLE

    def correction(self, path: str, leaf: xr.Dataset, one: LineArea, length: float) -> Correction:
        """Return the corrections of one line."""
        photon = number(leaf, "photon_energy") or AL_KALPHA
        kinetic = photon - one.position
        return Correction(
            cross_section(one.line, round(photon, 1)),
            self._angular(one),
            self._transmission(path, leaf, one, kinetic),
            length,
            counting_time(leaf) or 1.0,
            kinetic,
        )

    def _angular(self, one: LineArea) -> float:
        if abs(self.angle - MAGIC_ANGLE) < 0.1:
            return 1.0
        known = dict(self.asymmetry or {})
        level = one.line.partition("/")[0]
        if one.line not in known and sublevels(one.line)[1][0].name.endswith("s"):
            return angular_factor(2.0, self.angle)
        if one.line not in known and level not in known:
            raise DataError(
                f"the source stands at {self.angle:g} deg, and the asymmetry parameter of {one.line} is not known.",
                remedy=f"give `asymmetry: {{{one.line}: ...}}` (Yeh and Lindau 1985), or the magic angle 54.7 deg.",
            )
        return angular_factor(known.get(one.line, known.get(level, 0.0)), self.angle)

    def _transmission(self, path: str, leaf: xr.Dataset, one: LineArea, kinetic: float) -> float:
        if self.transmission == "none":
            return 1.0
        if self.transmission == "power":
            return float((kinetic / 1000.0) ** -self.exponent)
        if "transmission" not in leaf:
            raise DataError(
                f"{path}: the file holds no transmission function.",
                remedy="set `transmission: power` with its exponent, or `none` and a larger u_transmission.",
            )
        curve = leaf["transmission"]
        near = float(curve.sel(energy=one.position, method="nearest").mean())
        if not near > 0:
            raise DataError(f"{path}: the transmission at {one.position:g} eV is {near:g}.")
        return near


def counting_time(leaf: xr.Dataset) -> float | None:
    """Return the counting time per channel in s; 1 where the region holds rates, none where it is unknown."""
    if "counts" not in leaf and "intensity" in leaf:
        return 1.0
    dwell, sweeps = number(leaf, "dwell_time"), number(leaf, "sweeps")
    return None if dwell is None else dwell * (sweeps or 1.0)
