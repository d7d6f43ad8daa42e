"""All groups at a glance: thickness of each layer with its 95 % interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from imgpipe.figures.drawing import (
    BLUE,
    DOUBLE,
    FAINT,
    SINGLE,
    VERMILLION,
    figure_style,
    new_figure,
    shortened,
    write_figure,
)

ROW_HEIGHT, EDGE_HEIGHT, TITLE_HEIGHT = 4.2, 13.0, 5.0
MOST_ACROSS = 3
WIDE_RANGE = 20.0
"""Ratio of largest to smallest value from which an axis is logarithmic."""


def overview_figure(layers: pd.DataFrame, folder: Path, name: str = "overview") -> list[Path]:
    """Draw the thickness of each layer in each group, one panel per layer.

    Parameters
    ----------
    layers : the table ``layers``: group, layer, thickness_nm, thickness_low_nm, thickness_high_nm,
        thickness_px, flag; groups without a scale are drawn in px, in panels of their own
    """
    heading = "Thickness with 95 % intervals; an arrow is an upper bound"
    return panels_of_groups(overview_table(layers), "thickness", heading, folder, name)


def panels_of_groups(rows: pd.DataFrame, quantity: str, heading: str, folder: Path, name: str) -> list[Path]:
    """Draw a number with its interval for all groups, one panel per thing.

    Parameters
    ----------
    rows : group, layer (the thing), unit, thickness (the number), low, high, flag, as `overview_table` gives them
    quantity : what the number is, for the axis
    """
    groups = list(dict.fromkeys(rows["group"]))
    panels = [(str(layer), str(unit), part) for (layer, unit), part in rows.groupby(["layer", "unit"], sort=False)]
    across = min(MOST_ACROSS, len(panels))
    down = -(-len(panels) // across)
    with figure_style():
        width = SINGLE if across == 1 else DOUBLE
        figure = new_figure(width, TITLE_HEIGHT + down * (EDGE_HEIGHT + ROW_HEIGHT * max(len(groups), 2)))
        grid = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
        for axes, (layer, unit, part) in zip(grid, panels, strict=False):
            _draw(axes, part, groups)
            axes.set_title(layer)
            axes.set_xlabel(f"{quantity} ({unit})")
        for axes in grid[len(panels) :]:
            axes.remove()
        figure.suptitle(heading, x=0.01, ha="left", fontsize=7)
        return write_figure(figure, rows, folder, name)


def overview_table(layers: pd.DataFrame) -> pd.DataFrame:
    """Return group, layer, unit, thickness, low, high, flag, one row per result that has a number."""
    in_nm = layers["thickness_nm"].notna() | layers["thickness_high_nm"].notna()
    names = ("thickness", "thickness_low", "thickness_high")
    in_px = layers.reindex(columns=[f"{name}_px" for name in names])
    values = {name: np.where(in_nm, layers[f"{name}_nm"], in_px[f"{name}_px"]) for name in names}
    return pd.DataFrame({
        "group": layers["group"].astype(str),
        "layer": layers["layer"].astype(str),
        "unit": np.where(in_nm | in_px["thickness_px"].isna(), "nm", "px"),
        "thickness": values["thickness"],
        "low": values["thickness_low"],
        "high": values["thickness_high"],
        "flag": layers["flag"].fillna(""),
    })  # fmt: skip


def _draw(axes: Axes, rows: pd.DataFrame, groups: list[str]) -> None:
    for _, row in rows.iterrows():
        _draw_row(axes, float(groups.index(row["group"])), row)
    axes.set_yticks(range(len(groups)), [shortened(group) for group in groups])
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="both", color=FAINT, alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    numbers = rows[["thickness", "low", "high"]].to_numpy(dtype=float)
    positive = numbers[np.isfinite(numbers) & (numbers > 0)]
    if positive.size and positive.max() / positive.min() > WIDE_RANGE and np.nanmin(rows["thickness"]) > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(left=0)
        axes.locator_params(axis="x", nbins=5)


def _draw_row(axes: Axes, place: float, row: pd.Series[float]) -> None:
    value, low, high = float(row["thickness"]), float(row["low"]), float(row["high"])
    if "upper bound" in str(row["flag"]) and np.isfinite(high):
        axes.plot(high, place, marker=8, color=VERMILLION, markersize=5, linestyle="none")
        axes.plot([max(low, 0.0) if np.isfinite(low) else 0.0, high], [place, place], color=VERMILLION, linewidth=1.2)
    elif np.isfinite([value, low, high]).all():
        reach = np.abs([[value - low], [high - value]])
        axes.errorbar(value, place, xerr=reach, fmt="o", color=BLUE, markersize=3.5, capsize=2.5, elinewidth=1.2)
    elif np.isfinite(value):
        axes.plot(value, place, "o", color=BLUE, markersize=3.5, fillstyle="none")
    else:
        axes.text(0.02, place, str(row["flag"]) or "not measured", transform=axes.get_yaxis_transform(), va="center",
                  fontsize=6, color=FAINT)  # fmt: skip
