"""Put line intensities into a dataset: numbers per element and place, the overlaps, the curves of the sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from imgpipe.kernels.spectrum_model_maps import QUANTITIES
from imgpipe.kernels.xray_ranges import LEAST_OVERVOLTAGE, overvoltage
from imgpipe.model import quantity, texts
from imgpipe.steps.edxs.intensities_lines import Row
from imgpipe.steps.edxs.intensities_plan import Found, Wish
from imgpipe.steps.edxs.intensities_windows import limits
from imgpipe.xrays.lines import Line
from imgpipe.xrays.overlaps import Overlap, find_overlaps

NAMES = {
    "intensity": "line intensity", "u_intensity": "u of the line intensity, from counting",
    "gross": "counts in the line's window", "background": "background in the line's window",
}  # fmt: skip
USELESS = 10.0
"""Misfit of the sum spectrum, in units of counting noise, from which no line can be said to be there or not."""
STRONG = 0.5
"""Correlation of two areas from which on a row is flagged: neither is known well alone."""


@dataclass(frozen=True)
class Measured:
    """All that is known when the counts have been read."""

    counts: xr.DataArray
    energy: np.ndarray
    spectrum: np.ndarray
    rows: Sequence[Row]
    present: Sequence[Line]
    beam_energy: float
    resolution: float
    wish: Wish
    found: Found
    places: np.ndarray


def as_dataset(one: Measured) -> xr.Dataset:
    """Return everything as variables on `element`, `overlap`, `energy` and the places."""
    lines = [row.line for row in one.rows if row.line is not None]
    overlaps = find_overlaps(lines, one.present, one.resolution)
    parts = [_per_place(one), _per_element(one, overlaps), _curves(one), *([_overlaps(overlaps)] if overlaps else [])]
    return xr.merge(parts, join="exact", combine_attrs="override")


def joined_to(
    leaf: xr.Dataset | None,
    result: xr.Dataset,
    notes: Sequence[str],
    given: Mapping[str, float],
    said: Mapping[str, str],
) -> xr.Dataset:
    """Return the leaf with the result in place of an older one, and what is to be said of the whole as flags.

    Parameters
    ----------
    given : energies in eV that replace those of the leaf
    said : attributes that the leaf gets
    """
    if leaf is None:
        return result.assign_attrs({**said, "flags": "; ".join(notes)})
    before = leaf.drop_dims(["element", "overlap"], errors="ignore")
    before = before.drop_vars([name for name in (*result.data_vars, *given) if name in before])
    before = before.assign({name: quantity(value, "eV", name.replace("_", " ")) for name, value in given.items()})
    flags = [text for text in (*str(leaf.attrs.get("flags", "")).split("; "), *notes) if text]
    merged = xr.merge([before, result], join="exact", combine_attrs="override")
    return merged.assign_attrs(leaf.attrs | dict(said) | {"flags": "; ".join(dict.fromkeys(flags))})


def _per_place(one: Measured) -> xr.Dataset:
    spatial = tuple(str(dim) for dim in one.counts.dims[:-1])
    coords = {name: one.counts.coords[name] for name in spatial if name in one.counts.coords}
    coords["element"] = _names(one.rows)
    arrays = dict(zip(QUANTITIES, one.places, strict=True))
    return xr.Dataset(
        {name: quantity(values, "counts", NAMES[name], ("element", *spatial)) for name, values in arrays.items()},
        coords=coords,
    )


def _names(rows: Sequence[Row]) -> xr.DataArray:
    return texts([row.name for row in rows], "element", "element")


def _per_element(one: Measured, overlaps: Sequence[Overlap]) -> xr.Dataset:
    totals, windows = one.found.totals, one.found.windows
    ends = [limits(r.line, one.wish.width, one.resolution) if r.line else (np.nan, np.nan) for r in one.rows]
    correlation, partners = _correlations(one)
    measured = windows.inside[:, 0] >= 0
    sums = [float(one.spectrum[a:b].sum()) if a >= 0 else np.nan for a, b in windows.inside]
    voltage = [float(overvoltage(one.beam_energy, r.line.edge)) if r.line else np.nan for r in one.rows]
    count = range(len(one.rows))
    flags = [_flag(one, n, overlaps, voltage[n], correlation[n], partners[n]) for n in count]
    numbers = {
        "line_energy": ([r.line.energy if r.line else np.nan for r in one.rows], "eV", "energy of the line"),
        "window_low": ([e[0] for e in ends], "eV", "lower end of the window"),
        "window_high": ([e[1] for e in ends], "eV", "upper end of the window"),
        "total_intensity": (totals.intensity, "counts", "line intensity of the sum spectrum"),
        "u_total_intensity": (totals.u, "counts", "u of the total intensity: counting, ratios of lines, misfit"),
        "total_gross": (sums, "counts", "counts of the sum spectrum in the window"),
        "critical_level": (totals.critical, "counts", "critical level (Currie) of the total"),
        "detection_limit": (totals.limit, "counts", "detection limit (Currie) of the total"),
        "overvoltage": (voltage, "1", "overvoltage"),
        "largest_correlation": (np.where(measured, correlation, np.nan), "1", "largest correlation with another area"),
    }
    words = {
        "xray_line": ([r.line.label if r.line else "" for r in one.rows], "X-ray line"),
        "window_valid": ([_window_word(one, n) for n in count], "window"),
        "worst_overlap": (partners, "line of another element that is hardest to tell apart"),
        "element_flag": (flags, "flag"),
    }
    return xr.Dataset(
        {n: quantity(np.asarray(v, dtype=np.float64), u, t, "element") for n, (v, u, t) in numbers.items()}
        | {n: texts(v, t, "element") for n, (v, t) in words.items()},
        coords={"element": _names(one.rows)},
    )


def _window_word(one: Measured, n: int) -> str:
    if one.rows[n].line is None:
        return "no line"
    spoiled = one.found.spoiled[n]
    if spoiled:
        return f"invalid: {', '.join(spoiled)}"
    return "valid" if one.found.windows.valid[n] else "invalid: leaves the spectrum"


def _correlations(one: Measured) -> tuple[np.ndarray, list[str]]:
    """Return for each row the correlation of largest size with another line's area, and that line."""
    model = one.found.model
    covariance = model.fit.estimator.covariance(np.maximum(model.fit.fitted, 1e-12))
    n = len(model.families)
    sd = np.sqrt(np.maximum(np.diag(covariance)[:n], 1e-300))
    correlation = covariance[:n, :n] / np.outer(sd, sd)
    values, names = np.full(len(one.rows), np.nan), [""] * len(one.rows)
    for row, column in enumerate(one.found.columns):
        others = [m for m in range(n) if m != column and model.families[m].unit.element != one.rows[row].element]
        if column >= 0 and others:
            worst = max(others, key=lambda m: abs(correlation[column, m]))
            values[row], names[row] = correlation[column, worst], model.families[worst].unit.label
    return values, names


