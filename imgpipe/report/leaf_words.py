"""What the page says of one leaf, by the kind of leaf: facts that a reader asks for first, and further tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pandas as pd
import xarray as xr

from imgpipe.figures.intervals import interval_names, interval_table
from imgpipe.report.fit_tables import constraint_cells, order_cells, quality_cells, sensitivity_cells
from imgpipe.rounding import decimals_for, rounded, with_uncertainty

TILT_STATES = {"yes": "corrected", "no": "not corrected", "unknown": "unknown whether corrected"}
Cells = tuple[list[str], list[list[str]]]
Facts = list[tuple[str, str]]


def leaf_facts(leaf: xr.Dataset) -> Facts:
    """Return the metadata of a section; what the file does not say is left out."""
    attrs = leaf.attrs
    facts = [
        ("file", attrs.get("source_file")),
        ("instrument", attrs.get("instrument")),
        ("detector", attrs.get("detector")),
        ("beam energy", scalar_text(leaf, "beam_energy", 1e-3, "kV")),
        ("pixel size", scalar_text(leaf, "pixel_size_x", 1.0, "nm") or "unknown"),
        ("stage tilt", scalar_text(leaf, "stage_tilt", 1.0, "°")),
        ("face angle", scalar_text(leaf, "face_angle", 1.0, "°")),
        ("foreshortening", TILT_STATES.get(str(attrs.get("tilt_corrected")))),
        ("image", " × ".join(str(leaf.sizes[d]) for d in ("x", "y") if d in leaf.sizes) + " px"),
    ]
    return [(label, str(value)) for label, value in facts if value]


def spectrum_facts(leaf: xr.Dataset) -> Facts:
    """Return the metadata of a spectrum; what the file does not say is left out, but for the energy reference."""
    attrs = leaf.attrs
    count = math.prod(size for dim, size in leaf.sizes.items() if dim in ("sample", "time", "cycle", "z"))
    facts = [
        ("file", attrs.get("source_file")),
        ("sample", attrs.get("sample") if "sample" not in leaf.dims else ""),
        ("instrument", attrs.get("instrument")),
        ("acquired", str(attrs.get("acquired", "")).replace("T", " ")),
        ("photon energy", scalar_text(leaf, "photon_energy", 1.0, "eV", digits=7)),
        ("pass energy", scalar_text(leaf, "pass_energy", 1.0, "eV")),
        ("acquisition", _acquisition(leaf)),
        ("spectra", str(count) if count > 1 else ""),
        ("energy reference", energy_reference(leaf)),
        ("charge neutraliser", attrs.get("charge_neutraliser")),
        ("emission angle", scalar_text(leaf, "emission_angle", 1.0, "°")),
        ("instrument width", _with_u(leaf, "instrument_width", "eV")),
    ]
    return [(label, str(value)) for label, value in facts if value]


def energy_reference(leaf: xr.Dataset) -> str:
    """Return what the energy scale rests on."""
    if "energy_shift" not in leaf:
        return "none: energies as recorded" if "energy" in leaf.dims else ""
    to = str(leaf.attrs.get("energy_referenced_to", "")).replace("+-", "±")
    by = _shift_text(leaf)
    return f"{to}; {by}" if to else by


def _shift_text(leaf: xr.Dataset) -> str:
    if leaf["energy_shift"].ndim:
        shifts = leaf["energy_shift"].values
        return f"shifted by {float(shifts.min()):+.2f} to {float(shifts.max()):+.2f} eV"
    shift, u = float(leaf["energy_shift"]), _number(leaf, "u_energy_shift")
    value, spread = with_uncertainty(shift, u)
    return f"shifted by {value if shift < 0 else f'+{value}'} eV" + (f" (u = {spread} eV)" if spread != "–" else "")


def _acquisition(leaf: xr.Dataset) -> str:
    dwell, sweeps = (scalar_text(leaf, name, 1.0, unit) for name, unit in (("dwell_time", "s"), ("sweeps", "")))
    parts = [
        part for part in (f"{dwell} per point" if dwell else "", f"{sweeps.strip()} sweeps" if sweeps else "") if part
    ]
    return " × ".join(parts)


def _with_u(leaf: xr.Dataset, name: str, unit: str) -> str:
    value = _number(leaf, name)
    if not math.isfinite(value):
        return ""
    text, u = with_uncertainty(value, _number(leaf, f"u_{name}"))
    return f"{text} ± {u} {unit}" if u != "–" else f"{text} {unit}"


def _number(leaf: xr.Dataset, name: str) -> float:
    return float(leaf[name]) if name in leaf and leaf[name].ndim == 0 else math.nan


def scalar_text(leaf: xr.Dataset, name: str, factor: float, unit: str, digits: int = 5) -> str:
    """Return a number of the metadata with its unit; nothing where the leaf has none."""
    if name not in leaf or leaf[name].ndim:
        return ""
    return f"{factor * float(leaf[name]):.{digits}g}{'' if unit == '°' else ' '}{unit}"


def interval_cells(leaf: xr.Dataset) -> Cells:
    """Return every number of a leaf that has an interval and no table of its own."""
    parts = [interval_table(leaf, name) for name in interval_names(leaf)]
    if not parts:
        return [], []
    rows = [_interval_row(row) for _, row in pd.concat(parts, ignore_index=True).iterrows()]
    return ["quantity", "of", "value", "95 % interval"], rows


def _interval_row(row: pd.Series) -> list[str]:
    half = 0.5 * (float(row["high"]) - float(row["low"]))
    decimals = decimals_for(half / 1.96) if half > 0 else 2
    value, low, high = (rounded(float(row[name]), decimals) for name in ("value", "low", "high"))
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    return [str(row["quantity"]), str(row["of"]), f"{value}{unit}", f"{low} to {high}" if half == half else "–"]


def spectrum_tables(leaf: xr.Dataset) -> dict[str, Cells]:
    """Return the tables of a fitted spectrum: constraints, what they are worth, quality of the fit."""
    return {
        "Quality of the fit": quality_cells(leaf),
        "Constraints": constraint_cells(leaf),
        "What each constraint is worth: change of the share, in points, when it moves by ± its u": sensitivity_cells(
            leaf
        ),
        "Order of samples, with its probability": order_cells(leaf),
        "Further results": interval_cells(leaf),
    }


def numbers_tables(leaf: xr.Dataset) -> dict[str, Cells]:
    """Return the tables of a leaf that holds numbers only."""
    return {"Results": interval_cells(leaf)}


def no_tables(leaf: xr.Dataset) -> dict[str, Cells]:
    """Return nothing: the tables of sections are written over all groups."""
    return {}


FACTS: Mapping[str, Callable[[xr.Dataset], Facts]] = {
    "section": leaf_facts, "spectrum": spectrum_facts, "numbers": spectrum_facts,
}  # fmt: skip
"""Kind of leaf -> what is said of it."""

TABLES: Mapping[str, Callable[[xr.Dataset], dict[str, Cells]]] = {
    "section": no_tables, "spectrum": spectrum_tables, "numbers": numbers_tables,
}  # fmt: skip
"""Kind of leaf -> heading and cells of its tables; empty ones are left out."""
