"""Maps of the elements, each with its own colours and counts, and the line that a profile was taken along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from imgpipe.figures.drawing import (
    DOUBLE,
    FAINT,
    INK,
    axes_at,
    figure_style,
    new_figure,
    shortened,
    shown_length,
    write_figure,
)
from imgpipe.figures.edxs_data import detected, doubts, elements, line_names
from imgpipe.figures.edxs_place import Segment, draw_scale_bar, draw_segment, segments_on
from imgpipe.figures.section import Panel, panel_of

COLOUR_MAPS = ("viridis", "magma", "cividis", "plasma", "inferno")
"""Perceptually uniform colour maps, in turn; an element that was not detected is grey."""
MOST_SIDE, MOST_PANELS = 320, 16
"""Longest side of a map as it is drawn and written, pixels, and the number of elements that are drawn."""
LEFT, BOTTOM, TITLE, NAME, BAR, GAP, TALLEST = 13.5, 8.5, 5.0, 3.6, 11.5, 2.5, 75.0


def map_figure(leaf: xr.Dataset, lines: Sequence[xr.Dataset], folder: Path, name: str, title: str) -> list[Path]:
    """Draw the map of each element, detected ones first.

    Parameters
    ----------
    leaf : with `intensity` (or `gross`), (element, y, x)
    lines : leaves of the same group whose line may lie on this map
    """
    seen, variable = detected(leaf), map_name(leaf) or "intensity"
    shown = sorted(elements(leaf), key=lambda element: not seen[element])[:MOST_PANELS]
    panels = {element: panel_of(_one(leaf, variable, element), MOST_SIDE) for element in shown}
    whole = panels[shown[0]]
    scale, unit = shown_length(whole.window[1] - whole.window[0], str(leaf["x"].attrs.get("units", "nm")))
    drawn: list[Segment] = [one for line in lines for one in segments_on(line, leaf)]
    across, width, height = _size(len(shown), whole.ratio)
    down = -(-len(shown) // across)
    with figure_style():
        total = TITLE + BOTTOM + down * (height + NAME) + (down - 1) * GAP
        figure = new_figure(DOUBLE, total, constrained=False)
        for number, element in enumerate(shown):
            row, column = divmod(number, across)
            corner = (LEFT + column * (width + BAR + GAP), BOTTOM + (down - 1 - row) * (height + NAME + GAP))
            axes = axes_at(figure, *corner, width, height)
            colours = COLOUR_MAPS[number % len(COLOUR_MAPS)] if seen[element] else "gray"
            _draw(figure, axes, panels[element], colours, (scale, unit), (corner[0] + width + 1.0, corner[1], height))
            _heading(axes, leaf, element, detected=seen[element])
            for segment in drawn:
                draw_segment(axes, segment, scale)
            _label(axes, unit, left=column == 0, bottom=number + across >= len(shown))
        figure.text(2.0 / DOUBLE, 1 - 1.0 / total, shortened(title, 80), va="top", fontsize=7)
        return write_figure(figure, map_table(panels, str(leaf["x"].attrs.get("units", "nm"))), folder, name)


def map_name(leaf: xr.Dataset) -> str | None:
    """Return the variable that holds the maps: net counts, else gross counts."""
    return next((n for n in ("intensity", "gross") if n in leaf and {"element", "y", "x"} <= set(leaf[n].dims)), None)


def map_table(panels: dict[str, Panel], unit: str) -> pd.DataFrame:
    """Return x, y and the counts of each element (mean of a block of pixels), one row per drawn pixel."""
    if not panels:
        return pd.DataFrame()
    first = next(iter(panels.values()))
    rows, columns = first.grey.shape
    left, right, bottom, top = first.window
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = top + (np.arange(rows) + 0.5) * (bottom - top) / rows
    table: dict[str, object] = {f"x_{unit}": np.tile(x, rows), f"y_{unit}": np.repeat(y, columns)}
    return pd.DataFrame(table | {f"{n} counts": panel.grey.ravel() for n, panel in panels.items()})


def _one(leaf: xr.Dataset, variable: str, element: str) -> xr.DataArray:
    array = leaf[variable].isel(element=elements(leaf).index(element))
    return array.isel({d: 0 for d in array.dims if d not in ("y", "x")}).transpose("y", "x")


def _size(count: int, ratio: float) -> tuple[int, float, float]:
    """Return how many panels stand side by side, and their width and height, mm."""
    across = min(max(1, round(3.6 / math.sqrt(ratio))), 4, count)
    room = (DOUBLE - LEFT - 1.0 - (across - 1) * GAP) / across - BAR
    width = min(room, TALLEST * ratio)
    return across, width, width / ratio


def _draw(
    figure: Figure, axes: Axes, panel: Panel, colours: str, shown: tuple[float, str], bar: tuple[float, float, float]
) -> None:
    """Draw a map, its scale bar, and its colour bar at (left, bottom, height) in mm."""
    scale, unit = shown
    left, right, bottom, top = panel.window
    window = (left * scale, right * scale, bottom * scale, top * scale)
    finite = panel.grey[np.isfinite(panel.grey)]
    low, high = (float(finite.min()), float(np.percentile(finite, 99.8))) if finite.size else (0.0, 1.0)
    low = min(low, 0.0) if low < 0.3 * high else low
    image = axes.imshow(panel.grey, cmap=colours, vmin=low, vmax=max(high, low + 1e-9, low + 1e-6 * abs(low)),
                        extent=window, interpolation="nearest", aspect="equal")  # fmt: skip
    draw_scale_bar(axes, window, unit, bar[2] * panel.ratio)
    place = axes_at(figure, bar[0], bar[1], 1.8, bar[2])
    figure.colorbar(image, cax=place, ticks=_ticks(high, bar[2]))
    place.tick_params(labelsize=6, length=1.5, pad=1)
    place.set_title("counts", fontsize=6, pad=3)


def _ticks(high: float, height: float) -> MaxNLocator:
    """Return few ticks, whole counts where there are any, none at the very top, where the word stands."""
    return MaxNLocator(nbins=4 if height > 12 else 3, integer=high >= 2, prune="upper" if high >= 2 else None)


def _heading(axes: Axes, leaf: xr.Dataset, element: str, *, detected: bool) -> None:
    line = line_names(leaf)[element]
    text = line if detected else f"{line}: {doubts(leaf)[element]}"
    axes.set_title(text, fontsize=7, color=INK if detected else FAINT, weight="bold" if detected else "normal")


def _label(axes: Axes, unit: str, *, left: bool, bottom: bool) -> None:
    axes.locator_params(nbins=4)
    if left:
        axes.set_ylabel(f"y ({unit})")
    if bottom:
        axes.set_xlabel(f"x ({unit})")
    axes.tick_params(labelleft=left, labelbottom=bottom)