def _flag(one: Measured, n: int, overlaps: Sequence[Overlap], voltage: float, correlation: float, partner: str) -> str:
    row, totals = one.rows[n], one.found.totals
    if row.line is None:
        return row.reason
    spoiled = _window_word(one, n)
    parts = [] if voltage >= LEAST_OVERVOLTAGE else [f"overvoltage {voltage:.2f}"]
    if one.found.model.dispersion > USELESS:
        parts.append("not assessable: the model does not fit the sum spectrum")
    elif totals.intensity[n] <= totals.critical[n]:
        parts.append("not detected")
    seen = set(one.found.spoiled[n])
    strong = partner if abs(correlation) >= STRONG else ""
    pairs = [o for o in overlaps if o.of == row.line.label and (o.other in seen or strong == o.other)]
    if pairs:
        parts.append(f"overlaps {', '.join(dict.fromkeys(o.other for o in pairs if not o.other.startswith('2 x')))}")
    if one.wish.method == "window" and spoiled != "valid":
        parts.append(f"window {spoiled}")
    return "; ".join(parts)


def _overlaps(found: Sequence[Overlap]) -> xr.Dataset:
    names = texts([f"{o.of}|{o.other}" for o in found], "overlap", "overlap")
    numbers = {
        "separation": ([o.separation for o in found], "distance of the other line"),
        "fwhm": ([o.fwhm for o in found], "resolution there"),
    }
    words = {
        "overlap_of": ([o.of for o in found], "line"),
        "overlap_with": ([o.other for o in found], "other line"),
        "remedy": ([o.remedy for o in found], "remedy"),
    }
    return xr.Dataset(
        {n: quantity(np.array(v), "eV", t, "overlap") for n, (v, t) in numbers.items()}
        | {n: texts(v, t, "overlap") for n, (v, t) in words.items()},
        coords={"overlap": names},
    )


def _curves(one: Measured) -> xr.Dataset:
    """Return the sum spectrum, its fit and its parts; NaN outside the channels of the fit."""
    model = one.found.model
    lines = np.full((len(one.rows), one.energy.size), np.nan)
    for n, column in enumerate(one.found.columns):
        if column >= 0:
            lines[n, model.first : model.last] = model.fit.amplitudes[column] * model.fit.estimator.design[:, column]
    fitted, background = _within(one, model.fit.fitted), _within(one, model.background)
    curves = {
        "sum_counts": (one.spectrum, "sum spectrum"),
        "sum_fit": (fitted, "fit"),
        "sum_background": (background, "bremsstrahlung"),
        "sum_pile_up": (_within(one, model.sum_peaks), "two photons counted as one"),
        "sum_residual": (one.spectrum - fitted, "counts less fit"),
    }
    result = xr.Dataset({n: quantity(v, "counts", t, "energy") for n, (v, t) in curves.items()})
    result["line_curve"] = quantity(lines, "counts", "lines of an element's shell", ("element", "energy"))
    result["pile_up"] = quantity(100.0 * model.pile_up, "percent", "two photons counted as one, of all counts")
    result["u_pile_up"] = quantity(100.0 * model.u_pile_up, "percent", "its standard uncertainty")
    return result.assign_coords(energy=one.counts["energy"], element=_names(one.rows))


def _within(one: Measured, values: np.ndarray) -> np.ndarray:
    model = one.found.model
    whole = np.full(one.energy.size, np.nan)
    whole[model.first : model.last] = values
    return whole
