"""What all figures share: size in millimetres, colours, lettering, and how they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imgpipe.store import disk_errors

if TYPE_CHECKING:
    import pandas as pd

SINGLE, DOUBLE = 85.0, 170.0
"""Width of one and of two journal columns, mm."""

BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, YELLOW = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442",
)  # fmt: skip
"""Colours that colour-blind readers tell apart (Okabe and Ito, 2008)."""

EDGE_COLOURS = (ORANGE, SKY, YELLOW, GREEN, VERMILLION, PURPLE, BLUE)
"""Colours of traced edges, chosen to show on grey; they repeat after the seventh."""

INK, FAINT = "#222222", "#8a8a8a"
_MM = 1 / 25.4
_STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 7.0, "axes.titlesize": 7.0, "axes.labelsize": 7.0,
    "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "legend.fontsize": 6.5, "axes.linewidth": 0.6,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
    "lines.linewidth": 1.0, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "pdf.fonttype": 42, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlelocation": "left", "axes.titlepad": 3.0, "axes.labelpad": 2.0, "savefig.dpi": 300, "figure.dpi": 100,
    "text.parse_math": False, "axes.formatter.use_mathtext": False, "axes.unicode_minus": True,
}  # fmt: skip


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw in the house style: lettering of 6.5 to 7 pt, thin lines, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def new_figure(width: float, height: float, *, constrained: bool = True) -> Figure:
    """Return an empty figure of a size in mm, without any global state."""
    return Figure(figsize=(width * _MM, height * _MM), layout="constrained" if constrained else None)


def axes_at(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Return axes at a place in mm from the lower left corner."""
    across, up = (float(side) / _MM for side in figure.get_size_inches())
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def write_figure(figure: Figure, curves: pd.DataFrame, folder: Path, name: str) -> list[Path]:
    """Write a figure as png and pdf, and its curves as csv; equal input gives equal bytes.

    Returns
    -------
    The three paths, png first.
    """
    paths = [folder / f"{name}.{suffix}" for suffix in ("png", "pdf", "csv")]
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, not again for each file
        figure.savefig(paths[0], dpi=300, metadata={"Software": None})
        figure.savefig(paths[1], dpi=300, metadata={"CreationDate": None, "Creator": None, "Producer": None})
        curves.to_csv(paths[2], index=False, encoding="utf-8-sig", lineterminator="\n")
    return paths


def edge_colours(count: int) -> list[str]:
    """Return a colour for each of `count` edges."""
    return [EDGE_COLOURS[number % len(EDGE_COLOURS)] for number in range(count)]


def shown_length(extent: float, unit: str) -> tuple[float, str]:
    """Return factor and unit in which a length axis of this extent reads well: nm below 10 um, um above; px stays."""
    return (1e-3, "µm") if unit == "nm" and extent >= 10_000 else (1.0, unit)


def spread_apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return rising places moved as little as needed so that neighbours are `gap` apart, within [low, high]."""
    moved = np.array(places, dtype=float)
    for number in range(1, moved.size):
        moved[number] = max(moved[number], moved[number - 1] + gap)
    if moved.size and moved[-1] > high:
        moved[-1] = high
        for number in range(moved.size - 2, -1, -1):
            moved[number] = min(moved[number], moved[number + 1] - gap)
    return [float(max(place, low)) for place in moved]


def shortened(name: str, most: int = 26) -> str:
    """Return a name that is too long with its middle left out."""
    return name if len(name) <= most else f"{name[: most - 9]}…{name[-8:]}"
