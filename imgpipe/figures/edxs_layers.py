"""Names of the layers above a profile, and the hatching of those that the instrument could not resolve."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from imgpipe.figures.drawing import FAINT, INK, spread_apart
from imgpipe.figures.edxs_data import Layer
from imgpipe.figures.spectra import formula

MARK = "†"
"""Mark of a layer that is resolution-limited."""
LETTER = 1.55
"""Width of a letter of 7 pt, mm."""
FEET, HEAD = 0.6, 2.6
"""Ends of the line that leads from a layer to its name, mm above the axes."""


def axes_size(axes: Axes) -> tuple[float, float]:
    """Return width and height of axes that stand at a fixed place, mm."""
    across, up = axes.figure.get_size_inches()  # type: ignore[union-attr]
    box = axes.get_position()
    return float(box.width * across * 25.4), float(box.height * up * 25.4)


def shade_limited(axes: Axes, layers: Sequence[Layer], scale: float, top: float = 1.0) -> None:
    """Hatch the layers that are resolution-limited, up to a part of the height of the axes."""
    for layer in layers:
        if layer.limited:
            axes.axvspan(layer.start * scale, layer.end * scale, 0.0, top, facecolor="none", edgecolor=FAINT,
                         hatch="/////", linewidth=0, alpha=0.55, zorder=0)  # fmt: skip


def name_layers(axes: Axes, layers: Sequence[Layer], scale: float, *, marked: bool = True) -> None:
    """Write the names of the layers above the axes, apart from each other, each with a line to its middle.

    Parameters
    ----------
    marked : with a mark after the name of a layer that is resolution-limited
    """
    if not layers:
        return
    low, high = layers[0].start * scale, layers[-1].end * scale
    width, height = axes_size(axes)
    texts = [formula(layer.name) + (MARK if marked and layer.limited else "") for layer in layers]
    middles = [scale * (layer.start + layer.end) / 2 for layer in layers]
    widest = max(LETTER * len(text) for text in texts) * (high - low) / width
    gap = min(widest + 0.01 * (high - low), (high - low) / max(len(texts), 1))
    half = 0.5 * LETTER * (high - low) / width
    places = spread_apart(middles, gap, low + half * len(texts[0]), high - half * len(texts[-1]))
    feet, head = 1 + FEET / height, 1 + HEAD / height
    for text, middle, place in zip(texts, middles, places, strict=True):
        axes.plot([middle, middle, place], [1.0, feet, head], color=FAINT, linewidth=0.5, clip_on=False,
                  transform=axes.get_xaxis_transform())  # fmt: skip
        axes.text(place, head + 0.3 / height, text, transform=axes.get_xaxis_transform(), ha="center", va="bottom",
                  fontsize=7, color=INK)  # fmt: skip
