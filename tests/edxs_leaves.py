"""EDXS leaves as the steps leave them, with numbers chosen by hand: for tests of figures, report and methods."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtr

from imgpipe.model import axis, quantity, texts

LINES: dict[str, tuple[str, float, float]] = {
    "C": ("C Ka", 277.0, 900.0), "O": ("O Ka", 525.0, 1400.0), "Cu": ("Cu La", 930.0, 5200.0),
    "Ga": ("Ga La", 1098.0, 0.0), "Mg": ("Mg Ka", 1254.0, 9800.0), "W": ("W Ma", 1775.0, 2300.0),
    "P": ("P Ka", 2014.0, 0.0), "S": ("S Ka", 2307.0, 3900.0), "Cl": ("Cl Ka", 2622.0, 1100.0),
}  # fmt: skip
"""Element -> line, energy (eV), counts of the sum spectrum."""
LAYERS = ("SE", "Mg", "W", "Cu")
EDGES = (1500.0, 4500.0, 4760.0)
"""Positions of the interfaces, nm."""
PLACE = {"S": "SE", "Cl": "SE", "Mg": "Mg", "W": "W", "Cu": "Cu"}
RANGES = {"S": 357.0, "Cl": 317.0, "Mg": 490.0, "W": 41.0, "Cu": 100.0, "C": 700.0, "O": 650.0, "Ga": 95.0, "P": 380.0}
"""X-ray range of each line at 5 kV, nm."""
PROVENANCE: tuple[dict[str, Any], ...] = (
    {"step": "line_profile", "version": 1,
     "settings": {"start": [200.0, 900.0], "end": [8160.0, 900.0], "width": 400.0, "lines": 1, "step": None}},
    {"step": "line_intensities", "version": 1,
     "settings": {"elements": ["S", "Cl", "Mg", "W", "Cu", "P"], "lines": None, "method": "model",
                  "always": ["C", "O", "Ga"], "background": "bremsstrahlung", "lithium": True, "window_width": 2.0}},
    {"step": "xray_response", "version": 1,
     "settings": {"layers": {"SE": {"formula": "Li6PS5Cl", "density": 1.86}, "Mg": {"formula": "Mg", "density": 1.74},
                             "W": {"formula": "W", "density": 19.3}, "Cu": {"formula": "Cu", "density": 8.96}},
                  "u_response": 0.15, "beam_energy": None, "incidence": None}},
    {"step": "fit_interfaces", "version": 1,
     "settings": {"layers": list(LAYERS), "model": "erf", "noise": "poisson", "joint": True, "elements": None}},
    {"step": "segregation", "version": 1, "settings": {"layer": "Mg", "element": "Mg"}},
)  # fmt: skip


def make_line(*, unit: str = "nm", fitted: bool = True, seed: int = 2, points: int = 200) -> xr.Dataset:
    """Return the leaf of a line scan across SE | Mg | W | Cu.

    Parameters
    ----------
    unit : of the position axis; px leaves have no response
    fitted : with interfaces, layers, response and segregation; else intensities only
    """
    rng = np.random.default_rng(seed)
    position = axis("position", points, 8000.0 / points, "nm")
    if unit == "px":
        position = axis("position", points, 1.0, "px")
    at = np.arange(points) * 8000.0 / points
    model = np.array([_profile(name, at) for name in LINES])
    counts = rng.poisson(model).astype(float)
    leaf = xr.Dataset(
        {
            "intensity": quantity(counts, "counts", "net counts", "element position"),
            "u_intensity": quantity(np.sqrt(counts + 1), "counts", "u of the net counts", "element position"),
        },
        coords={"position": position, "element": texts(LINES, "element", "element")},
    )
    leaf = leaf.assign(_elements()).assign(_sum_spectrum(rng)).assign_coords(energy=_energy())
    leaf = leaf.assign(_overlaps()).assign(_metadata())
    scale = 1.0 if unit == "nm" else points / 8000.0
    if fitted:
        leaf = leaf.assign(_interfaces(unit, scale)).assign(_layers(unit, scale))
        leaf = leaf.assign(_fitted(model, counts))
        leaf = leaf.assign_coords(layer=texts(LAYERS, "layer", "layer"))
        if unit == "nm":
            leaf = leaf.assign(_response()).assign(_gradient(at))
            leaf = leaf.assign(_segment(at))
    steps = PROVENANCE if fitted else PROVENANCE[:2]
    return leaf.assign_attrs(_attrs(steps))


def make_map(*, shape: tuple[int, int] = (36, 164), unit: str = "nm", seed: int = 4) -> xr.Dataset:
    """Return the leaf of a map of the same section, with its own SEM image."""
    rng = np.random.default_rng(seed)
    step = 50.0 if unit == "nm" else 1.0
    x = np.arange(shape[1]) * 50.0
    maps = np.array([np.broadcast_to(_profile(name, x - 200.0) / 12, shape) for name in LINES])
    grey = 40 + 120 * (x > 1700) + 60 * (x > 4700) + rng.normal(0, 9, shape)
    leaf = xr.Dataset(
        {
            "intensity": quantity(rng.poisson(maps).astype(float), "counts", "net counts", "element y x"),
            "image": quantity(grey, "counts", "grey value", "y x"),
        },
        coords={
            "element": texts(LINES, "element", "element"),
            "y": axis("y", shape[0], step, unit), "x": axis("x", shape[1], step, unit), "energy": _energy(),
        },
    )  # fmt: skip
    leaf = leaf.assign(_elements()).assign(_sum_spectrum(rng)).assign(_overlaps()).assign(_metadata())
    return leaf.assign_attrs(_attrs(PROVENANCE[1:2]))


def make_sum(*, counts: float = 1.0, seed: int = 5) -> xr.Dataset:
    """Return the leaf of one measured spectrum.

    Parameters
    ----------
    counts : factor of all counts
    """
    rng = np.random.default_rng(seed)
    leaf = xr.Dataset(coords={"energy": _energy(), "element": texts(LINES, "element", "element")})
    leaf = leaf.assign(_elements()).assign(_sum_spectrum(rng, counts)).assign(_metadata())
    return leaf.assign_attrs(_attrs(PROVENANCE[1:2]))


def make_recorded(seed: int = 6) -> xr.Dataset:
    """Return a spectrum of which nothing was measured yet."""
    leaf = make_sum(seed=seed)
    bare = leaf[["beam_energy"]].assign(counts=leaf["sum_counts"].astype("uint32").assign_attrs(units="counts"))
    return bare.assign_coords(energy=_energy()).assign_attrs(leaf.attrs | {"provenance": "[]"})


def without_numbers(leaf: xr.Dataset) -> xr.Dataset:
    """Return a leaf with NaN in all its results."""
    made = leaf.copy()
    for name, array in leaf.data_vars.items():
        if array.dtype.kind == "f" and array.ndim and name not in ("line_energy",):
            made[name] = array.copy(data=np.full(array.shape, np.nan))
    return made


def _energy() -> xr.DataArray:
    energy = axis("energy", 520, 10.0, "eV", start=-100.0)
    return energy.assign_attrs(long_name="X-ray energy")


def _profile(name: str, at: np.ndarray) -> np.ndarray:
    """Return expected counts of one element along the line."""
    if LINES[name][2] == 0:
        return np.full(at.shape, 0.2)
    if name not in PLACE:
        return np.full(at.shape, LINES[name][2] / 200)
    width = np.hypot(60.0, 0.35 * RANGES[name])
    ends = (-1e6, *EDGES, 1e6)
    layer = LAYERS.index(PLACE[name])
    inside = ndtr((at - ends[layer]) / width) - ndtr((at - ends[layer + 1]) / width)
    return np.asarray(LINES[name][2] / 60 * inside + 0.8)


def _elements() -> dict[str, xr.DataArray]:
    energies = np.array([energy for _, energy, _ in LINES.values()])
    totals = np.array([total for *_, total in LINES.values()])
    half = np.sqrt(2500 + 2.4 * energies)
    limits = np.array([31.0 if n in ("Ga", "P") else 25.0 for n in LINES])
    flags = {
        "Ga": "not detected", "P": "not detected; overlaps Pt M", "Mg": "window invalid: W M, Ga L",
        "Cl": "overvoltage 1.77",
    }  # fmt: skip

    def numbers(values: Any, unit: str, name: str) -> xr.DataArray:
        return quantity(np.asarray(values, dtype=float), unit, name, "element")

    return {
        "xray_line": texts([line for line, *_ in LINES.values()], "X-ray line", "element"),
        "line_energy": numbers(energies, "eV", "energy of the line"),
        "window_low": numbers(energies - half, "eV", "lower end of the window"),
        "window_high": numbers(energies + half, "eV", "upper end of the window"),
        "window_valid": texts(["invalid: W M, Ga L" if n == "Mg" else "valid" for n in LINES], "window", "element"),
        "total_intensity": numbers(totals, "counts", "counts of the line"),
        "u_total_intensity": numbers(np.sqrt(totals + 90), "counts", "u of the counts of the line"),
        "critical_level": numbers(0.5 * limits, "counts", "critical level"),
        "detection_limit": numbers(limits, "counts", "detection limit"),
        "overvoltage": numbers(5000 / (energies * 1.04), "1", "overvoltage"),
        "worst_overlap": texts(["W" if n == "Mg" else "" for n in LINES], "worst overlap", "element"),
        "largest_correlation": numbers(np.full(len(LINES), -0.12), "1", "largest correlation"),
        "element_flag": texts([flags.get(n, "") for n in LINES], "flag", "element"),
    }


def _sum_spectrum(rng: np.random.Generator, factor: float = 1.0) -> dict[str, xr.DataArray]:
    energy = np.asarray(_energy().values)
    floor = np.where(energy > 60, 9e4 * np.clip(5000 - energy, 0, None) / 5000 / np.maximum(energy, 300), 0.0)
    sigma = np.sqrt(2500 + 2.4 * np.clip(energy, 0, None)) / 2.355
    curves = np.array([
        total * 10 * np.exp(-0.5 * ((energy - at) / sigma) ** 2) / sigma / 2.507 for _, at, total in LINES.values()
    ])  # fmt: skip
    model = factor * (curves.sum(0) + floor)
    counts = rng.poisson(model).astype(float)
    residual = (counts - model) / np.sqrt(np.maximum(model, 1.0))
    known = {"sum_counts": counts, "sum_fit": model, "sum_background": factor * floor}
    found = {name: quantity(values, "counts", name.replace("_", " "), "energy") for name, values in known.items()}
    found["sum_residual"] = quantity(residual, "1", "standardised residual", "energy")
    found["line_curve"] = quantity(factor * curves, "counts", "curve of the line", "element energy")
    return found


def _interfaces(unit: str, scale: float) -> dict[str, xr.DataArray]:
    rows: list[dict[str, Any]] = []
    pairs = list(zip(LAYERS, LAYERS[1:], EDGES, strict=False))
    for above, below, at in pairs:
        for name in ("all", *(e for e, home in PLACE.items() if home in (above, below) and e != "Cl")):
            shift, u = (0.0, 14.0) if name == "all" else (9.0, 24.0)
            wide = below == "Mg"
            rows.append({
                "boundary": f"{above}|{below}", "of_element": name, "from_layer": above, "to_layer": below,
                "interface_position": at + shift, "u_interface_position": u,
                "interface_position_low": at + shift - 1.96 * u, "interface_position_high": at + shift + 1.96 * u,
                "observed_width": 182.0, "u_observed_width": 12.0, "width": 95.0 if wide else np.nan,
                "u_width": 22.0 if wide else np.nan, "width_low": 51.0 if wide else np.nan,
                "width_high": 138.0 if wide else np.nan, "width_bound": np.nan if wide else 74.0,
                "reduced_deviance": 1.04, "interface_model": "erf",
                "flag": "" if wide else "width is an upper bound",
            })  # fmt: skip
    texts_of = ("boundary", "of_element", "from_layer", "to_layer", "interface_model", "flag")
    names = [f"{row['boundary']} {row['of_element']}" for row in rows]
    found: dict[str, xr.DataArray] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        key = "interface_flag" if name == "flag" else name
        if name in texts_of:
            found[key] = texts(values, name.replace("_", " "), "interface")
        elif name == "reduced_deviance":
            found[key] = quantity(np.array(values), "1", "reduced deviance", "interface")
        else:
            found[key] = quantity(np.array(values) * scale, unit, name.replace("_", " "), "interface")
    return found | {"interface": texts(names, "interface", "interface")}


def _layers(unit: str, scale: float) -> dict[str, xr.DataArray]:
    nan = np.nan
    known = {
        "thickness": [nan, 3000.0, nan, nan], "u_thickness": [nan, 20.0, nan, nan],
        "thickness_low": [nan, 2961.0, nan, nan], "thickness_high": [nan, 3039.0, 412.0, nan],
        "smallest_resolvable": [nan, 520.0, 330.0, nan],
    }  # fmt: skip
    found = {
        name: quantity(np.array(values) * scale, unit, name.replace("_", " "), "layer")
        for name, values in known.items()
    }
    return found | {"layer_flag": texts(["", "", "resolution-limited", ""], "flag", "layer")}


def _fitted(model: np.ndarray, counts: np.ndarray) -> dict[str, xr.DataArray]:
    fitted = model.copy()
    fitted[[list(LINES).index(n) for n in LINES if n not in PLACE]] = np.nan
    band = 1.96 * 0.12 * np.sqrt(fitted)
    known = {"fitted": fitted, "fitted_low": fitted - band, "fitted_high": fitted + band}
    found = {name: quantity(values, "counts", name, "element position") for name, values in known.items()}
    residual = (counts - fitted) / np.sqrt(fitted)
    return found | {"fit_residual": quantity(residual, "1", "standardised residual", "element position")}


def _response() -> dict[str, xr.DataArray]:
    ranges = np.array([[RANGES[n] * f for n in LINES] for f in (0.98, 1.0, 0.09, 0.2)])
    dims = "layer element"
    return {
        "xray_range": quantity(ranges, "nm", "X-ray range", dims),
        "response_sigma": quantity(0.33 * ranges, "nm", "lateral standard deviation of the response", dims),
        "response_shift": quantity(0.2 * ranges, "nm", "mean push down the face", dims),
        "u_response": quantity(np.full(ranges.shape, 0.15), "1", "relative u of the response", dims),
        "electron_range": quantity(np.array([640.0, 620.0, 84.0, 140.0]), "nm", "electron range", "layer"),
    }


def _gradient(at: np.ndarray) -> dict[str, xr.DataArray]:
    uniform = _profile("Mg", at)
    inside = (at > EDGES[0] - 500) & (at < EDGES[1] + 500)
    curves = {"uniform": uniform, "uniform_low": 0.96 * uniform, "uniform_high": 1.04 * uniform}
    numbers = {"contrast": -3.1, "u_contrast": 4.0, "contrast_low": -11.0, "contrast_high": 4.9,
               "apparent_contrast": -21.0}  # fmt: skip
    words = {"contrast_of": "Mg", "in_layer": "Mg", "towards": "W", "claim": "none beyond physics", "gradient_flag": ""}
    found = {n: quantity(np.array([v]), "percent", n.replace("_", " "), "gradient") for n, v in numbers.items()}
    for name, curve in curves.items():
        found[name] = quantity(np.where(inside, curve, np.nan)[None], "counts", name, "gradient position")
    rest = {n: texts([v], n, "gradient") for n, v in words.items()}
    return found | rest | {"gradient": texts(["Mg in Mg towards W"], "gradient", "gradient")}


def _segment(at: np.ndarray) -> dict[str, xr.DataArray]:
    return {
        "segment_x": quantity(200.0 + at, "nm", "x of the line", "position"),
        "segment_y": quantity(np.full(at.shape, 900.0), "nm", "y of the line", "position"),
        "segment_width": quantity(400.0, "nm", "width of the line"),
    }


def _overlaps() -> dict[str, xr.DataArray]:
    names = ("Mg Ka / Ga La", "Mg Ka / W Mz")
    return {
        "overlap": texts(names, "overlap", "overlap"),
        "overlap_of": texts(["Mg Ka"] * 2, "line", "overlap"),
        "overlap_with": texts(["Ga La", "W Mz"], "overlaps with", "overlap"),
        "separation": quantity(np.array([156.0, -129.0]), "eV", "separation", "overlap"),
        "fwhm": quantity(np.array([74.0, 74.0]), "eV", "FWHM of the detector", "overlap"),
        "remedy": texts(["model of all lines", "model of all lines"], "remedy", "overlap"),
    }


def _metadata() -> dict[str, xr.DataArray]:
    known: Mapping[str, tuple[float, str]] = {
        "beam_energy": (5000.0, "eV"), "live_time": (212.0, "s"), "take_off_angle": (35.0, "deg"),
        "detector_resolution": (129.0, "eV"), "face_angle": (52.0, "deg"), "dead_time": (18.0, "percent"),
    }  # fmt: skip
    return {name: quantity(value, unit, name.replace("_", " ")) for name, (value, unit) in known.items()}


def _attrs(steps: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {
        "technique": "edxs", "elements": "S Cl Mg W Cu P", "title": "Image 1, Line 4", "sample": "plated",
        "instrument": "Phenom ParticleX", "detector": "SDD", "source_file": "plated.elid", "flags": "",
        "vendor_metadata": "{}", "provenance": json.dumps(list(steps)),
    }  # fmt: skip
