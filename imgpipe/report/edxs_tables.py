"""What the page says of one EDXS leaf: facts, and tables of elements, response, interfaces, layers, gradients."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from imgpipe.figures.edxs_data import (
    ALL,
    NOT_DETECTED,
    OUTER,
    detected,
    doubts,
    elements,
    line_names,
    numbers_of,
    response_of,
    segments,
    words_of,
)
from imgpipe.figures.edxs_gradients import gradient_words
from imgpipe.figures.edxs_profile import rounded_length
from imgpipe.methods.words import shown_line
from imgpipe.report.leaf_words import Cells, Facts, scalar_text
from imgpipe.rounding import decimals_for, rounded, three_digits, with_uncertainty

KINDS = {("y", "x"): "map", ("position",): "line scan"}


def edxs_facts(leaf: xr.Dataset) -> Facts:
    """Return the metadata of a spectrum, line scan or map; what the file does not say is left out."""
    attrs = leaf.attrs
    facts = [
        ("file", attrs.get("source_file")),
        ("acquisition", " ".join(filter(None, [attrs.get("title"), _kind(leaf)]))),
        ("instrument", attrs.get("instrument")),
        ("detector", attrs.get("detector")),
        ("beam energy", scalar_text(leaf, "beam_energy", 1e-3, "kV") or "unknown"),
        ("take-off angle", scalar_text(leaf, "take_off_angle", 1.0, "°")),
        ("face angle", scalar_text(leaf, "face_angle", 1.0, "°")),
        ("stage tilt", scalar_text(leaf, "stage_tilt", 1.0, "°")),
        ("live time", scalar_text(leaf, "live_time", 1.0, "s")),
        ("dead time", scalar_text(leaf, "dead_time", 1.0, "%")),
        ("resolution at Mn Kα", scalar_text(leaf, "detector_resolution", 1.0, "eV")),
        ("places", _places(leaf)),
        ("line", _segment(leaf)),
    ]
    return [(label, str(value)) for label, value in facts if value]


def edxs_tables(leaf: xr.Dataset) -> dict[str, Cells]:
    """Return the tables of an EDXS leaf, what a reader asks for first in front."""
    return {
        f"Layers{_of_lines(leaf)}": layer_cells(leaf),
        f"Interfaces{_of_lines(leaf)}": interface_cells(leaf),
        "Segregation": gradient_cells(leaf),
        "Elements": element_cells(leaf),
        "What the instrument could see": response_cells(leaf),
        "Overlapping lines": overlap_cells(leaf),
    }


def element_cells(leaf: xr.Dataset) -> Cells:
    """Return one row for each line: counts with u, or the limit where it was not detected; overvoltage, window."""
    if "element" not in leaf.dims or "total_intensity" not in leaf:
        return [], []
    energies, totals, us, limits, volts, correlation = (
        numbers_of(leaf, n, "element")
        for n in ("line_energy", "total_intensity", "u_total_intensity", "detection_limit", "overvoltage",
                  "largest_correlation")
    )  # fmt: skip
    windows, overlaps, flags = (words_of(leaf, "element", n) for n in ("window_valid", "worst_overlap", "flag"))
    names, seen, doubt = line_names(leaf), detected(leaf), doubts(leaf)
    heads = ["line", "energy (eV)", "net counts ± u", "detection limit", "detected", "overvoltage", "window",
             "overlaps most with", "flags"]  # fmt: skip
    rows = []
    for n, name in enumerate(names):
        least = f"< {three_digits(limits[n])}" if limits[n] > 0 and doubt[name] == NOT_DETECTED else "–"
        found = _number_text(totals[n], us[n]) if seen[name] else least
        answer = {"": "yes", NOT_DETECTED: "no"}.get(doubt[name], doubt[name])
        with_what = f"{overlaps[n]} (r = {correlation[n]:.2f})" if overlaps[n] and np.isfinite(correlation[n]) else ""
        rows.append([names[name], rounded(float(energies[n]), 0), found, rounded(float(limits[n]), 0),
                     answer, rounded(float(volts[n]), 2), windows[n] or "–",
                     (with_what or overlaps[n] or "–").replace("-", "−"), flags[n]])  # fmt: skip
    return _with_k_ratios(leaf, heads, rows)


def _with_k_ratios(leaf: xr.Dataset, heads: list[str], rows: list[list[str]]) -> Cells:
    """Insert the k-ratio and other results of quantification where a step has given them."""
    known = {"k_ratio": "k-ratio", "weight_percent": "wt.%", "atomic_percent": "at.%"}
    for name, head in known.items():
        values, us = numbers_of(leaf, name, "element"), numbers_of(leaf, f"u_{name}", "element")
        if np.isfinite(values).any():
            heads.insert(3, head)
            for row, value, u in zip(rows, values, us, strict=True):
                row.insert(3, _number_text(value, u))
    return heads, rows


def response_cells(leaf: xr.Dataset) -> Cells:
    """Return for each line in the layer where it is strongest how far it is smeared out, in plain words."""
    names = line_names(leaf)
    rows = []
    for element in (name for name in elements(leaf) if detected(leaf)[name]):
        found = response_of(leaf, element)
        if found is not None:
            width, depth, reach = (
                rounded_length(length) if math.isfinite(length) else "–"
                for length in (found.width, found.depth, found.reach)
            )
            said = f"The response of {names[element]} here is {width}: nothing thinner can be seen."
            rows.append([names[element], found.layer, "–" if found.by_range else width, depth, reach, said])
    heads = ["line", "in layer", "response (FWHM along the scan)", "X-ray range (depth)", "99 % come from within", ""]
    return (heads, rows) if rows else ([], [])


def interface_cells(leaf: xr.Dataset) -> Cells:
    """Return one row for each interface and element: position and width with their 95 % intervals."""
    if "interface" not in leaf.dims or "interface_position" not in leaf:
        return [], []
    unit = str(leaf["interface_position"].attrs.get("units", "nm"))
    at, u, low, high = (numbers_of(leaf, n, "interface") for n in _with_interval("interface_position"))
    width, u_width, width_low, width_high = (numbers_of(leaf, n, "interface") for n in _with_interval("width"))
    observed, u_observed, bound, deviance = (
        numbers_of(leaf, n, "interface")
        for n in ("observed_width", "u_observed_width", "width_bound", "reduced_deviance")
    )
    boundary, of, model, flags = (words_of(leaf, "interface", n) for n in ("boundary", "element", "model", "flag"))
    heads = ["interface", "element", f"position ({unit})", "95 % interval", f"width sigma ({unit})", "95 % interval",
             f"observed width ({unit})", "model", "deviance", "flags"]  # fmt: skip
    rows = []
    for n, label in enumerate(str(name) for name in leaf["interface"].values):
        intrinsic = _width_texts(width[n], u_width[n], width_low[n], width_high[n], bound[n])
        rows.append([
            boundary[n] or label, "all jointly" if of[n] == ALL else of[n], _number_text(at[n], u[n]),
            _interval(low[n], high[n], u[n]), *intrinsic, _number_text(observed[n], u_observed[n]),
            model[n].replace("_", " "), rounded(float(deviance[n]), 2), flags[n],
        ])  # fmt: skip
    return heads, rows


def layer_cells(leaf: xr.Dataset) -> Cells:
    """Return one row for each layer between two interfaces: thickness, or its bound; what could be resolved."""
    if "layer" not in leaf.dims or "thickness" not in leaf:
        return [], []
    unit = str(leaf["thickness"].attrs.get("units", "nm"))
    value, u, low, high = (numbers_of(leaf, n, "layer") for n in _with_interval("thickness"))
    least, electrons = (numbers_of(leaf, n, "layer") for n in ("smallest_resolvable", "electron_range"))
    flags = words_of(leaf, "layer", "flag")
    heads = ["layer", f"thickness ({unit})", "95 % interval", f"smallest resolvable ({unit})", "electron range (nm)",
             "flags"]  # fmt: skip
    rows = []
    for n, name in enumerate(str(name) for name in leaf["layer"].values):
        if not (np.isfinite([value[n], high[n]]).any() or flags[n]):
            continue
        if flags[n] == OUTER and not math.isfinite(value[n]):
            continue
        shown = _width_texts(value[n], u[n], low[n], high[n], high[n])
        rows.append([name, *shown, three_digits(least[n]), three_digits(electrons[n]), flags[n]])
    return heads, rows


def gradient_cells(leaf: xr.Dataset) -> Cells:
    """Return one row for each assessed layer: contrast beyond uniform composition, and what may be claimed."""
    if "gradient" not in leaf.dims:
        return [], []
    heads = ["element", "in layer", "towards", "contrast (%)", "95 % interval", "by raw counts (%)", "claim", "flags"]
    value, u, low, high = (numbers_of(leaf, n, "gradient") for n in _with_interval("contrast"))
    apparent, flags = numbers_of(leaf, "apparent_contrast", "gradient"), words_of(leaf, "gradient", "flag")
    rows = []
    for n in range(leaf.sizes["gradient"]):
        element, layer, towards, claim = gradient_words(leaf, n)
        rows.append([element, layer, towards, _number_text(value[n], u[n]), _interval(low[n], high[n], u[n]),
                     rounded(float(apparent[n]), 0).replace("-", "−"), claim or "not assessed", flags[n]])  # fmt: skip
    return heads, rows


def overlap_cells(leaf: xr.Dataset) -> Cells:
    """Return the lines that overlap, how close they are, and what was done about it."""
    if "overlap" not in leaf.dims:
        return [], []
    first, second, remedy, flags = (words_of(leaf, "overlap", n) for n in ("of", "with", "remedy", "flag"))
    gap, fwhm = (numbers_of(leaf, n, "overlap") for n in ("separation", "fwhm"))
    rows = [
        [shown_line(a), shown_line(b), rounded(abs(float(s)), 0), rounded(float(w), 0), text, flag]
        for a, b, s, w, text, flag in zip(first, second, gap, fwhm, remedy, flags, strict=True)
    ]
    return ["line", "overlaps with", "apart (eV)", "FWHM of the detector (eV)", "remedy", "flags"], rows


def _kind(leaf: xr.Dataset) -> str:
    kind = next((word for dims, word in KINDS.items() if set(dims) <= set(leaf.dims)), "spectrum")
    return f"({kind})" if leaf.attrs.get("title") else kind


def _places(leaf: xr.Dataset) -> str:
    for dims in (("x", "y"), ("position",)):
        if set(dims) <= set(leaf.dims):
            steps = [_step(leaf[d]) for d in dims if leaf.sizes[d] > 1]
            unit = str(leaf[dims[0]].attrs.get("units", ""))
            apart = f", {steps[0]:.4g} {unit} apart" if steps and unit != "px" else ", no length scale"
            return " × ".join(str(leaf.sizes[d]) for d in dims) + apart
    return ""


def _step(axis: xr.DataArray) -> float:
    return abs(float(axis[-1] - axis[0])) / (axis.size - 1)


def _segment(leaf: xr.Dataset) -> str:
    known = segments(leaf)
    if not known or "position" not in leaf.coords:
        return ""
    (x, y, width), unit = known[0], str(leaf["position"].attrs.get("units", ""))
    wide = f", {width:.4g} {unit} wide" if math.isfinite(width) else ""
    more = f" (first of {len(known)})" if len(known) > 1 else ""
    return f"from ({x[0]:.4g}, {y[0]:.4g}) to ({x[-1]:.4g}, {y[-1]:.4g}) {unit}{wide}{more}"


def _of_lines(leaf: xr.Dataset) -> str:
    """Say that only the first of several lines is shown."""
    for name in ("interface_position", "thickness"):
        if name in leaf and (series := [d for d in leaf[name].dims if d not in ("interface", "layer")]):
            return f" (first of {leaf.sizes[series[0]]} lines; all of them stand in the tables)"
    return ""


def _with_interval(name: str) -> tuple[str, str, str, str]:
    return name, f"u_{name}", f"{name}_low", f"{name}_high"


def _number_text(value: float, u: float) -> str:
    if not math.isfinite(value):
        return "–"
    text, spread = with_uncertainty(float(value), float(u))
    return (text if spread == "–" else f"{text} ± {spread}").replace("-", "−")


def _interval(low: float, high: float, u: float) -> str:
    if not math.isfinite(low + high):
        return "–"
    decimals = decimals_for(float(u)) if math.isfinite(u) and u > 0 else 1
    return f"{rounded(float(low), decimals)} to {rounded(float(high), decimals)}".replace("-", "−")


def _width_texts(value: float, u: float, low: float, high: float, bound: float) -> tuple[str, str]:
    """Return a width or thickness with its interval; where it was not resolved, its upper bound."""
    if math.isfinite(value):
        return _number_text(value, u), _interval(low, high, u)
    return ("–", "–") if not math.isfinite(bound) else (f"≤ {three_digits(bound)}", "95 % upper bound")
