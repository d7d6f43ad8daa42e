"""Make line scans with counting noise from the stored tables, as a reader would give them, with their truth."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imgpipe.model import quantity
from imgpipe.phantoms.edxs.detector import Detector
from imgpipe.phantoms.edxs.maps import make_map
from imgpipe.phantoms.edxs.presets import SCANS
from imgpipe.phantoms.edxs.spectra import Exposure, expected, line_counts, live_time
from imgpipe.phantoms.edxs.tables import table

Floats = NDArray[np.float64]

DEFAULTS: dict[str, dict[str, Any]] = {"thin": {"reference": "Cu La"}}
"""Settings of `Exposure` that differ for a scan."""


def make(seed: int, *, preset: str = "plated", **truth: Any) -> tuple[xr.DataTree, xr.Dataset]:
    """Make an EDXS file and its truth.

    Parameters
    ----------
    seed : of the counting noise; equal seeds and parameters give equal counts
    preset : a stored scan (`SCANS`): leaf ``line``; or ``map``: leaves ``map`` and ``image``
    truth : parameters of `Detector` and `Exposure`; of a map also those of `imgpipe.phantoms.edxs.maps.Section`

    Returns
    -------
    tree : leaf ``line`` with ``counts`` (position, energy), or ``map`` with (y, x, energy) and ``image``
    truth : see `imgpipe.phantoms.edxs.tables.table`; positions on the axis of the leaf; ``expected`` counts and
        ``line_counts`` (line, position)
    """
    if preset == "map":
        detector, exposure, rest = _settings("plated", {"counts": 40.0, **truth})
        return make_map(seed, detector, exposure, **rest)
    detector, exposure, rest = _settings(preset, truth)
    if rest:
        raise ValueError(f"no parameter {', '.join(rest)}")
    mean, lines, start = _mean(preset, detector, exposure)
    counts = _stream(seed, preset).poisson(mean).astype(np.uint16)
    scan = table(preset)
    leaf = line_leaf(scan, counts, detector, exposure).assign_coords(
        position=("position", scan["position"].values - start, {"units": "nm", "long_name": "position"})
    )
    return xr.DataTree.from_dict({"line": leaf}), _truth(scan, start, lines, mean, leaf)


def make_profiles(
    seed: int, *, preset: str = "plated", background: float = 0.05, **truth: Any
) -> tuple[xr.Dataset, xr.Dataset]:
    """Make counts per element along a line scan, as tables of instruments hold them; in about a millisecond.

    Parameters
    ----------
    seed : of the counting noise
    preset : a stored scan
    background : counts under each line, as a share of the counts of its plateau
    truth : parameters of `Detector` and `Exposure`

    Returns
    -------
    leaf : ``gross`` (element, position), counts; ``line_energy``, ``beam_energy`` ...
    truth : as of `make`, with ``expected_gross`` (element, position)
    """
    detector, exposure, rest = _settings(preset, truth)
    if rest:
        raise ValueError(f"no parameter {', '.join(rest)}")
    scan = table(preset)
    start = float(scan["position"][0])
    lines = line_counts(scan, detector, exposure)
    net = np.array([lines[str(label)] for label in scan["xray_line"].values])
    mean = net + background * np.quantile(net, 0.9, axis=1, keepdims=True)
    counts = _stream(seed, preset + " profiles").poisson(mean)
    position = ("position", scan["position"].values - start, {"units": "nm", "long_name": "position"})
    leaf = xr.Dataset(
        {"gross": quantity(counts, "counts", "counts", "element position"), **_facts(scan, detector, exposure)},
        coords={"element": scan["element"], "xray_line": scan["xray_line"], "position": position},
        attrs=_attrs(scan),
    )
    leaf["line_energy"] = scan["line_energy"]
    known = _truth(scan, start, lines, None, leaf)
    return leaf, known.assign(expected_gross=quantity(mean, "counts", "mean counts", "element position"))


def line_leaf(scan: xr.Dataset, counts: NDArray[Any], detector: Detector, exposure: Exposure) -> xr.Dataset:
    """Return spectra of a scan (position, energy) as a reader gives them."""
    energy = ("energy", detector.energy, {"units": "eV", "long_name": "X-ray energy"})
    return xr.Dataset(
        {"counts": quantity(counts, "counts", "counts", "position energy"), **_facts(scan, detector, exposure)},
        coords={"energy": energy},
        attrs=_attrs(scan),
    )


def _settings(preset: str, given: Mapping[str, Any]) -> tuple[Detector, Exposure, dict[str, Any]]:
    """Split parameters into those of the detector, of the exposure, and others."""
    if preset not in SCANS:
        raise ValueError(f"no preset {preset!r}; there are {', '.join(SCANS)}, map")
    merged = {**DEFAULTS.get(preset, {}), **given}
    if "surface" in merged:
        merged["surface"] = tuple(dict(merged["surface"]).items())
    ours = {name: merged[name] for name in Exposure.__dataclass_fields__ if name in merged}
    its = {name: merged[name] for name in Detector.__dataclass_fields__ if name in merged}
    return Detector(**its), Exposure(**ours), {k: v for k, v in merged.items() if k not in ours and k not in its}


@functools.lru_cache(maxsize=16)
def _mean(preset: str, detector: Detector, exposure: Exposure) -> tuple[Floats, dict[str, Floats], float]:
    """Return mean counts (position, channel), those of the main lines, and the first position (nm)."""
    scan = table(preset)
    lines = line_counts(scan, detector, exposure)
    return expected(scan, detector, exposure), lines, float(scan["position"][0])


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _facts(scan: xr.Dataset, detector: Detector, exposure: Exposure) -> dict[str, xr.DataArray]:
    """Return the 0-d variables of a leaf."""
    seconds = live_time(scan, detector, exposure)
    return {
        "beam_energy": scan["beam_energy"],
        "take_off_angle": scan["take_off_angle"],
        "azimuth_angle": scan["azimuth_angle"],
        "face_angle": scan["face_angle"],
        "beam_current": quantity(exposure.current, "A", "beam current"),
        "live_time": quantity(seconds, "s", "live time per position"),
        "real_time": quantity(seconds * 1.1, "s", "real time per position"),
        "detector_resolution": quantity(detector.resolution, "eV", "FWHM at Mn Ka"),
    }


def _attrs(scan: xr.Dataset) -> dict[str, Any]:
    elements = " ".join(dict.fromkeys(str(symbol) for symbol in scan["element"].values))
    return {"technique": "edxs", "elements": elements, "title": "line", "sample": str(scan.attrs["scan"])}


def _truth(
    scan: xr.Dataset, start: float, lines: Mapping[str, Floats], mean: Floats | None, leaf: xr.Dataset
) -> xr.Dataset:
    """Return the truth of a scan on the axis of its leaf, whose first position is `start` of the table."""
    names = np.array(list(lines), dtype=object)
    known = scan.drop_vars(["intensity", "bremsstrahlung"]).drop_dims("quantum", errors="ignore")
    known = known.assign_coords(position=leaf["position"]).assign_coords(line=("line", names))
    known["interface_position"] = quantity(
        scan["interface_position"].values - start, "nm", "true position", "interface"
    )
    known["line_counts"] = quantity(np.array(list(lines.values())), "counts", "mean counts", "line position")
    if mean is not None:
        known["expected"] = quantity(mean, "counts", "mean counts", "position energy")
        known = known.assign_coords(energy=leaf["energy"])
    return known
