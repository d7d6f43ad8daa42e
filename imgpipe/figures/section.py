"""The section with its traced edges, layer names and a scale bar; beside it the layers, magnified."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from imgpipe.figures.drawing import (
    DOUBLE,
    FAINT,
    INK,
    axes_at,
    edge_colours,
    new_figure,
    shown_length,
    spread_apart,
    write_figure,
)
from imgpipe.figures.layers import Edges, edges_of, first_frame
from imgpipe.model import unit_of

MOST_PIXELS = 2000
"""Longest side of an image as it is drawn."""

LEFT, RIGHT, BOTTOM, TOP, GAP = 13.0, 19.0, 9.0, 6.0, 13.0
TALLEST = 110.0
LETTERING = 3.3
"""Distance of lines of text, mm."""
DETAIL_RATIO, DETAIL_ROWS = 0.9, 48
Window = tuple[float, float, float, float]


@dataclass(frozen=True)
class Panel:
    """An image as it is drawn: grey values, and the edges of its outer pixels (left, right, bottom, top)."""

    grey: np.ndarray
    window: Window

    @property
    def ratio(self) -> float:
        """Width over height of the specimen area, not of the pixel grid."""
        left, right, bottom, top = self.window
        return (right - left) / (bottom - top)


def grey_limits(images: Iterable[xr.DataArray]) -> tuple[float, float]:
    """Return grey limits for images that are compared: the 0.5 and 99.5 % points of all their pixels together."""
    samples = [_sample(image) for image in images]
    finite = [sample[np.isfinite(sample)] for sample in samples]
    if not any(sample.size for sample in finite):
        return 0.0, 1.0
    low, high = np.percentile(np.concatenate(finite), [0.5, 99.5])
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)


def section_figure(leaf: xr.Dataset, limits: tuple[float, float], folder: Path, name: str, title: str) -> list[Path]:
    """Draw the section of a leaf with its edges.

    Parameters
    ----------
    leaf : with `image` (..., y, x) and, where edges were found, `interface_position` (interface, x)
    limits : grey values drawn black and white, shared by the figures that are compared
    """
    image = first_frame(leaf["image"], ("y", "x"))
    unit = unit_of(image["x"])
    edges = edges_of(leaf)
    whole = panel_of(image)
    window = None if edges is None else detail_window(edges, whole)
    detail = None if window is None else panel_of(_part(image, window))
    figure, first, second = _layout(whole, detail)
    scale, shown = shown_length(whole.window[1] - whole.window[0], unit)
    _draw(first, whole, limits, scale, shown)
    first.set_title(title)
    if detail is not None and second is not None:
        detail_scale, detail_unit = shown_length(detail.window[1] - detail.window[0], unit)
        _draw(second, detail, limits, detail_scale, detail_unit)
        second.set_title("detail (frame), same grey limits")
        _frame(first, detail.window, scale)
    if edges is not None:
        _draw_edges(first, edges, scale, 0.7)
        if detail is not None and second is not None:
            _draw_edges(second, edges, detail_scale, 0.9)
            _name_layers(second, edges, detail, detail_scale)
        else:
            _name_layers(first, edges, whole, scale)
    return write_figure(figure, edge_table(edges), folder, name)


def panel_of(image: xr.DataArray, most: int = MOST_PIXELS) -> Panel:
    """Return an image (y, x) averaged over blocks, so that neither side has more than `most` pixels."""
    step_y, step_x = (_step(image[dim]) for dim in ("y", "x"))
    factor_y, factor_x = (max(1, -(-image.sizes[dim] // most)) for dim in ("y", "x"))
    rows, columns = image.sizes["y"] // factor_y, image.sizes["x"] // factor_x
    cut = np.asarray(image[: rows * factor_y, : columns * factor_x].values, dtype=np.float32)
    grey = cut.reshape(rows, factor_y, columns, factor_x).mean(axis=(1, 3))
    left, top = float(image["x"][0]) - step_x / 2, float(image["y"][0]) - step_y / 2
    window = (left, left + columns * factor_x * step_x, top + rows * factor_y * step_y, top)
    return Panel(grey, window)


def detail_window(edges: Edges, whole: Panel) -> Window | None:
    """Return the part that shows all layers magnified, about the middle; None when they fill the image anyway.

    Returns
    -------
    left, right, bottom, top in the unit of the axes; the height is 1.7 times that of the layers there, and at least
    `DETAIL_ROWS` rows.
    """
    left, right, bottom, top = whole.window
    middle = np.abs(edges.x - (left + right) / 2) < (right - left) / 10
    if not np.isfinite(edges.y[:, middle]).any():
        return None
    upper, lower = float(np.nanmin(edges.y[:, middle])), float(np.nanmax(edges.y[:, middle]))
    height = max(1.7 * (lower - upper), DETAIL_ROWS * (bottom - top) / whole.grey.shape[0])
    width = height * DETAIL_RATIO
    if height > 0.55 * (bottom - top) or width > 0.8 * (right - left):
        return None
    start, above = (left + right - width) / 2, (upper + lower - height) / 2
    above = min(max(above, top), bottom - height)
    return start, start + width, above + height, above


def edge_table(edges: Edges | None) -> pd.DataFrame:
    """Return the edges as columns: x, then the position of each interface, with the unit in each name."""
    if edges is None:
        return pd.DataFrame()
    columns = {f"{name}_{edges.unit}": row for name, row in zip(edges.names, edges.y, strict=True)}
    return pd.DataFrame({f"x_{edges.unit}": edges.x, **columns})


def bar_length(extent: float) -> float:
    """Return a round length (1, 2 or 5 times a power of ten) of at most a quarter of an extent."""
    power = 10.0 ** np.floor(np.log10(extent / 4))
    return float(max(step * power for step in (1.0, 2.0, 5.0) if step * power <= extent / 4 or step == 1.0))


def _sample(image: xr.DataArray) -> np.ndarray:
    steps = {dim: slice(None, None, max(1, image.sizes[dim] // 500)) for dim in ("y", "x")}
    return np.asarray(first_frame(image, ("y", "x")).isel(steps).values, dtype=float).ravel()


def _step(axis: xr.DataArray) -> float:
    return float(axis[-1] - axis[0]) / (axis.size - 1) if axis.size > 1 else 1.0


def _part(image: xr.DataArray, window: Window) -> xr.DataArray:
    left, right, bottom, top = window
    return image.sel(x=slice(left, right), y=slice(top, bottom))


def _layout(whole: Panel, detail: Panel | None) -> tuple[Figure, Axes, Axes | None]:
    """Place one or two panels of equal height side by side, in mm, true to the specimen's aspect."""
    gaps = LEFT + RIGHT + (GAP if detail else 0)
    ratio = whole.ratio + (detail.ratio if detail else 0)
    height = min((DOUBLE - gaps) / ratio, TALLEST)
    figure = new_figure(DOUBLE, height + BOTTOM + TOP, constrained=False)
    start = LEFT + max(0.0, (DOUBLE - gaps - height * ratio) / 2)
    first = axes_at(figure, start, BOTTOM, height * whole.ratio, height)
    if detail is None:
        return figure, first, None
    second = axes_at(figure, start + height * whole.ratio + GAP, BOTTOM, height * detail.ratio, height)
    return figure, first, second


