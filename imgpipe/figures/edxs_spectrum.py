"""The sum spectrum with the lines that were fitted, the windows, and the residuals below."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from imgpipe.figures.drawing import (
    DOUBLE,
    FAINT,
    INK,
    axes_at,
    figure_style,
    new_figure,
    shortened,
    spread_apart,
    write_figure,
)
from imgpipe.figures.edxs_data import (
    NOT_DETECTED,
    colours_of,
    detected,
    doubts,
    elements,
    line_names,
    numbers_of,
    words_of,
)
from imgpipe.figures.edxs_profile import draw_standard_residual
from imgpipe.rounding import three_digits, with_uncertainty

LEFT, RIGHT, BOTTOM, TITLE = 13.0, 34.0, 9.0, 4.5
SPECTRUM, WINDOWS, RESIDUAL, SLIT = 62.0, 1.9, 10.0, 1.0
LABELS = 8.0
"""Height for the names of the lines inside the panel, mm."""
LETTER, LEGEND_LINE = 1.45, 3.3
LOGARITHMIC = 1000.0
"""Largest count from which the axis is logarithmic; below, it shows the square root."""
INVALID = "invalid"


def line_figure(leaf: xr.Dataset, folder: Path, name: str, title: str) -> list[Path]:
    """Draw the spectrum of a leaf: counts, model, bremsstrahlung, each line filled, windows, residuals.

    Parameters
    ----------
    leaf : with `sum_counts` (energy) and the curves of `line_intensities`; or with `counts` alone, as recorded
    """
    energy, counts = spectrum_of(leaf)
    rows = _window_rows(leaf, energy)
    residual = _standard_residual(leaf)
    strip = WINDOWS * (max(rows.values(), default=-1) + 1) + (SLIT if rows else 0.0)
    below = 0.0 if residual is None else RESIDUAL + SLIT
    with figure_style():
        height = BOTTOM + below + strip + SPECTRUM + TITLE
        figure = new_figure(DOUBLE, height, constrained=False)
        width = DOUBLE - LEFT - (RIGHT if "element" in leaf.dims else 3.0)
        main = axes_at(figure, LEFT, BOTTOM + below + strip, width, SPECTRUM)
        window = shown_window(leaf, energy, counts)
        _draw_spectrum(main, leaf, energy, counts, window, width)
        axes = [main]
        if rows:
            axes.append(axes_at(figure, LEFT, BOTTOM + below, width, strip - SLIT))
            _draw_windows(axes[-1], leaf, rows)
        if residual is not None:
            axes.append(axes_at(figure, LEFT, BOTTOM, width, RESIDUAL))
            inside = (energy >= window[0]) & (energy <= window[1])
            draw_standard_residual(axes[-1], energy[inside] / 1e3, residual[inside], points=False)
            axes[-1].set_ylabel("res. (sd)", fontsize=6)
        for each in axes:
            each.set_xlim(window[0] / 1e3, window[1] / 1e3)
            each.tick_params(axis="x", labelbottom=each is axes[-1], length=2.5 if each is axes[-1] else 0)
        axes[-1].set_xlabel("X-ray energy (keV)")
        _legend(figure, leaf, (DOUBLE - RIGHT + 2.0, height - TITLE))
        figure.text(2.0 / DOUBLE, 1 - 1.0 / height, shortened(title, 80), va="top", fontsize=7)
        return write_figure(figure, line_table(leaf), folder, name)


def has_spectrum(leaf: xr.Dataset) -> bool:
    """Tell whether there is a sum spectrum to draw: a fitted one, or counts of a spectrum or a line scan."""
    recorded = "counts" in leaf and "energy" in leaf["counts"].dims and not {"x", "y"} & set(leaf["counts"].dims)
    return "energy" in leaf.dims and ("sum_counts" in leaf or recorded)


def spectrum_of(leaf: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return energy, eV, and counts of the sum spectrum; of a recorded leaf its counts summed over all places."""
    energy = np.asarray(leaf["energy"].values, dtype=float)
    if "sum_counts" in leaf:
        return energy, np.asarray(leaf["sum_counts"].values, dtype=float)
    counts = leaf["counts"].sum([d for d in leaf["counts"].dims if d != "energy"])
    return energy, np.asarray(counts.values, dtype=float)


