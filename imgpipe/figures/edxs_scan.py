"""The image with the line drawn on it, beside the profiles of all elements along that line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from imgpipe.figures.drawing import (
    DOUBLE,
    axes_at,
    figure_style,
    new_figure,
    shortened,
    shown_length,
    write_figure,
)
from imgpipe.figures.edxs_data import colours_of, elements, layers, line_names, profile, segments
from imgpipe.figures.edxs_layers import name_layers, shade_limited
from imgpipe.figures.edxs_place import draw_scale_bar, draw_segment, segments_on
from imgpipe.figures.edxs_profile import axis_of, draw_interfaces, drawn_elements, ends_of, limited_note
from imgpipe.figures.layers import first_frame
from imgpipe.figures.section import Panel, panel_of

LEFT, BOTTOM, TITLE, NAMES, BETWEEN, RIGHT = 13.5, 11.5, 4.5, 7.0, 14.0, 11.0
IMAGE_WIDTH, HEIGHT, WIDE = 62.0, 55.0, 1.8
"""Width of the image beside the profiles and height of these, mm; wider images stand above."""


def scan_image(leaf: xr.Dataset, beside: Mapping[str, xr.Dataset]) -> xr.DataArray | None:
    """Return the image on which the line of a leaf lies: its own, a map's, or one of the same field."""
    if not segments(leaf):
        return None
    for one in (leaf, *(other for other in beside.values() if other is not leaf)):
        if "image" not in one or not {"y", "x"} <= set(one["image"].dims):
            continue
        if one is not leaf and not _is_map(one) and not _shows_a_map(one, beside):
            continue  # where the map lies on it is not known
        if segments_on(leaf, one):
            return first_frame(one["image"], ("y", "x"))
    return None


def _is_map(leaf: xr.Dataset) -> bool:
    return {"y", "x"} <= set(leaf.dims) and ("element" in leaf.dims or "counts" in leaf)


def _shows_a_map(image: xr.Dataset, beside: Mapping[str, xr.Dataset]) -> bool:
    """Tell whether an image and a map of the same group cover the same field, to 2 % of its width and height."""
    own = _field(image)
    return any(np.allclose(_field(one), own, atol=0.02 * np.ptp(own)) for one in beside.values() if _is_map(one))


def _field(leaf: xr.Dataset) -> np.ndarray:
    """Return the borders of the outer pixels: left, right, top, bottom, nm."""
    ends = []
    for dim in ("x", "y"):
        values = np.asarray(leaf[dim].values, dtype=np.float64)
        half = 0.5 * (values[-1] - values[0]) / max(values.size - 1, 1)
        ends += [values[0] - half, values[-1] + half]
    return np.array(ends)


def scan_figure(leaf: xr.Dataset, image: xr.DataArray, folder: Path, name: str, title: str) -> list[Path]:
    """Draw the image with the line of a leaf, and the profiles of all elements beside it."""
    panel = panel_of(image)
    unit = str(image["x"].attrs.get("units", "nm"))
    above = panel.ratio > WIDE
    width = DOUBLE - LEFT - RIGHT if above else min(IMAGE_WIDTH, HEIGHT * panel.ratio)
    height = width / panel.ratio
    with figure_style():
        total = BOTTOM + HEIGHT + NAMES + TITLE + (height + BOTTOM if above else 0.0)
        figure = new_figure(DOUBLE, total, constrained=False)
        left = LEFT if above else LEFT + width + BETWEEN
        first = axes_at(figure, LEFT, total - TITLE - (0.0 if above else NAMES) - height, width, height)
        _draw_image(first, panel, leaf, unit, width)
        _draw_profiles(axes_at(figure, left, BOTTOM, DOUBLE - left - RIGHT, HEIGHT), leaf)
        figure.text(left / DOUBLE, 1.0 / total, limited_note(leaf), va="bottom", fontsize=6)
        figure.text(2.0 / DOUBLE, 1 - 1.0 / total, shortened(title, 80), va="top", fontsize=7)
        return write_figure(figure, scan_table(leaf), folder, name)


def scan_table(leaf: xr.Dataset) -> pd.DataFrame:
    """Return position, where it lies on the image, and the counts of each element drawn: one row per place."""
    unit = str(leaf["position"].attrs.get("units", "nm"))
    position = np.asarray(leaf["position"].values, dtype=float)
    x, y, _ = segments(leaf)[0]
    share = np.linspace(0, 1, position.size), np.linspace(0, 1, x.size)
    columns: dict[str, object] = {f"position_{unit}": position}
    columns |= {f"{axis}_{unit}": np.interp(*share, places) for axis, places in (("x", x), ("y", y))}
    return pd.DataFrame(columns | {f"{n} counts": profile(leaf, n) for n in drawn_elements(leaf)})


def _draw_image(axes: Axes, panel: Panel, leaf: xr.Dataset, unit: str, width: float) -> None:
    scale, shown = shown_length(panel.window[1] - panel.window[0], unit)
    left, right, bottom, top = (side * scale for side in panel.window)
    finite = panel.grey[np.isfinite(panel.grey)]
    low, high = np.percentile(finite, [0.5, 99.5]) if finite.size else (0.0, 1.0)
    axes.imshow(panel.grey, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), extent=(left, right, bottom, top),
                interpolation="nearest", aspect="equal")  # fmt: skip
    axes.set_xlabel(f"x ({shown})")
    axes.set_ylabel(f"y ({shown})")
    axes.locator_params(nbins=5)
    draw_scale_bar(axes, (left, right, bottom, top), shown, width)
    for segment in segments(leaf):
        draw_segment(axes, segment, scale)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def _draw_profiles(axes: Axes, leaf: xr.Dataset) -> None:
    place, unit = axis_of(leaf)
    known = layers(leaf, *ends_of(leaf))
    shade_limited(axes, known, place.scale)
    draw_interfaces(axes, leaf, place.scale)
    colours, names, drawn = colours_of(elements(leaf)), line_names(leaf), drawn_elements(leaf)
    for element in drawn:
        counts, fitted = profile(leaf, element), profile(leaf, element, "fitted")
        axes.plot(place.values, counts, drawstyle="steps-mid", color=colours[element], linewidth=0.5, alpha=0.6)
        axes.plot(place.values, fitted, color=colours[element], linewidth=1.1)
    axes.set_xlim(*place.window)
    axes.set_ylim(bottom=0.0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel(f"position ({unit}), along the arrow")
    axes.set_ylabel("counts")
    name_layers(axes, known, place.scale)
    for number, element in enumerate(drawn):
        axes.annotate(names[element], (1.0, 1.0), xycoords="axes fraction", xytext=(4, -9.0 * number),
                      textcoords="offset points", va="top", fontsize=6.5, weight="bold", color=colours[element],
                      annotation_clip=False)  # fmt: skip
