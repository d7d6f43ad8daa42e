"""Fitted spectra as the fit leaves them, with numbers chosen by hand: for tests of figures, report and export."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.model import quantity, texts

SPECIES: dict[str, tuple[float, float]] = {"Li2S": (160.4, 0.27), "Li6PS5Cl": (161.6, 0.66), "SOx": (167.0, 0.07)}
"""Component -> position of 2p3/2 (eV) and share."""
SPLITTING, RATIO, FWHM = 1.18, 0.5, 1.2
HEIGHT, FLOOR = 12_000.0, 1_800.0
PROVENANCE = [
    {
        "step": "energy_reference",
        "version": 1,
        "settings": {"line": "C 1s", "energy": 284.8, "u": 0.1},
    },
    {"step": "fit_components", "version": 1, "settings": {"model": "published_s2p", "background": "shirley"}},
]
CONSTRAINTS: tuple[dict[str, Any], ...] = (
    {"constraint": "splitting S 2p", "kind": "linked", "applies_to": "Li2S, Li6PS5Cl, SOx", "value": 1.18, "u": 0.02,
     "unit": "eV", "source": "1.16 to 1.18 in the literature", "verified": True, "fitted_value": 1.18},
    {"constraint": "ratio S 2p", "kind": "fixed", "applies_to": "Li2S, Li6PS5Cl, SOx", "value": 0.5, "u": 0.005,
     "unit": "1", "source": "2j+1", "verified": True, "fitted_value": 0.5},
    {"constraint": "width of Li2S", "kind": "prior", "applies_to": "Li2S over Li6PS5Cl", "value": 1.0, "u": 0.1,
     "unit": "1", "source": "model", "verified": False, "fitted_value": 1.03},
    {"constraint": "shift of Li2S", "kind": "prior", "applies_to": "Li2S from Li6PS5Cl", "value": -1.2, "u": 0.15,
     "unit": "eV", "source": "10.1002/adma.202410948", "verified": False, "fitted_value": -1.18},
    {"constraint": "width", "kind": "shared", "applies_to": "all samples", "value": np.nan, "u": 0.0, "unit": "eV",
     "source": "recipe", "verified": True, "fitted_value": 1.21},
)  # fmt: skip
_NO_SERIES: Mapping[str, Any] = {}


def make_spectrum(
    shares: Mapping[str, Any] | None = None,
    *,
    region: str = "S 2p",
    series: Mapping[str, Any] = _NO_SERIES,
    flags: Mapping[str, str] | None = None,
    window: tuple[float, float] = (157.0, 173.0),
    seed: int = 5,
    **attrs: str,
) -> xr.Dataset:
    """Return the leaf of a fitted region.

    Parameters
    ----------
    shares : component -> share of the area (0 to 1), or one share for each place of the series
    series : one dimension with its values, such as ``{"sample": ["A", "B"]}`` or ``{"cycle": [1, 2, 3]}``
    flags : component -> flag
    window : part of the energy axis that was fitted, eV; curves are NaN outside
    """
    rng = np.random.default_rng(seed)
    names = list(shares or SPECIES)
    dim = next(iter(series), None)
    count = len(series[dim]) if dim else 1
    given = shares or {name: share for name, (_, share) in SPECIES.items()}
    share = np.array([np.broadcast_to(given[name], count) for name in names]).T
    energy = np.round(np.arange(156.0, 174.05, 0.1), 10)
    peaks = _peaks(energy, names)
    bare = HEIGHT * FWHM * 1.5 * np.einsum("sc,ce->sce", share, peaks)
    step = np.cumsum(bare.sum(1), axis=-1) * 0.1
    background = FLOOR + 0.04 * step
    envelope = bare.sum(1) + background
    counts = rng.poisson(envelope).astype(float)
    inside = (energy >= window[0]) & (energy <= window[1])
    lead = () if dim is None else (dim,)
    drop = slice(None) if dim else 0
    curves = {
        "envelope": ((*lead, "energy"), envelope, "counts"),
        "background": ((*lead, "energy"), background, "counts"),
        "residual": ((*lead, "energy"), (counts - envelope) / np.sqrt(envelope), "1"),
        "component_curve": ((*lead, "component", "energy"), bare, "counts"),
    }
    leaf = xr.Dataset(
        {"counts": quantity(counts[drop], "counts", "counts", (*lead, "energy"))}, coords={"energy": _energy(energy)}
    )
    for name, (dims, values, unit) in curves.items():
        leaf[name] = quantity(np.where(inside, values[drop], np.nan), unit, name.replace("_", " "), dims)
    leaf = leaf.assign(_component_table(names, 100 * share, lead, drop, region, flags or {}))
    leaf = leaf.assign(_peak_table(names, share, lead, drop))
    leaf = leaf.assign(_region_table(region, lead, count, drop, window))
    leaf = leaf.assign(_constraint_tables(names)).assign(_metadata())
    if dim is not None:
        leaf = leaf.assign_coords(_series_coordinates(dim, series[dim]))
    element, _, line = region.partition(" ")
    known = {"technique": "xps", "region": region, "element": element, "line": line, "sample": "Mg-Cu",
             "instrument": "ULVAC-PHI Quantera II", "acquired": "2026-03-02T10:00:00", "source_file": "cell.vms",
             "charge_neutraliser": "on",
             "energy_referenced_to": "C 1s = 284.8 +- 0.1 eV (convention)", "flags": "",
             "vendor_metadata": "{}"}  # fmt: skip
    return leaf.assign_attrs(
        **(known | attrs), provenance=json.dumps(PROVENANCE), fit_model=json.dumps(fit_model(region, names, window))
    )


def fit_model(region: str, names: list[str], window: tuple[float, float]) -> dict[str, Any]:
    """Return what the fit says of its model."""
    return {
        "model": "published_s2p",
        "title": "published three-doublet model of S 2p (Li2S, Li6PS5Cl, SOx)",
        "source": "10.1002/adma.202410948",
        "share": ["width"],
        "background": "shirley",
        "noise": "poisson",
        "window": list(window),
        "alternatives": ["linear", "tougaard_u2", "voigt"],
        "components": [
            {"name": name, "line": region, "peaks": [f"{name} 2p3/2", f"{name} 2p1/2"], "shape": "gl_sum",
             "energy": _position(name), "splitting": SPLITTING, "ratio": RATIO, "kind": "chemical", "verified": True}
            for name in names
        ],
    }  # fmt: skip


def tree_of(**leaves: xr.Dataset) -> xr.DataTree:
    """Return a tree of leaves, an underscore in a name standing for a blank."""
    return xr.DataTree.from_dict({f"/{name.replace('_', ' ')}": leaf for name, leaf in leaves.items()})


def _energy(values: np.ndarray) -> xr.DataArray:
    attrs = {"units": "eV", "long_name": "binding energy", "energy_type": "binding"}
    return xr.DataArray(values, dims=("energy",), attrs=attrs)


def _position(name: str) -> float:
    return SPECIES.get(name, (163.4, 0.0))[0]


def _peaks(energy: np.ndarray, names: list[str]) -> np.ndarray:
    """Return doublets of unit area, (component, energy)."""
    sigma = FWHM / 2.3548
    rows = []
    for name in names:
        centre = _position(name)
        both = [(centre, 1.0), (centre + SPLITTING, RATIO)]
        rows.append(sum(part * np.exp(-0.5 * ((energy - at) / sigma) ** 2) for at, part in both))
    return np.array(rows) / (1 + RATIO) / (sigma * np.sqrt(2 * np.pi))


def _component_table(
    names: list[str], percent: np.ndarray, lead: tuple[str, ...], drop: Any, region: str, flags: Mapping[str, str]
) -> dict[str, xr.DataArray]:
    dims = (*lead, "component")
    u = np.sqrt(0.3 + 0.02 * percent) + 0.4
    at = np.array([_position(name) for name in names])
    u = np.where([flags.get(name, "").startswith("at bound") for name in names], np.nan, u)
    spread = np.nan_to_num(1.96 * u, nan=1.0)
    numbers = {
        "position": (np.broadcast_to(at, percent.shape), "eV"), "u_position": (0.02 + 0 * percent, "eV"),
        "fwhm": (1.21 + 0 * percent, "eV"), "u_fwhm": (0.02 + 0 * percent, "eV"),
        "area": (HEIGHT * FWHM * 1.5 * percent / 100, "counts*eV"), "u_area": (100.0 + percent, "counts*eV"),
        "area_percent": (percent, "percent"), "u_area_percent": (u, "percent"),
        "area_percent_low": (np.clip(percent - spread, 0, None), "percent"),
        "area_percent_high": (percent + spread, "percent"), "u_model": (0.6 + 0 * percent, "percent"),
        "u_area_percent_random": (0.9 * u, "percent"), "u_constants": (0.3 + 0 * percent, "percent"),
    }  # fmt: skip
    table = {n: quantity(np.array(v)[drop], unit, n.replace("_", " "), dims) for n, (v, unit) in numbers.items()}
    flag = np.broadcast_to(np.array([flags.get(name, "") for name in names], dtype=object), percent.shape)
    return table | {
        "flag": xr.DataArray(flag[drop].astype(object), dims=dims, attrs={"long_name": "flag"}),
        "line": texts(["2p3/2"] * len(names), "line", "component"),
        "component_region": texts([region] * len(names), "region", "component"),
        "denominator": texts(["total S 2p: " + ", ".join(names)] * len(names), "denominator", "component"),
        "component": texts(names, "component", "component"),
    }


def _peak_table(names: list[str], share: np.ndarray, lead: tuple[str, ...], drop: Any) -> dict[str, xr.DataArray]:
    dims = (*lead, "peak")
    halves = [(name, half) for name in names for half in ("2p3/2", "2p1/2")]
    part = np.array([1 / (1 + RATIO) if half == "2p3/2" else RATIO / (1 + RATIO) for _, half in halves])
    which = [names.index(name) for name, _ in halves]
    area = HEIGHT * FWHM * 1.5 * share[:, which] * part
    at = np.array([_position(name) + (SPLITTING if half == "2p1/2" else 0.0) for name, half in halves])
    numbers = {
        "peak_position": (at + 0 * area, "eV"), "u_peak_position": (0.02 + 0 * area, "eV"),
        "peak_fwhm": (1.21 + 0 * area, "eV"), "u_peak_fwhm": (0.02 + 0 * area, "eV"),
        "peak_area": (area, "counts*eV"), "u_peak_area": (0.02 * area + 50, "counts*eV"),
        "peak_height": (area / 1.3, "counts"),
    }  # fmt: skip
    table = {n: quantity(np.array(v)[drop], unit, n.replace("_", " "), dims) for n, (v, unit) in numbers.items()}
    return table | {
        "peak_shape": texts(["gl_sum"] * len(halves), "shape", "peak"),
        "component_of": texts([name for name, _ in halves], "component", "peak"),
        "peak": texts([f"{name} {half}" for name, half in halves], "peak", "peak"),
    }


def _region_table(
    region: str, lead: tuple[str, ...], count: int, drop: Any, window: tuple[float, float]
) -> dict[str, xr.DataArray]:
    dims = (*lead, "region")
    numbers = {
        "reduced_chi_square": (1.04, "1"), "residual_sd_counts": (71.3, "counts"), "abbe": (0.98, "1"),
        "aic": (181.0, "1"), "bic": (205.0, "1"), "n_points": (161.0, "1"), "n_free": (10.0, "1"),
        "iterations": (6.0, "1"), "largest_correlation": (0.83, "1"),
    }  # fmt: skip
    table = {n: quantity(np.full((count, 1), v)[drop], unit, n.replace("_", " "), dims)
             for n, (v, unit) in numbers.items()}  # fmt: skip
    return table | {
        "window_low": quantity([window[0]], "eV", "lower end of the window", "region"),
        "window_high": quantity([window[1]], "eV", "upper end of the window", "region"),
        "converged": xr.DataArray(np.ones((count, 1), dtype=bool)[drop], dims=dims, attrs={"long_name": "converged"}),
        "fit_flag": xr.DataArray(np.full((count, 1), "", dtype=object)[drop], dims=dims, attrs={"long_name": "flag"}),
        "region": texts([region], "region", "region"),
    }


def _constraint_tables(names: list[str]) -> dict[str, xr.DataArray]:
    texts_of = {n: [str(one[n]) for one in CONSTRAINTS] for n in ("kind", "applies_to", "unit", "source")}
    table = {n: texts(values, n.replace("_", " "), "constraint") for n, values in texts_of.items()}
    for name in ("value", "u", "fitted_value"):
        table[name] = quantity([float(one[name]) for one in CONSTRAINTS], "1", name.replace("_", " "), "constraint")
    table["verified"] = xr.DataArray(np.array([one["verified"] for one in CONSTRAINTS]), dims="constraint")
    table["largest_effect"] = quantity([0.2, 0.3, 6.1, -3.4, 0.0], "percent", "largest effect", "constraint")
    table["most_affected"] = texts([names[0]] * len(CONSTRAINTS), "most affected", "constraint")
    table["constraint"] = texts([str(one["constraint"]) for one in CONSTRAINTS], "constraint", "constraint")
    rows = [(c, n) for c in ("width of Li2S", "shift of Li2S") for n in names]
    effect = np.linspace(6.1, -3.0, len(rows))
    return table | {
        "of_constraint": texts([c for c, _ in rows], "constraint", "sensitivity"),
        "of_component": texts([n for _, n in rows], "component", "sensitivity"),
        "change_plus": quantity(effect, "percent", "change for +u", "sensitivity"),
        "change_minus": quantity(-0.9 * effect, "percent", "change for -u", "sensitivity"),
        "sensitivity": texts([f"{c}: {n}" for c, n in rows], "sensitivity", "sensitivity"),
    }


def _metadata() -> dict[str, xr.DataArray]:
    known = {"photon_energy": (1486.6, "eV"), "pass_energy": (26.0, "eV"), "dwell_time": (0.2, "s"),
             "sweeps": (20.0, "1"), "work_function": (4.5, "eV"), "emission_angle": (45.0, "deg"),
             "energy_shift": (-0.31, "eV"), "u_energy_shift": (0.1, "eV")}  # fmt: skip
    return {name: quantity(value, unit, name.replace("_", " ")) for name, (value, unit) in known.items()}


def _series_coordinates(dim: str, values: Any) -> dict[str, xr.DataArray]:
    if dim == "sample":
        return {dim: texts([str(value) for value in values], "sample", dim)}
    along = np.asarray(values, dtype=float)
    found = {dim: xr.DataArray(along, dims=(dim,), attrs={"units": "1", "long_name": dim})}
    return found | {
        "charge": xr.DataArray(0.1 * along, dims=(dim,), attrs={"units": "mAh/cm**2", "long_name": "charge"})
    }