def shown_window(leaf: xr.Dataset, energy: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Return the part of the energy axis that is drawn, eV: from 0 to the beam energy, or to the last counts."""
    low = max(0.0, float(energy[0]))
    beam = float(leaf["beam_energy"]) if "beam_energy" in leaf and leaf["beam_energy"].ndim == 0 else np.nan
    filled = energy[np.nan_to_num(counts) > 0]
    last = float(filled[-1]) if filled.size else float(energy[-1])
    high = min(1.05 * beam, float(energy[-1])) if np.isfinite(beam) and beam > low else last
    return low, high if high > low else float(energy[-1])


def line_table(leaf: xr.Dataset) -> pd.DataFrame:
    """Return energy, counts, model, bremsstrahlung, residual and the curve of each element: one row per channel."""
    energy, counts = spectrum_of(leaf)
    columns: dict[str, object] = {"energy_eV": energy, "counts": counts}
    for variable in ("sum_fit", "sum_background", "sum_residual"):
        if (curve := _curve(leaf, variable)) is not None:
            columns[variable.removeprefix("sum_")] = curve
    return pd.DataFrame(columns | {f"line {n}": curve for n, curve in _line_curves(leaf).items()})


def _curve(leaf: xr.Dataset, name: str) -> np.ndarray | None:
    return np.asarray(leaf[name].values, dtype=float) if name in leaf and leaf[name].dims == ("energy",) else None


def _standard_residual(leaf: xr.Dataset) -> np.ndarray | None:
    """Return the residual in units of its expected deviation."""
    residual, fit = _curve(leaf, "sum_residual"), _curve(leaf, "sum_fit")
    if residual is None or fit is None or leaf["sum_residual"].attrs.get("units") != "counts":
        return residual
    return np.asarray(residual / np.sqrt(np.maximum(fit, 1.0)))


def _line_curves(leaf: xr.Dataset) -> dict[str, np.ndarray]:
    if "line_curve" not in leaf or set(leaf["line_curve"].dims) != {"element", "energy"}:
        return {}
    curves = leaf["line_curve"].transpose("element", "energy")
    return dict(zip(elements(leaf), np.asarray(curves.values, dtype=float), strict=True))


def _draw_spectrum(
    axes: Axes, leaf: xr.Dataset, energy: np.ndarray, counts: np.ndarray, window: tuple[float, float], width: float
) -> None:
    inside = (energy >= window[0]) & (energy <= window[1])
    at, shown = energy[inside] / 1e3, counts[inside]
    top = float(np.nanmax(shown)) if np.isfinite(shown).any() else 1.0
    floor = _set_scale(axes, max(top, 1.0))
    background = _curve(leaf, "sum_background")
    base = np.zeros(at.shape) if background is None else np.nan_to_num(background[inside])
    colours, seen = colours_of(elements(leaf)), detected(leaf)
    for name, curve in _line_curves(leaf).items():
        own = np.nan_to_num(curve[inside])
        if seen[name] and own.max(initial=0.0) > 0:
            drawn = own > 1e-3 * own.max()
            axes.fill_between(at, np.maximum(base, floor), np.maximum(base + own, floor), where=drawn,
                              color=colours[name], alpha=0.45, linewidth=0)  # fmt: skip
    axes.plot(at, np.maximum(shown, floor), drawstyle="steps-mid", color=FAINT, linewidth=0.7, zorder=3)
    if background is not None:
        axes.plot(at, np.maximum(base, floor), color=INK, linewidth=0.7, linestyle=(0, (4, 2)), zorder=4)
    model = _curve(leaf, "sum_fit")
    if model is not None:
        axes.plot(at, np.maximum(model[inside], floor), color=INK, linewidth=0.8, zorder=5)
    axes.set_ylabel("counts")
    axes.set_xlim(window[0] / 1e3, window[1] / 1e3)
    _name_lines(axes, leaf, (at, shown if model is None else np.fmax(shown, model[inside])), width)


def _set_scale(axes: Axes, top: float) -> float:
    """Scale the axis so that lines and bremsstrahlung both show, with room for names; return its lower end."""
    share = SPECTRUM / (SPECTRUM - LABELS)
    if top < LOGARITHMIC:
        axes.set_yscale("function", functions=(lambda v: np.sqrt(np.maximum(v, 0.0)), np.square))
        axes.set_ylim(0.0, top * share**2)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        return 0.0
    axes.set_yscale("log")
    axes.set_ylim(0.5, 0.5 * (2.4 * top) ** share)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", "\u2009")))
    axes.yaxis.set_minor_formatter(NullFormatter())
    return 0.5


def _name_lines(axes: Axes, leaf: xr.Dataset, outline: tuple[np.ndarray, np.ndarray], width: float) -> None:
    """Write the names of the lines that were detected side by side at the top, each with a line down to its peak."""
    energies, names = numbers_of(leaf, "line_energy", "element") / 1e3, line_names(leaf)
    low, high = axes.get_xlim()
    seen = detected(leaf)
    shown = sorted((at, n) for at, n in zip(energies, names, strict=True) if seen[n] and low <= at <= high)
    if not shown:
        return
    per_mm = (high - low) / width
    widths = [LETTER * (len(names[name]) + 1) * per_mm for _, name in shown]
    places = _apart([at for at, _ in shown], widths, low, high)
    colours = colours_of(elements(leaf))
    to_axes = axes.transData + axes.transAxes.inverted()
    for (at, name), place in zip(shown, places, strict=True):
        near = np.abs(outline[0] - at) <= 0.02
        summit = float(np.nanmax(outline[1][near])) if near.any() and np.isfinite(outline[1][near]).any() else 1.0
        level = float(to_axes.transform((at, max(summit, axes.get_ylim()[0])))[1]) + 0.012
        head = 1 - 3.0 / SPECTRUM
        axes.plot([place, at, at], [head, head - 2.4 / SPECTRUM, min(level, head - 2.5 / SPECTRUM)],
                  color=colours[name], linewidth=0.5, transform=axes.get_xaxis_transform())  # fmt: skip
        axes.text(place, 1.0, names[name], transform=axes.get_xaxis_transform(), ha="center", va="top", fontsize=6.5,
                  weight="bold", color=colours[name])  # fmt: skip


def _apart(at: Sequence[float], widths: Sequence[float], low: float, high: float) -> list[float]:
    """Return places of labels of these widths that neither touch nor leave the axis, moved as little as needed."""
    gaps = [0.5 * (a + b) for a, b in pairwise(widths)]
    before = np.concatenate([[0.0], np.cumsum(gaps)])
    squeezed = [place - shift for place, shift in zip(at, before, strict=True)]
    first, last = low + 0.5 * widths[0], high - 0.5 * widths[-1] - float(before[-1])
    free = spread_apart([max(place, first) for place in squeezed], 0.0, first, max(last, first))
    return [place + float(shift) for place, shift in zip(free, before, strict=True)]


def _window_rows(leaf: xr.Dataset, energy: np.ndarray) -> dict[str, int]:
    """Return in which row the window of each element is drawn, so that windows that overlap stand below each other."""
    low, high = (numbers_of(leaf, f"window_{end}", "element") for end in ("low", "high"))
    order = sorted((a, b, n) for a, b, n in zip(low, high, elements(leaf), strict=True) if np.isfinite(a + b))
    ends: list[float] = []
    rows: dict[str, int] = {}
    for start, end, name in order:
        if start > energy[-1]:
            continue
        row = next((number for number, last in enumerate(ends) if last <= start), len(ends))
        ends[row:] = [end, *ends[row + 1 :]]
        rows[name] = row
    return rows


def _draw_windows(axes: Axes, leaf: xr.Dataset, rows: dict[str, int]) -> None:
    """Draw the window of each line as a bar; one that another line spoils is open and dashed."""
    low, high = (dict(zip(elements(leaf), numbers_of(leaf, f"window_{end}", "element"), strict=True))
                 for end in ("low", "high"))  # fmt: skip
    valid = dict(zip(elements(leaf), words_of(leaf, "element", "window_valid"), strict=True))
    colours, seen = colours_of(elements(leaf)), detected(leaf)
    for name, row in rows.items():
        colour = colours[name] if seen[name] else FAINT
        start, length = low[name] / 1e3, (high[name] - low[name]) / 1e3
        if valid[name].startswith(INVALID):
            axes.broken_barh([(start, length)], (row + 0.15, 0.7), facecolor="none", edgecolor=colour,
                             linewidth=0.7, linestyle=(0, (2, 1)))  # fmt: skip
        else:
            axes.broken_barh([(start, length)], (row + 0.15, 0.7), facecolor=colour, linewidth=0)
    axes.set_ylim(max(rows.values()) + 1, 0)
    axes.set_yticks([])
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_ylabel("windows", fontsize=6, rotation=0, ha="right", va="center")


def _legend(figure: Figure, leaf: xr.Dataset, corner: tuple[float, float]) -> None:
    """Write a row for each element beside the spectrum: its counts with u, or the limit in grey."""
    if "element" not in leaf.dims:
        return
    width, height = (25.4 * float(side) for side in figure.get_size_inches())
    left, top = corner
    names, seen, colours = line_names(leaf), detected(leaf), colours_of(elements(leaf))
    doubt = doubts(leaf)
    totals, us, limits = (numbers_of(leaf, n, "element")
                          for n in ("total_intensity", "u_total_intensity", "detection_limit"))  # fmt: skip
    rows = [("line, net counts ± u", "", INK, "normal")]
    for name, total, u, limit in zip(names, totals, us, limits, strict=True):
        if seen[name]:
            value, spread = with_uncertainty(float(total), float(u))
            rows.append((names[name], value if spread == "–" else f"{value} ± {spread}", colours[name], "bold"))
        else:
            known = doubt[name] == NOT_DETECTED and np.isfinite(limit)
            rows.append((names[name], f"< {three_digits(limit)}" if known else doubt[name], FAINT, "normal"))
    if not all(seen.values()):
        words = [word for word in dict.fromkeys(doubt.values()) if word]
        limit_too = ", limit" if NOT_DETECTED in words else ""
        rows.append((f"grey: {' or '.join(words)}{limit_too}", "", FAINT, "normal"))
    for number, (first, second, colour, weight) in enumerate(rows):
        at = (top - 1.5 - number * LEGEND_LINE) / height
        figure.text(left / width, at, first, va="top", fontsize=6, color=colour, weight=weight)
        figure.text((left + 30.0) / width, at, second, va="top", ha="right", fontsize=6,
                    color=FAINT if colour == FAINT else INK)  # fmt: skip
    _line_key(figure, leaf, left, top - 3.0 - len(rows) * LEGEND_LINE)


def _line_key(figure: Figure, leaf: xr.Dataset, left: float, top: float) -> None:
    """Explain the curves and the bars of the windows."""
    axes = axes_at(figure, left, top - 14.0, 30.0, 13.0)
    axes.set_axis_off()
    axes.set_xlim(0, 30)
    axes.set_ylim(13, 0)
    keys: list[tuple[str, dict[str, object]]] = [("measured", {"color": FAINT, "linewidth": 0.7})]
    if "sum_fit" in leaf:
        keys.append(("model", {"color": INK, "linewidth": 0.8}))
    if "sum_background" in leaf:
        keys.append(("bremsstrahlung", {"color": INK, "linewidth": 0.7, "linestyle": (0, (4, 2))}))
    if any(text.startswith(INVALID) for text in words_of(leaf, "element", "window_valid")):
        keys.append(("window invalid (overlap)", {"color": INK, "linewidth": 0.7, "linestyle": (0, (2, 1))}))
    for number, (text, style) in enumerate(keys):
        axes.plot([0, 4], [1.2 + LEGEND_LINE * number] * 2, **style)  # type: ignore[arg-type]
        axes.text(5, 1.2 + LEGEND_LINE * number, text, fontsize=6, va="center")
