"""Numbers with their 95 % intervals, one row each: atomic percents, the thickness of an overlayer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from imgpipe.figures.drawing import BLUE, FAINT, SINGLE, axes_at, figure_style, new_figure, shortened, write_figure
from imgpipe.figures.spectra import shown_unit
from imgpipe.model import OBJECT_DIMS, SERIES_DIMS

ELSEWHERE = ("component", "peak", "interface")
"""Object dimensions that have figures of their own."""
LEFT, RIGHT, BOTTOM, TOP, ROW_HEIGHT, MOST_ROWS = 24.0, 3.0, 8.5, 5.0, 4.6, 40


def interval_names(leaf: xr.Dataset) -> list[str]:
    """Return the variables of a leaf that carry an interval and are drawn here."""
    allowed = {dim for dim in OBJECT_DIMS if dim not in ELSEWHERE} | set(SERIES_DIMS)
    names = sorted(str(n) for n in leaf.data_vars if f"{n}_low" in leaf and f"{n}_high" in leaf)
    return [n for n in names if {str(d) for d in leaf[n].dims} <= allowed and "energy" not in leaf[n].dims]


def interval_figure(leaf: xr.Dataset, folder: Path, name: str, title: str) -> list[Path]:
    """Draw every number of a leaf that has a 95 % interval, one panel per quantity."""
    tables = [interval_table(leaf, one) for one in interval_names(leaf)]
    heights = [ROW_HEIGHT * min(len(t), MOST_ROWS) + 3.0 for t in tables]
    with figure_style():
        total = sum(heights) + len(tables) * BOTTOM + TOP
        figure = new_figure(SINGLE, total, constrained=False)
        base = total - TOP
        for table, height in zip(tables, heights, strict=True):
            base -= height
            _draw(axes_at(figure, LEFT, base, SINGLE - LEFT - RIGHT, height), table)
            base -= BOTTOM
        figure.text(0.012, 1 - 1.0 / total, shortened(title, 60), va="top", fontsize=7)
        return write_figure(figure, pd.concat(tables, ignore_index=True), folder, name)


def interval_table(leaf: xr.Dataset, name: str) -> pd.DataFrame:
    """Return quantity, of (element, sample ...), value, low, high and unit, one row per number."""
    value = leaf[name]
    dims = [str(dim) for dim in value.dims]
    shape = value.shape
    labels = [
        " ".join(str(leaf[dim].values[i]) if dim in leaf.coords else str(i) for dim, i in zip(dims, index, strict=True))
        for index in np.ndindex(*shape)
    ]
    parts = {"value": value, "low": leaf[f"{name}_low"], "high": leaf[f"{name}_high"]}
    numbers = {n: np.asarray(a.transpose(*dims).values, dtype=float).ravel() for n, a in parts.items()}
    unit = str(value.attrs.get("units", "1"))
    said = str(value.attrs.get("long_name", name))
    return pd.DataFrame({"quantity": said, "of": labels, **numbers, "unit": unit})


def _draw(axes: Axes, table: pd.DataFrame) -> None:
    rows = table.iloc[:MOST_ROWS]
    place = np.arange(len(rows), dtype=float)
    value, low, high = (rows[name].to_numpy(dtype=float) for name in ("value", "low", "high"))
    known = np.isfinite(value)
    reach = np.nan_to_num(np.array([value - low, high - value])[:, known], nan=0.0).clip(min=0)
    axes.errorbar(
        value[known], place[known], xerr=reach, fmt="o", color=BLUE, markersize=3.5, capsize=2.5, elinewidth=1.2
    )
    bound = ~known & np.isfinite(high)
    axes.plot(high[bound], place[bound], marker=8, color=BLUE, markersize=5, linestyle="none")
    least = ~known & ~bound & np.isfinite(low) & (low > 0)
    axes.plot(low[least], place[least], marker=9, color=BLUE, markersize=5, linestyle="none")
    for at in place[~known & ~bound & ~least]:
        axes.text(0.02, at, "not measured", transform=axes.get_yaxis_transform(), va="center", fontsize=6, color=FAINT)
    axes.set_yticks(place, [shortened(text, 20) for text in rows["of"]])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="both", color=FAINT, alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    if not (np.nan_to_num(low) < 0).any():
        axes.set_xlim(left=0)
    unit = shown_unit(str(rows["unit"].iloc[0]))
    axes.set_xlabel(f"{rows['quantity'].iloc[0]}, 95 % interval{f' ({unit})' if unit else ''}")
