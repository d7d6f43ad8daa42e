"""Share of each component with its 95 % interval: along a series, or sample by sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from imgpipe.figures.drawing import (
    FAINT,
    SINGLE,
    axes_at,
    figure_style,
    new_figure,
    shortened,
    spread_apart,
    write_figure,
)
from imgpipe.figures.spectra import components, formula, places, series_coordinate, series_dim, shown_unit
from imgpipe.figures.spectrum import colours_of

LEFT, RIGHT, BOTTOM, TOP = 11.5, 15.0, 8.5, 4.5
TREND_HEIGHT, ROW_HEIGHT, STEP = 52.0, 3.0, 2.2
MOST_ROWS = 40
LABEL_GAP = 5.0
"""Percent of the axis between two labels at its end."""


def has_shares(leaf: xr.Dataset) -> bool:
    """Tell whether a leaf holds shares along one dimension of a series."""
    dim = series_dim(leaf)
    return dim is not None and "area_percent" in leaf and dim in leaf["area_percent"].dims


def shares_figure(leaf: xr.Dataset, folder: Path, name: str, title: str) -> list[Path]:
    """Draw the share of each component: bands along a series, rows of points for samples.

    Parameters
    ----------
    leaf : with area_percent, area_percent_low and area_percent_high on (series, component), percent
    """
    along = series_coordinate(leaf)
    table = share_table(leaf)
    with figure_style():
        if along is not None:
            figure = new_figure(SINGLE, BOTTOM + TREND_HEIGHT + TOP, constrained=False)
            axes = axes_at(figure, LEFT, BOTTOM, SINGLE - LEFT - RIGHT, TREND_HEIGHT)
            _draw_trend(axes, table, along)
        else:
            rows = min(len(places(leaf)), MOST_ROWS)
            height = rows * (ROW_HEIGHT + STEP * len(components(leaf)) * 0.6) + 6.0
            figure = new_figure(SINGLE, BOTTOM + height + TOP, constrained=False)
            axes = axes_at(figure, 22.0, BOTTOM, SINGLE - 22.0 - 3.0, height)
            draw_rows(axes, table, places(leaf)[:rows])
            axes.set_xlabel(f"share of the area of {leaf.attrs.get('region', 'the region')} (%)")
        size = figure.get_size_inches()[1] * 25.4
        figure.text(0.012, 1 - 1.0 / size, shortened(title, 60), va="top", fontsize=7)
        return write_figure(figure, table, folder, name)


def share_table(leaf: xr.Dataset) -> pd.DataFrame:
    """Return place, component, share, low, high (percent) and flag, one row per spectrum and component."""
    dim = series_dim(leaf)
    along = series_coordinate(leaf)
    names, labels = components(leaf), places(leaf)
    where = np.arange(len(labels), dtype=float) if along is None else np.asarray(along.values, dtype=float)
    shape = (len(labels), len(names))
    columns: dict[str, object] = {
        "spectrum": np.repeat(labels, shape[1]),
        "place": np.repeat(where, shape[1]),
        "component": np.tile(names, shape[0]),
    }
    for column, variable in (("share", "area_percent"), ("low", "area_percent_low"), ("high", "area_percent_high")):
        known = variable in leaf
        columns[column] = leaf[variable].transpose(dim, "component").values.ravel() if known else np.nan
    flag = leaf["flag"] if "flag" in leaf else xr.DataArray("")
    columns["flag"] = flag.broadcast_like(leaf["area_percent"]).transpose(dim, "component").values.ravel()
    return pd.DataFrame(columns)


def draw_rows(axes: Axes, table: pd.DataFrame, rows: list[str]) -> None:
    """Draw points with intervals, one row per place, one colour per component, named above the first row."""
    names = list(dict.fromkeys(table["component"]))
    colours = colours_of(names)
    offsets = np.linspace(-0.3, 0.3, len(names)) if len(names) > 1 else np.zeros(1)
    for number, name in enumerate(names):
        part = table[(table["component"] == name) & table["spectrum"].isin(rows)]
        where = np.array([rows.index(row) for row in part["spectrum"]], dtype=float) + offsets[number]
        draw_points(axes, part, where, colours[name])
    axes.set_yticks(range(len(rows)), [shortened(row, 20) for row in rows])
    axes.set_ylim(len(rows) - 0.45, -0.95)
    axes.tick_params(axis="y", length=0)
    high = np.nanmax(table[["share", "high"]].to_numpy(dtype=float), initial=1.0)
    axes.set_xlim(0, min(1.05 * high, 103.0))
    axes.grid(axis="x", color=FAINT, alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    for line in np.arange(0.5, len(rows) - 0.5):
        axes.axhline(line, color=FAINT, alpha=0.35, linewidth=0.4)
    _name_points(axes, table[table["spectrum"] == rows[0]], colours)


def draw_points(axes: Axes, part: pd.DataFrame, where: np.ndarray, colour: str) -> None:
    """Draw shares with their intervals; a share without an estimate of its own is an arrow at its upper end."""
    share, low, high = (part[name].to_numpy(dtype=float) for name in ("share", "low", "high"))
    flags = part["flag"].fillna("").astype(str).to_numpy()
    bound = np.array([_is_bound(flag) for flag in flags]) & np.isfinite(high)
    plain = np.isfinite(share) & ~bound
    reach = np.nan_to_num(np.array([share - low, high - share])[:, plain], nan=0.0).clip(min=0)
    axes.errorbar(
        share[plain], where[plain], xerr=reach, fmt="o", color=colour, markersize=3.0, capsize=2.0, elinewidth=1.0
    )
    axes.plot(high[bound], where[bound], marker=8, color=colour, markersize=4.5, linestyle="none")
    axes.hlines(where[bound], np.nan_to_num(low[bound]), high[bound], color=colour, linewidth=1.0)


def _is_bound(flag: str) -> bool:
    return any(flag_part.startswith(("at bound: area", "below detection")) for flag_part in flag.split("; "))


def _name_points(axes: Axes, first: pd.DataFrame, colours: dict[str, str]) -> None:
    """Write the names of the components above the points of the first row."""
    ends = first[["share", "high"]].max(axis=1).where(first["share"].isna(), first["share"]).to_numpy(dtype=float)
    known = sorted((float(x), str(n)) for x, n in zip(ends, first["component"], strict=True) if np.isfinite(x))
    left, right = axes.get_xlim()
    places = spread_apart([x for x, _ in known], 0.17 * (right - left), left + 0.06 * right, 0.94 * right)
    for place, (_, name) in zip(places, known, strict=True):
        axes.text(place, -0.93, formula(name), color=colours[name], ha="center", va="top", fontsize=6.5, weight="bold")


def _draw_trend(axes: Axes, table: pd.DataFrame, along: xr.DataArray) -> None:
    names = list(dict.fromkeys(table["component"]))
    colours = colours_of(names)
    ends = []
    for name in names:
        part = table[table["component"] == name].sort_values("place", kind="stable")
        place, share = part["place"].to_numpy(dtype=float), part["share"].to_numpy(dtype=float)
        low, high = part["low"].to_numpy(dtype=float), part["high"].to_numpy(dtype=float)
        axes.fill_between(place, low, high, color=colours[name], alpha=0.22, linewidth=0)
        marked: Any = {"marker": "o", "markersize": 2.2} if len(part) <= 30 else {}
        axes.plot(place, share, color=colours[name], linewidth=1.0, **marked)
        known = share[np.isfinite(share)]
        ends.append((float(known[-1]) if known.size else 0.0, name))
    unit = shown_unit(str(along.attrs.get("units", "1")))
    label = str(along.attrs.get("long_name", along.name))
    axes.set_xlabel(f"{label} ({unit})" if unit else label)
    axes.set_ylabel("share of the area (%), 95 % band")
    axes.margins(x=0)
    axes.set_ylim(0, min(100.0, 1.08 * float(np.nanmax(table[["share", "high"]].to_numpy(dtype=float), initial=1.0))))
    _name_ends(axes, ends, colours)


def _name_ends(axes: Axes, ends: list[tuple[float, str]], colours: dict[str, str]) -> None:
    """Write the names of the components beside the right ends of their lines."""
    ordered = sorted(ends)
    top = axes.get_ylim()[1]
    heights = spread_apart([at for at, _ in ordered], top * LABEL_GAP / 100, 0.0, top)
    for height, (_, name) in zip(heights, ordered, strict=True):
        axes.annotate(
            formula(name), (1.02, height / top), xycoords="axes fraction", va="center", fontsize=6.5,
            color=colours[name], weight="bold", annotation_clip=False,
        )  # fmt: skip
