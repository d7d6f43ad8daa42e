"""Fitted spectra in the field's habits: binding energy to the left, components on the background, residual below."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from imgpipe.figures.drawing import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SINGLE,
    SKY,
    VERMILLION,
    YELLOW,
    axes_at,
    figure_style,
    new_figure,
    shortened,
    spread_apart,
    write_figure,
)
from imgpipe.figures.spectra import (
    Spectrum,
    curve_table,
    drawn_places,
    energy_label,
    formula,
    is_kinetic,
    number_of,
    one_place,
    series_dim,
    spectra,
)

COMPONENT_COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, YELLOW)
"""Colours of the components of a region, in order; they repeat after the seventh."""
MOST_PANELS, MOST_SAMPLES = 4, 8
"""Spectra of a series, and samples, that are drawn one by one."""
LEFT, RIGHT, BOTTOM, TOP = 11.5, 3.0, 8.5, 4.5
SINGLE_HEIGHT, PANEL_HEIGHT, RESIDUAL_HEIGHT, GAP = 54.0, 36.0, 8.5, 2.5
SLIT = 1.0
"""Between a spectrum and its residuals, mm."""
LABEL_LINE = 2.45
"""Height of a line of a label, mm."""
LABEL_WIDTH = 1.3
"""Width of a letter of a label, mm."""


def spectrum_figure(leaf: xr.Dataset, folder: Path, name: str, title: str) -> list[Path]:
    """Draw the spectra of a leaf (up to eight samples, four of a longer series), each with its residuals below.

    Parameters
    ----------
    leaf : measured counts over energy; with the curves of a fit, these are drawn too
    """
    chosen = drawn_places(leaf, MOST_SAMPLES if series_dim(leaf) == "sample" else MOST_PANELS)
    shown = list(spectra(leaf, chosen))
    across = 1 if len(shown) <= MOST_PANELS else 2
    down = -(-len(shown) // across)
    panel = SINGLE_HEIGHT if len(shown) == 1 else PANEL_HEIGHT
    fitted = any(one.residual is not None for one in shown)
    step = panel + (RESIDUAL_HEIGHT + SLIT if fitted else 0.0) + GAP
    with figure_style():
        height = BOTTOM + TOP + step * down - GAP
        figure = new_figure(across * SINGLE, height, constrained=False)
        for number, (place, one) in enumerate(zip(chosen, shown, strict=True)):
            column, row = divmod(number, down)
            corner = (LEFT + column * SINGLE, BOTTOM + step * (down - 1 - row))
            last = row == down - 1 or number == len(shown) - 1
            _draw_pair(figure, one_place(leaf, place), one, corner, panel, last=last)
        left = 2.0 / (across * SINGLE)
        figure.text(left, 1 - 1.0 / height, shortened(title, 60), va="top", fontsize=7)
        kind = "kinetic" if is_kinetic(leaf) else "binding"
        return write_figure(figure, pd.concat([curve_table(s, kind) for s in shown], ignore_index=True), folder, name)


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each component."""
    return {name: COMPONENT_COLOURS[n % len(COMPONENT_COLOURS)] for n, name in enumerate(names)}


def _draw_pair(
    figure: Figure, leaf: xr.Dataset, one: Spectrum, corner: tuple[float, float], panel: float, *, last: bool
) -> None:
    """Draw one spectrum and, below it, its residuals."""
    left, base = corner
    width = SINGLE - LEFT - RIGHT
    below = RESIDUAL_HEIGHT + SLIT if one.residual is not None else 0.0
    upper = axes_at(figure, left, base + below, width, panel)
    axes = [upper]
    _draw_spectrum(upper, leaf, one, panel, width)
    if one.residual is not None:
        lower = axes_at(figure, left, base, width, RESIDUAL_HEIGHT)
        _draw_residual(lower, one, one.residual)
        axes.append(lower)
    low, high = float(one.energy[0]), float(one.energy[-1])
    for each in axes:
        each.set_xlim((low, high) if is_kinetic(leaf) else (high, low))
        each.tick_params(axis="x", labelbottom=last and each is axes[-1])
    upper.tick_params(axis="x", length=0 if below else 2.5)
    if last:
        axes[-1].set_xlabel(energy_label(leaf))


def _draw_spectrum(axes: Axes, leaf: xr.Dataset, one: Spectrum, height: float, width: float) -> None:
    factor, unit = _shown_counts(one)
    _draw_measured(axes, one, factor)
    colours = colours_of(list(one.curves))
    if one.background is not None and one.envelope is not None:
        base = one.background * factor
        for name, curve in one.curves.items():
            axes.fill_between(one.energy, base, base + curve * factor, color=colours[name], alpha=0.35, linewidth=0)
            outline = np.where(curve > 0.005 * np.nanmax(curve), base + curve * factor, np.nan)
            axes.plot(one.energy, outline, color=colours[name], linewidth=0.8)
        axes.plot(one.energy, base, color=INK, linewidth=0.7, linestyle=(0, (4, 2)))
        axes.plot(one.energy, one.envelope * factor, color=INK, linewidth=0.9, zorder=4)
    bottom, top = _limits(one, factor)
    lines = _label_lines(leaf, one)
    rows = max((len(text) for text in lines.values()), default=0) + bool(one.label)
    room = LABEL_LINE * rows + (5.0 if lines else 1.5)
    axes.set_ylim(bottom, bottom + (top - bottom) * height / max(height - room, 0.3 * height))
    axes.set_ylabel(unit)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, prune="lower"))
    if one.label:
        axes.text(0.015, 1.0, shortened(one.label, 40), transform=axes.transAxes, va="top", fontsize=6, weight="bold")
    _write_labels(axes, leaf, one, factor, lines, (width, height))