def _draw(axes: Axes, panel: Panel, limits: tuple[float, float], scale: float, unit: str) -> None:
    window = (panel.window[0] * scale, panel.window[1] * scale, panel.window[2] * scale, panel.window[3] * scale)
    axes.imshow(
        panel.grey, cmap="gray", vmin=limits[0], vmax=limits[1], extent=window, interpolation="nearest", aspect="equal"
    )
    axes.set_xlabel(f"x ({unit})")
    axes.set_ylabel(f"y ({unit})")
    axes.locator_params(nbins=5)
    _scale_bar(axes, window, unit)


def _scale_bar(axes: Axes, window: Window, unit: str) -> None:
    left, right, bottom, top = window
    width, height = right - left, bottom - top
    length = bar_length(width)
    pad, thick = 0.04 * min(width, height), 0.012 * height
    x, y = right - pad - length, bottom - pad
    box = (x - pad / 2, y + pad / 2), length + pad, -(0.085 * height + pad)
    axes.add_patch(Rectangle(*box, facecolor="black", alpha=0.62, linewidth=0, zorder=4))
    axes.add_patch(Rectangle((x, y), length, -thick, facecolor="white", linewidth=0, zorder=5))
    text = f"{length:g} {unit}"
    axes.text(x + length / 2, y - 1.8 * thick, text, color="white", ha="center", va="bottom", fontsize=7, zorder=5)


def _draw_edges(axes: Axes, edges: Edges, scale: float, width: float) -> None:
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    for row, colour in zip(edges.y, edge_colours(len(edges.names)), strict=True):
        axes.plot(edges.x * scale, row * scale, color=colour, linewidth=width, zorder=3)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def _frame(axes: Axes, window: Window, scale: float) -> None:
    left, right, bottom, top = (side * scale for side in window)
    size = right - left, bottom - top
    axes.add_patch(Rectangle((left, top), *size, fill=False, edgecolor="white", linewidth=0.8, zorder=4))


def _name_layers(axes: Axes, edges: Edges, panel: Panel, scale: float) -> None:
    """Write the materials at the right margin, each with a line to its middle at the right end of the panel."""
    left, right, bottom, top = (side * scale for side in panel.window)
    near = (edges.x * scale > right - 0.1 * (right - left)) & (edges.x * scale <= right)
    rows = edges.y[:, near] * scale
    borders = [float(np.nanmean(row)) if np.isfinite(row).any() else np.nan for row in rows]
    if not np.isfinite(borders).all():
        return
    inside = np.clip([top, *borders, bottom], top, bottom)
    middles = (inside[1:] + inside[:-1]) / 2
    places = spread_apart(middles, LETTERING * (bottom - top) / _height(axes), top, bottom)
    reach = (right - left) / _width(axes)
    for material, middle, place in zip(edges.materials, middles, places, strict=True):
        corners = [right, right + 1.5 * reach, right + 3.5 * reach]
        axes.plot(corners, [middle, middle, place], color=FAINT, linewidth=0.6, clip_on=False)
        axes.text(right + 4 * reach, place, material, va="center", ha="left", fontsize=7, color=INK)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def _width(axes: Axes) -> float:
    return float(axes.get_position().width * axes.figure.get_figwidth() * 25.4)  # type: ignore[union-attr]


def _height(axes: Axes) -> float:
    return float(axes.get_position().height * axes.figure.get_figheight() * 25.4)  # type: ignore[union-attr]
