"""What an XPS phantom hands over: leaves as a reader gives them, and the truth behind them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imgpipe.model import quantity
from imgpipe.phantoms.xps.natural_lines import voigt_fwhm
from imgpipe.phantoms.xps.region import Curves, Peak, Region
from imgpipe.phantoms.xps.specimen import Specimen, stream

Floats = NDArray[np.float64]

ENERGY_ATTRS = {"units": "eV", "long_name": "binding energy", "energy_type": "binding"}
_QUANTITIES = {
    "area": ("counts*eV", "area of the primary lines"),
    "position": ("eV", "recorded position of the first line"),
    "fwhm": ("eV", "FWHM of the first line (symmetric part)"),
    "gauss_fwhm": ("eV", "FWHM of the Gaussian part"),
    "natural_width": ("eV", "FWHM of the Lorentzian part"),
    "splitting": ("eV", "spin-orbit splitting"),
    "second_share": ("1", "share of the second line in the doublet"),
    "asymmetry": ("1", "Doniach-Sunjic asymmetry"),
}


def count(expected: Floats, seeds: list[int], name: str) -> Floats:
    """Return counts, (seeds, energy): Poisson about expected counts, (seeds or 1, energy), one stream per seed."""
    rows = np.broadcast_to(expected, (len(seeds), expected.shape[-1]))
    return np.array([stream(seed, name).poisson(row) for seed, row in zip(seeds, rows, strict=True)], dtype=np.float64)


def expected_counts(specimen: Specimen, region: Region, curves: Curves) -> Floats:
    """Return what the detector counts on average, (n, energy); areas hold at the transmission of the first peak."""
    first = np.atleast_1d(region.peaks[0].position)
    return specimen.scan(region.name).seen(curves.total, region.energy, first)


def as_leaf(specimen: Specimen, region: Region, counts: Floats) -> xr.Dataset:
    """Return one region as a reader gives it.

    Parameters
    ----------
    counts : (energy,) or (cycle, energy)
    """
    scan = specimen.scan(region.name)
    coords: dict[str, Any] = {"energy": ("energy", region.energy, dict(ENERGY_ATTRS))}
    dims = "energy"
    if counts.ndim == 2:
        dims = "cycle energy"
        attrs = {"units": "1", "long_name": "cycle"}
        coords["cycle"] = ("cycle", np.arange(1.0, counts.shape[0] + 1.0), attrs)
        for name, (values, unit, long_name) in specimen.series.items():
            coords[name] = ("cycle", np.asarray(values, float), {"units": unit, "long_name": long_name})
    data = {
        "counts": quantity(counts, "counts", "counts", dims),
        "transmission": quantity(scan.transmission(region.energy), "1", "transmission", "energy"),
        "photon_energy": quantity(scan.photon_energy, "eV", "photon energy"),
        "pass_energy": quantity(scan.pass_energy, "eV", "pass energy"),
        "dwell_time": quantity(scan.dwell_time, "s", "dwell time per channel and sweep"),
        "sweeps": quantity(float(scan.sweeps), "1", "number of sweeps"),
        "work_function": quantity(scan.work_function, "eV", "work function field (not part of the energy axis)"),
        "emission_angle": quantity(scan.emission_angle, "deg", "emission angle from the surface normal"),
    }
    return xr.Dataset(data, coords=coords, attrs=_attrs(specimen, region))


def _attrs(specimen: Specimen, region: Region) -> dict[str, str]:
    element, _, line = region.name.partition(" ")
    scan = specimen.scan(region.name)
    return {
        "technique": "xps",
        "region": region.name,
        "element": element if line else "",
        "line": line,
        "sample": specimen.name,
        "instrument": scan.instrument,
        "acquired": "2026-03-02T10:00:00",
        "source_file": "",
        "charge_neutraliser": scan.charge_neutraliser,
        "flags": "",
        "vendor_metadata": json.dumps(scan.extra, sort_keys=True),
        "provenance": "[]",
    }


def region_truth(region: Region, curves: Curves) -> xr.Dataset:
    """Return the truth of one region on (cycle, component), `cycle` having one place unless something is a batch."""
    names = list(dict.fromkeys(peak.component for peak in region.peaks))
    columns = [_component(region, name, curves.scale) for name in names]
    length = max(np.size(value) for column in columns for value in column.values())
    data = {}
    for key, (unit, long_name) in _QUANTITIES.items():
        values = [np.broadcast_to(np.asarray(column[key], dtype=np.float64), (length,)) for column in columns]
        data[key] = quantity(np.stack(values, axis=-1), unit, long_name, "cycle component")
    truth = xr.Dataset(data, coords={"component": np.array(names, dtype=object)})
    truth["area_percent"] = _shares(region, truth["area"])
    lines = [", ".join(peak.line for peak in region.peaks if peak.component == name) for name in names]
    truth["lines"] = ("component", np.array(lines, dtype=object), {"long_name": "lines"})
    return truth


def _component(region: Region, name: str, scale: Floats) -> dict[str, Any]:
    peaks: list[Peak] = [peak for peak in region.peaks if peak.component == name]
    first, last = peaks[0], peaks[-1]
    area: Any = sum(peak.area for peak in peaks)
    return {
        "area": area * scale,
        "position": first.position,
        "fwhm": voigt_fwhm(np.asarray(first.gauss_fwhm), np.asarray(first.natural_width)),
        "gauss_fwhm": first.gauss_fwhm,
        "natural_width": first.natural_width,
        "splitting": last.position - first.position,
        "second_share": 0.0 if last is first else last.area / np.where(area > 0, area, np.nan),
        "asymmetry": first.asymmetry,
    }


def _shares(region: Region, area: xr.DataArray) -> xr.DataArray:
    """Return the share of each component among those of the same core level, percent."""
    levels = {peak.component: peak.level for peak in region.peaks}
    same = xr.DataArray([levels[str(name)] for name in area["component"].values], dims="component")
    total = sum(area.where(same == level).sum("component") * (same == level) for level in sorted(set(levels.values())))
    share = (100.0 * area / total).transpose("cycle", "component")
    return quantity(share, "percent", "share of the area of all components of the same core level", "cycle component")