def _draw_measured(axes: Axes, one: Spectrum, factor: float) -> None:
    """Draw what was measured: points where a fit is to be judged by them, else a line."""
    if one.envelope is None:
        axes.plot(one.energy, one.measured * factor, color=INK, linewidth=0.7)
        return
    axes.plot(one.energy, one.measured * factor, "o", markersize=1.7, markerfacecolor="none", color=FAINT,
              markeredgewidth=0.5, zorder=3)  # fmt: skip


def _shown_counts(one: Spectrum) -> tuple[float, str]:
    """Return factor and label of the intensity axis: thousands from 10,000 on."""
    large = float(np.nanmax(one.measured)) >= 10_000
    return (1e-3, f"10³ {one.unit}") if large else (1.0, one.unit)


def _limits(one: Spectrum, factor: float) -> tuple[float, float]:
    """Return lowest and highest intensity, with some air below; the axis starts at zero where the floor is near it."""
    low, high = float(np.nanmin(one.measured)) * factor, float(np.nanmax(one.measured)) * factor
    spread = (high - low) or 1.0
    return (0.0 if low < 0.1 * high else low - 0.06 * spread), high + 0.02 * spread


def _label_lines(leaf: xr.Dataset, one: Spectrum) -> dict[str, list[str]]:
    """Return name, position and share of each component, one text per line."""
    found = {}
    for name in one.curves:
        at, share = number_of(leaf, "position", name), number_of(leaf, "area_percent", name)
        numbers = [(at, f"{at:.2f} eV"), (share, f"{share:.1f} %")]
        found[name] = [formula(name), *(text for value, text in numbers if np.isfinite(value))]
    return found


def _write_labels(
    axes: Axes, leaf: xr.Dataset, one: Spectrum, factor: float, lines: dict[str, list[str]], size: tuple[float, float]
) -> None:
    """Write the labels side by side above their peaks, below the name of the spectrum; a line leads to each peak."""
    if not lines or one.background is None:
        return
    low, high = float(one.energy[0]), float(one.energy[-1])
    width, height = size
    per_mm = (high - low) / width
    tops = {name: _summit(leaf, one, name, factor) for name in lines}
    order = sorted(lines, key=lambda name: tops[name][0])
    widths = {name: LABEL_WIDTH * max(len(text) for text in lines[name]) * per_mm for name in order}
    places = _apart([tops[name][0] for name in order], [widths[name] for name in order], low, high)
    floor, ceiling = axes.get_ylim()
    per_line = LABEL_LINE * (ceiling - floor) / height
    ceiling -= per_line if one.label else 0.0
    colours = colours_of(list(one.curves))
    for name, place in zip(order, places, strict=True):
        first, *others = lines[name]
        axes.text(place, ceiling, first, ha="center", va="top", fontsize=6, color=colours[name], weight="bold")
        axes.text(place, ceiling - per_line, "\n".join(others), ha="center", va="top", fontsize=6, linespacing=1.05)
        feet = ceiling - per_line * (len(lines[name]) + 0.1)
        at, summit = tops[name]
        axes.plot(
            [place, at, at], [feet, feet - 0.7 * per_line, summit + 0.5 * per_line], color=colours[name], linewidth=0.6
        )


def _apart(at: list[float], widths: list[float], low: float, high: float) -> list[float]:
    """Return places of labels of these widths that neither touch nor leave the axis."""
    if not at:
        return []
    gap = max((0.5 * (a + b) for a, b in pairwise(widths)), default=0.0)
    gap = min(gap, (high - low - 0.5 * (widths[0] + widths[-1])) / max(len(at) - 1, 1))
    return spread_apart(
        [max(p, low + 0.5 * widths[0]) for p in at], gap, low + 0.5 * widths[0], high - 0.5 * widths[-1]
    )


def _summit(leaf: xr.Dataset, one: Spectrum, name: str, factor: float) -> tuple[float, float]:
    """Return the energy of a component, and the height of the envelope there in shown units."""
    curve = one.curves[name]
    at = number_of(leaf, "position", name)
    inside = np.isfinite(at) and one.energy[0] <= at <= one.energy[-1]
    index = int(np.abs(one.energy - at).argmin()) if inside else int(np.nanargmax(curve))
    near = one.measured[max(index - 2, 0) : index + 3]
    return float(one.energy[index]), float(np.nanmax(near)) * factor


def _draw_residual(axes: Axes, one: Spectrum, residual: np.ndarray) -> None:
    finite = residual[np.isfinite(residual)]
    reach = max(4.0, 1.1 * float(np.abs(finite).max())) if finite.size else 4.0
    axes.axhspan(-2, 2, color=FAINT, alpha=0.2, linewidth=0)
    axes.axhline(0, color=INK, linewidth=0.5)
    axes.plot(one.energy, residual, "o", markersize=1.3, color=INK, markeredgewidth=0)
    axes.set_ylim(-reach, reach)
    inner = 2 if reach < 8 else int(reach // 2)
    axes.set_yticks([-inner, inner], [f"−{inner}", str(inner)])
    axes.set_ylabel("res. (√N)" if one.unit == "counts" else "res. (sd)", fontsize=6)
