"""Profiles of the elements along a line: counts with their u, fit with its 95 % band, interfaces, residuals."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from imgpipe.figures.drawing import (
    FAINT,
    INK,
    SINGLE,
    axes_at,
    figure_style,
    new_figure,
    shortened,
    shown_length,
    write_figure,
)
from imgpipe.figures.edxs_data import (
    ALL,
    boundaries,
    colours_of,
    detected,
    doubts,
    elements,
    interfaces,
    layers,
    line_names,
    profile,
    profile_name,
    response_of,
)
from imgpipe.figures.edxs_layers import MARK, name_layers, shade_limited
from imgpipe.figures.spectra import formula

MOST_PANELS, MOST_BARS = 10, 300
"""Elements that are drawn, and places up to which each has a bar."""
LEFT, RIGHT, BOTTOM, TITLE, NAMES, NOTE = 12.0, 3.0, 9.0, 4.5, 7.0, 3.2
PANEL, RESIDUAL, SLIT, GAP = 25.0, 7.0, 0.8, 3.0
ROOM = 4.2
"""Height above the data for the name of the line and the bar of its response, mm."""
TALLEST = 5
"""Panels of one column from which the figure has two."""


def profile_figure(leaf: xr.Dataset, folder: Path, name: str, title: str) -> list[Path]:
    """Draw the profile of each element that was detected, each with its residuals below.

    Parameters
    ----------
    leaf : line scan with `intensity` (element, position) and, where interfaces were fitted, `fitted` with its band
    """
    shown = drawn_elements(leaf)
    across = 1 if len(shown) < TALLEST else 2
    down = max(1, -(-len(shown) // across))
    note = limited_note(leaf)
    with figure_style():
        below = BOTTOM + (NOTE if note else 0.0)
        step = PANEL + GAP + (RESIDUAL + SLIT if "fitted" in leaf else 0.0)
        height = below + NAMES + TITLE + step * down - GAP
        figure = new_figure(across * SINGLE, height, constrained=False)
        for number, element in enumerate(shown):
            column, row = divmod(number, down)
            corner = (LEFT + column * SINGLE, below + step * (down - 1 - row))
            last = row == down - 1 or number == len(shown) - 1
            _draw_pair(figure, leaf, element, corner, first=row == 0, last=last)
        _write_around(figure, title, note, empty=not shown)
        return write_figure(figure, profile_table(leaf), folder, name)


def drawn_elements(leaf: xr.Dataset) -> list[str]:
    """Return at most `MOST_PANELS` elements to draw: fitted ones as they follow, then others that were detected."""
    seen = detected(leaf)
    known = [n for n in seen if (seen[n] or _is_fitted(leaf, n)) and np.isfinite(profile(leaf, n)).any()]
    return sorted(known, key=lambda name: (not _is_fitted(leaf, name), _centre(leaf, name)))[:MOST_PANELS]


def _is_fitted(leaf: xr.Dataset, element: str) -> bool:
    return bool(np.isfinite(profile(leaf, element, "fitted")).any())


def _centre(leaf: xr.Dataset, element: str) -> float:
    """Return the mean position of the fitted counts; 0 where there are none, which keeps the order of the leaf."""
    weight = np.nan_to_num(profile(leaf, element, "fitted"))
    total = float(weight.sum())
    return float((weight * leaf["position"].values).sum()) / total if total > 0 else 0.0


def profile_table(leaf: xr.Dataset) -> pd.DataFrame:
    """Return position, element, counts, u, fit with its band, and residual: one row per place and element."""
    unit = str(leaf["position"].attrs.get("units", "nm"))
    columns = {"counts": None, "u_counts": "u", "fitted": "fitted", "fitted_low": "fitted_low",
               "fitted_high": "fitted_high", "residual": "residual"}  # fmt: skip
    parts = []
    for element in elements(leaf):
        data: dict[str, object] = {"element": element, f"position_{unit}": leaf["position"].values}
        for column, variable in columns.items():
            data[column] = uncertainty_of(leaf, element) if variable == "u" else _values(leaf, element, variable)
        parts.append(pd.DataFrame(data))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def residual_of(leaf: xr.Dataset, element: str) -> np.ndarray:
    """Return standardised residuals: as the fit left them, else by the counting statistics of the fitted curve."""
    name = next((n for n in ("fit_residual", "fitted_residual", "residual") if n in leaf), None)
    if name is not None and "position" in leaf[name].dims:
        return profile(leaf, element, name)
    fitted = profile(leaf, element, "fitted")
    return np.asarray((profile(leaf, element) - fitted) / np.sqrt(np.maximum(fitted, 1.0)))


def _values(leaf: xr.Dataset, element: str, variable: str | None) -> np.ndarray:
    return residual_of(leaf, element) if variable == "residual" else profile(leaf, element, variable)


def uncertainty_of(leaf: xr.Dataset, element: str) -> np.ndarray:
    """Return the standard uncertainty of the counts: of the step that found them, else of Poisson counts."""
    found = profile(leaf, element, f"u_{profile_name(leaf)}")
    if np.isfinite(found).any():
        return found
    return np.asarray(np.sqrt(np.maximum(profile(leaf, element), 1.0)))


def profile_words(leaf: xr.Dataset) -> str:
    """Return what is drawn of the counts of a line, as a caption says it."""
    name = profile_name(leaf)
    net = "Gross counts" if name == "gross" else "Net counts"
    if leaf.sizes.get("position", 0) > MOST_BARS:
        bars = "without bars, as there are many places"
    elif f"u_{name}" in leaf and bool(leaf[f"u_{name}"].notnull().any()):
        bars = "bars are ± u as the spectra were fitted"
    else:
        bars = "bars are ± √N, of counting alone"
    fit = ", the fit with its 95 % band, and residuals" if "fitted" in leaf else ""
    return f"{net} of each element along the line ({bars}){fit}."


def _draw_pair(
    figure: Figure, leaf: xr.Dataset, element: str, corner: tuple[float, float], *, first: bool, last: bool
) -> None:
    """Draw one element and, below it, the residuals of its fit."""
    left, base = corner
    width = SINGLE - LEFT - RIGHT
    fitted = _is_fitted(leaf, element)
    below = RESIDUAL + SLIT if fitted else 0.0
    rest = RESIDUAL + SLIT - below if "fitted" in leaf else 0.0
    place, unit = axis_of(leaf)
    upper = axes_at(figure, left, base + below, width, PANEL + rest)
    _draw_counts(upper, leaf, element, place, PANEL + rest)
    if first:
        name_layers(upper, layers(leaf, *ends_of(leaf)), place.scale)
    axes = [upper]
    if fitted:
        axes.append(axes_at(figure, left, base, width, RESIDUAL))
        _draw_residual(axes[1], place.values, residual_of(leaf, element))
    for each in axes:
        each.set_xlim(*place.window)
        each.tick_params(axis="x", labelbottom=last and each is axes[-1])
    if fitted:
        upper.tick_params(axis="x", length=0)
    if last:
        axes[-1].set_xlabel(f"position ({unit})")


class Place:
    """The position axis as it is drawn: values and limits in shown units."""

    def __init__(self, values: np.ndarray, scale: float) -> None:
        """Take positions in the unit of the data and the factor to the shown one."""
        self.scale = scale
        self.values = values * scale
        step = float(np.median(np.diff(values))) * scale if values.size > 1 else 1.0
        self.window = (float(self.values[0]) - step / 2, float(self.values[-1]) + step / 2)


def axis_of(leaf: xr.Dataset) -> tuple[Place, str]:
    """Return the position axis as it is drawn, and its unit."""
    values = np.asarray(leaf["position"].values, dtype=float)
    extent = float(values[-1] - values[0])
    scale, unit = shown_length(extent, str(leaf["position"].attrs.get("units", "nm")))
    return Place(values, scale), unit


def ends_of(leaf: xr.Dataset) -> tuple[float, float]:
    """Return the first and the last position of a line, in the unit of the data."""
    return float(leaf["position"][0]), float(leaf["position"][-1])


def _draw_counts(axes: Axes, leaf: xr.Dataset, element: str, place: Place, height: float) -> None:
    colour = colours_of(elements(leaf))[element]
    counts, u = profile(leaf, element), uncertainty_of(leaf, element)
    fitted, low, high = (profile(leaf, element, n) for n in ("fitted", "fitted_low", "fitted_high"))
    shade_limited(axes, layers(leaf, *ends_of(leaf)), place.scale, 1 - ROOM / height)
    draw_interfaces(axes, leaf, place.scale, element, 1 - ROOM / height)
    if counts.size <= MOST_BARS:
        axes.errorbar(place.values, counts, yerr=u, fmt="o", markersize=1.4, color=FAINT, ecolor=FAINT,
                      elinewidth=0.35, markeredgewidth=0, zorder=2)  # fmt: skip
    else:
        axes.plot(place.values, counts, drawstyle="steps-mid", color=FAINT, linewidth=0.5, zorder=2)
    axes.fill_between(place.values, low, high, color=colour, alpha=0.35, linewidth=0, zorder=3)
    axes.plot(place.values, fitted, color=colour, linewidth=1.1, zorder=4)
    top = max((float(np.nanmax(v)) for v in (counts + u, high) if np.isfinite(v).any()), default=1.0)
    bottom = min(0.0, float(np.nanmin(counts)) if np.isfinite(counts).any() else 0.0)
    axes.set_ylim(bottom, bottom + (max(top, 1.0) - bottom) * height / (height - ROOM))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, prune="upper"))
    axes.set_ylabel("counts")
    axes.text(0.012, 1 - 0.45 * ROOM / height, _label(leaf, element), transform=axes.transAxes, va="center",
              fontsize=7, weight="bold", color=colour)  # fmt: skip
    _response_bar(axes, leaf, element, place, 1 - 0.45 * ROOM / height)


def _label(leaf: xr.Dataset, element: str) -> str:
    doubt = doubts(leaf)[element]
    return line_names(leaf)[element] + (f": {doubt}" if doubt else "")


def draw_interfaces(axes: Axes, leaf: xr.Dataset, scale: float, element: str = ALL, top: float = 1.0) -> None:
    """Draw each boundary as a line with its 95 % interval as a band: the joint one, else that of the element.

    Parameters
    ----------
    top : where the lines end, as a part of the height of the axes
    """
    own = {row.boundary: row for row in interfaces(leaf) if row.element == element}
    for row in boundaries(leaf):
        one = row if row.element == ALL else own.get(row.boundary, row)
        if math.isfinite(one.high - one.low):
            axes.axvspan(one.low * scale, one.high * scale, 0.0, top, color=INK, alpha=0.14, linewidth=0, zorder=1)
        axes.axvline(one.position * scale, 0.0, top, color=INK, linewidth=0.6, zorder=1)


def _response_bar(axes: Axes, leaf: xr.Dataset, element: str, place: Place, level: float) -> None:
    """Draw how wide the response of the line is, in units of the position axis, in the head of the panel."""
    response = response_of(leaf, element)
    if response is None or leaf["position"].attrs.get("units") == "px":
        return
    low, high = place.window
    length = response.width * place.scale
    text = f"response {rounded_length(response.width)}" + (f" in {formula(response.layer)}" if response.layer else "")
    margin = 0.012 * (high - low)
    start = max(high - margin - length, low + 0.45 * (high - low))
    axes.plot([start, start + length], [level, level], color=INK, linewidth=1.8, solid_capstyle="butt",
              transform=axes.get_xaxis_transform(), zorder=5, clip_on=True)  # fmt: skip
    axes.text(start - margin, level, text, transform=axes.get_xaxis_transform(), ha="right", va="center", fontsize=6)


def rounded_length(nanometres: float) -> str:
    """Return a length with two or three digits: ``490 nm``, ``1.4 µm``."""
    if nanometres >= 1000:
        return f"{nanometres / 1000:.2g} µm"
    return f"{nanometres:.0f} nm" if nanometres < 100 else f"{round(nanometres, -1):.0f} nm"


def _draw_residual(axes: Axes, position: np.ndarray, residual: np.ndarray) -> None:
    draw_standard_residual(axes, position, residual, points=True)
    axes.set_ylabel("res. (sd)", fontsize=6)


def draw_standard_residual(axes: Axes, at: np.ndarray, residual: np.ndarray, *, points: bool) -> None:
    """Draw standardised residuals on the band of ±2."""
    finite = residual[np.isfinite(residual)]
    reach = max(4.0, 1.1 * float(np.abs(finite).max())) if finite.size else 4.0
    axes.axhspan(-2, 2, color=FAINT, alpha=0.2, linewidth=0)
    axes.axhline(0, color=INK, linewidth=0.5)
    if points:
        axes.plot(at, residual, "o", markersize=1.3, color=INK, markeredgewidth=0)
    else:
        axes.plot(at, residual, drawstyle="steps-mid", color=INK, linewidth=0.5)
    axes.set_ylim(-reach, reach)
    inner = 2 if reach < 8 else int(reach // 2)
    axes.set_yticks([-inner, inner], [f"−{inner}", str(inner)])


def limited_note(leaf: xr.Dataset) -> str:
    """Say what the mark of a layer means, which layers it concerns, and how thick they are at most."""
    limited = [layer for layer in layers(leaf, *ends_of(leaf)) if layer.limited]
    if not limited:
        return ""
    unit = str(leaf["position"].attrs.get("units", "nm"))
    parts = [
        formula(one.name)
        + (f" at most {rounded_length(one.bound) if unit == 'nm' else f'{one.bound:.3g} {unit}'} (95 %)"
           if math.isfinite(one.bound) else "")
        for one in limited
    ]  # fmt: skip
    return f"{MARK} resolution-limited: {', '.join(parts)}"


def _write_around(figure: Figure, title: str, note: str, *, empty: bool) -> None:
    across, up = (25.4 * float(side) for side in figure.get_size_inches())
    figure.text(2.0 / across, 1 - 1.0 / up, shortened(title, 60), va="top", fontsize=7)
    if note:
        figure.text(2.0 / across, 1.0 / up, note, va="bottom", fontsize=6)
    if empty:
        said = "no element was detected, or could be assessed, along this line"
        figure.text(0.5, 0.5, said, ha="center", va="center", color=FAINT)
