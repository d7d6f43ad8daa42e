"""Where a profile was taken: the line on a map or image, and a scale bar that fits small panels."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle
from matplotlib.patheffects import withStroke

from imgpipe.figures.edxs_data import segments
from imgpipe.figures.section import Window, bar_length

LETTER, THICK, PAD, LETTERING = 1.25, 0.7, 0.8, 2.6
"""Width of a letter of 6 pt, thickness of the bar, air around it, height of its lettering, mm."""
Segment = tuple[np.ndarray, np.ndarray, float]
"""x, y and width of a line, in the unit of the map."""


def segments_on(line: xr.Dataset, leaf: xr.Dataset) -> list[Segment]:
    """Return the lines of a leaf that lie wholly on a map or image with the same unit of length."""
    along = line["position"].attrs.get("units") if "position" in line.coords else None
    if along is None or along != leaf["x"].attrs.get("units"):
        return []
    return [one for one in segments(line) if _spans(leaf["x"], one[0]) and _spans(leaf["y"], one[1])]


def draw_segment(axes: Axes, segment: Segment, scale: float) -> None:
    """Draw a line on an image: an arrow from its start to its end, and the strip that it averages over."""
    x, y, width = segment
    start, end = (np.array([x[n], y[n]]) * scale for n in (0, -1))
    length = float(np.hypot(*(end - start)))
    if not length > 0:
        return
    if math.isfinite(width) and width > 0:
        across = np.array([-(end - start)[1], (end - start)[0]]) / length * width * scale / 2
        corners = [start - across, end - across, end + across, start + across]
        strip = Polygon(np.array(corners), fill=False, edgecolor="white", linewidth=0.5, zorder=4)
        strip.set_path_effects([withStroke(linewidth=1.1, foreground="black")])
        axes.add_patch(strip)
    arrow = FancyArrowPatch((start[0], start[1]), (end[0], end[1]), arrowstyle="->", color="white", linewidth=0.9,
                            mutation_scale=6, shrinkA=0, shrinkB=0, zorder=5)  # fmt: skip
    arrow.set_path_effects([withStroke(linewidth=2.0, foreground="black")])
    axes.add_patch(arrow)


def draw_scale_bar(axes: Axes, window: Window, unit: str, width: float) -> None:
    """Draw a bar of a round length on a dark ground in the lower right corner of a panel.

    Parameters
    ----------
    window : left, right, bottom, top of the panel in shown units
    width : of the panel, mm
    """
    left, right, bottom, top = window
    per_mm = (right - left) / width
    down = 1.0 if bottom > top else -1.0
    length = bar_length(right - left)
    text = f"{length:g} {unit}"
    ground = max(length / per_mm, LETTER * len(text)) + 2 * PAD
    tall = LETTERING + THICK + 2 * PAD
    corner = (right - ground * per_mm, bottom - down * tall * per_mm)
    axes.add_patch(Rectangle(corner, ground * per_mm, down * tall * per_mm, facecolor="black", alpha=0.62,
                             linewidth=0, zorder=6))  # fmt: skip
    middle, foot = right - ground * per_mm / 2, bottom - down * PAD * per_mm
    axes.add_patch(Rectangle((middle - length / 2, foot), length, -down * THICK * per_mm, facecolor="white",
                             linewidth=0, zorder=7))  # fmt: skip
    axes.text(middle, foot - down * (THICK + 0.3) * per_mm, text, color="white", ha="center", va="bottom", fontsize=6,
              zorder=7)  # fmt: skip


def _spans(axis: xr.DataArray, places: np.ndarray) -> bool:
    """Tell whether places lie on an axis, the halves of its outer pixels included."""
    values = np.asarray(axis.values, dtype=float)
    if not np.isfinite(places).any():
        return False
    half = 0.5 * abs(float(values[-1] - values[0])) / max(values.size - 1, 1)
    return bool(values.min() - half <= np.nanmin(places) and np.nanmax(places) <= values.max() + half)
