"""Tables of a fit for the page: how good it is, what holds it, and what each constraint is worth."""

from __future__ import annotations

import json
import math

import numpy as np
import xarray as xr

from imgpipe.rounding import decimals_for, rounded, with_uncertainty

Cells = tuple[list[str], list[list[str]]]
QUALITY = {
    "n_points": ("points", 0), "n_free": ("free parameters", 0), "reduced_chi_square": ("reduced chi-square", 2),
    "residual_sd_counts": ("sd of residuals (counts)", 1), "abbe": ("Abbe", 2), "bic": ("BIC", 1),
    "largest_correlation": ("largest correlation", 2),
}  # fmt: skip
"""Variable of a fit -> head of its column, and decimals shown."""


def fit_model(leaf: xr.Dataset) -> dict[str, object]:
    """Return what a fit says of its model; empty where nothing was fitted."""
    return dict(json.loads(leaf.attrs.get("fit_model") or "{}"))


def quality_cells(leaf: xr.Dataset) -> Cells:
    """Return one row: model, noise, window, and the figures of merit (median and range along a series)."""
    model = fit_model(leaf)
    known = [name for name in QUALITY if name in leaf]
    if not known:
        return [], []
    row = {"background": str(model.get("background", "")).replace("_", " "), "noise": str(model.get("noise", ""))}
    low, high = (_middle(leaf, name) for name in ("window_low", "window_high"))
    if math.isfinite(low + high):
        row["window"] = f"{low:g} to {high:g} eV"
    row |= {QUALITY[name][0]: _spread(leaf[name].values, QUALITY[name][1]) for name in known}
    flags = flag_counts(leaf, "fit_flag")
    if flags:
        row["flags"] = flags
    return list(row), [list(row.values())]


def _middle(leaf: xr.Dataset, name: str) -> float:
    return float(np.nanmedian(leaf[name].values)) if name in leaf else math.nan


def _spread(values: np.ndarray, decimals: int) -> str:
    """Return a number, or median and range of several different ones."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if finite.size == 0:
        return "–"
    middle, low, high = (rounded(float(f(finite)), decimals) for f in (np.median, np.min, np.max))
    return middle if low == high else f"{middle} ({low} to {high})"


def flag_counts(leaf: xr.Dataset, name: str) -> str:
    """Return the flags of a variable, with the number of spectra where there are several."""
    if name not in leaf:
        return ""
    texts = [str(text) for text in np.asarray(leaf[name].values, dtype=object).ravel()]
    found: dict[str, int] = {}
    for flag in (flag for text in texts for flag in text.split("; ") if flag):
        found[flag] = found.get(flag, 0) + 1
    return "; ".join(flag if len(texts) == 1 else f"{flag} ({count} of {len(texts)})" for flag, count in found.items())


def constraint_cells(leaf: xr.Dataset) -> Cells:
    """Return every constraint: kind, what it holds, value with u, what the fit made of it, source."""
    if "constraint" not in leaf.dims:
        return [], []
    heads = ["constraint", "kind", "holds", "value", "fitted", "largest effect", "source"]
    return heads, [_constraint_row(leaf.isel(constraint=number)) for number in range(leaf.sizes["constraint"])]


def _constraint_row(one: xr.Dataset) -> list[str]:
    value, u = _number(one, "value"), _number(one, "u")
    unit = _unit(_text(one, "unit"))
    text, spread = with_uncertainty(value, u)
    shown = f"{value:.5g}" if spread == "–" and math.isfinite(value) else text
    fitted = rounded(_number(one, "fitted_value"), decimals_for(u) if u > 0 else 3)
    effect, most = _number(one, "largest_effect"), _text(one, "most_affected")
    unverified = "verified" in one and not bool(one["verified"])
    return [
        str(one["constraint"].values),
        _text(one, "kind"),
        _text(one, "applies_to"),
        "–" if not math.isfinite(value) else f"{shown}{f' ± {spread}' if spread != '–' else ''}{unit}",
        f"{fitted}{unit}" if fitted != "–" else "–",
        f"{abs(effect):.1f} points of {most}" if math.isfinite(effect) and abs(effect) >= 0.05 and most else "–",
        _text(one, "source") + (" (unverified)" if unverified else ""),
    ]


def sensitivity_cells(leaf: xr.Dataset) -> Cells:
    """Return one row per constraint and one column per component: changes of the share for +u and for -u."""
    if "of_constraint" not in leaf or "of_component" not in leaf:
        return [], []
    constraints = [str(text) for text in leaf["of_constraint"].values]
    names = [str(text) for text in leaf["of_component"].values]
    plus, minus = (np.asarray(leaf[name].values, dtype=float) for name in ("change_plus", "change_minus"))
    told = {
        (c, n): f"{_signed(up)} / {_signed(down)}"
        for c, n, up, down in zip(constraints, names, plus, minus, strict=True)
    }
    columns = list(dict.fromkeys(names))
    rows = [[c, *(told.get((c, n), "–") for n in columns)] for c in dict.fromkeys(constraints)]
    return ["constraint", *columns], rows


def order_cells(leaf: xr.Dataset) -> Cells:
    """Return for each pair of samples how far their shares differ, and the probability that the first is greater.

    Along a series the places differ; the table of pairs has them all.
    """
    names = ("pair_component", "first", "second", "difference", "u_difference", "probability_greater")
    if not all(name in leaf and leaf[name].dims == ("pair",) for name in names):
        return [], []
    columns = [leaf[name].values for name in names]
    rows = [[str(c), f"{a} > {b}", _difference(d, u), f"{p:.3f}"] for c, a, b, d, u, p in zip(*columns, strict=True)]
    return ["component", "order", "difference (points)", "probability"], rows


def _difference(value: float, u: float) -> str:
    text, spread = with_uncertainty(float(value), float(u))
    return f"{text} ± {spread}" if spread != "–" else text


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−") if math.isfinite(value) else "–"


def _unit(unit: str) -> str:
    return "" if unit in ("", "1") else f" {unit}"


def _number(one: xr.Dataset, name: str) -> float:
    return float(one[name]) if name in one and one[name].ndim == 0 else math.nan


def _text(one: xr.Dataset, name: str) -> str:
    return str(one[name].values) if name in one else ""
