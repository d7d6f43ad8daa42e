"""How thickness varies along each layer: distribution, median, 16/84 % and the 95 % interval of the mean."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imgpipe.figures.drawing import (
    BLUE,
    INK,
    SINGLE,
    SKY,
    VERMILLION,
    figure_style,
    new_figure,
    shortened,
    write_figure,
)
from imgpipe.figures.layers import column, first_frame, layer_names
from imgpipe.rounding import with_uncertainty

PANEL_HEIGHT, EDGE_HEIGHT = 24.0, 14.0
FEWEST_BINS, MOST_BINS = 8, 50


def distribution_figure(leaf: xr.Dataset, folder: Path, name: str, title: str) -> list[Path]:
    """Draw the distribution of local thickness of each layer, one panel under the other.

    Parameters
    ----------
    leaf : with `local_thickness` (layer, x) and the layer table
    """
    local = first_frame(leaf["local_thickness"], ("layer", "x"))
    names, unit = layer_names(leaf), str(local.attrs["units"])
    table = _summary(leaf, unit)
    with figure_style():
        figure = new_figure(SINGLE, EDGE_HEIGHT + PANEL_HEIGHT * len(names))
        panels = np.atleast_1d(figure.subplots(len(names), 1))
        curves = []
        resolved = np.isfinite(table["mean"].to_numpy())  # a bounded layer has no local thickness to be trusted
        shown = np.where(resolved[:, None], local.values, np.nan)
        for axes, layer, values, row in zip(panels, names, shown, table.itertuples(), strict=True):
            edges, share = binned(np.asarray(values, dtype=float))
            _draw(axes, edges, share, row)
            axes.set_title(f"{layer}: {_mean_text(row, unit)}")
            curves.append(_curve(layer, edges, share, row, unit))
        panels[-1].set_xlabel(f"local thickness ({unit})")
        _legend(figure, panels)
        figure.suptitle(shortened(title, 22), x=0.01, ha="left", fontsize=7)
        return write_figure(figure, pd.concat(curves, ignore_index=True), folder, name)


def binned(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bin edges and the share of columns in each bin, %; both empty where no column has a value.

    Bins follow the rule of Freedman and Diaconis, at least 8 and at most 50 of them.
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(0), np.zeros(0)
    low, high = float(finite.min()), float(finite.max())
    if high <= low:
        low, high = low - 0.5, high + 0.5
    spread = float(np.subtract(*np.percentile(finite, [75, 25])))
    width = 2 * spread / finite.size ** (1 / 3)
    wanted = int(np.ceil((high - low) / width)) if width > 0 else FEWEST_BINS
    counts, edges = np.histogram(finite, bins=min(max(wanted, FEWEST_BINS), MOST_BINS), range=(low, high))
    return edges, 100 * counts / finite.size


def _summary(leaf: xr.Dataset, unit: str) -> pd.DataFrame:
    """Return mean, u, interval, median and percentiles of each layer in the unit of the local thickness."""
    mark = "" if unit == "nm" else f"_{unit}"
    variables = {"mean": f"thickness{mark}", "u": f"u_thickness{mark}", "low": f"thickness_low{mark}",
                 "high": f"thickness_high{mark}", "median": "median_thickness", "p16": "thickness_p16",
                 "p84": "thickness_p84"}  # fmt: skip
    usable = {short for short, variable in variables.items() if _unit(leaf, variable) == unit}
    empty = np.full(leaf.sizes["layer"], np.nan)
    return pd.DataFrame({s: column(leaf, v) if s in usable else empty for s, v in variables.items()})


def _unit(leaf: xr.Dataset, variable: str) -> str | None:
    return str(leaf[variable].attrs.get("units")) if variable in leaf else None


def _mean_text(row: object, unit: str) -> str:
    mean, high = row.mean, row.high  # type: ignore[attr-defined]
    if not np.isfinite(mean):
        return f"at most {high:.3g} {unit} (95 %)" if np.isfinite(high) else "not measured"
    value, u = with_uncertainty(mean, row.u)  # type: ignore[attr-defined]
    return f"{value} {unit}" if u == "–" else f"{value} ± {u} {unit} (k = 1)"


def _draw(axes: Axes, edges: np.ndarray, share: np.ndarray, row: object) -> None:
    axes.set_ylabel("columns (%)")
    axes.locator_params(nbins=5)
    if share.size == 0:
        bounded = np.isfinite(row.high) and not np.isfinite(row.mean)  # type: ignore[attr-defined]
        said = "not resolved: an upper bound only" if bounded else "no column measured"
        axes.text(0.5, 0.5, said, transform=axes.transAxes, ha="center", va="center")
        return
    axes.stairs(share, edges, fill=True, color=SKY, alpha=0.75, linewidth=0)
    top = float(share.max())
    axes.set_ylim(0, 1.32 * top)
    mean, low, high, median, p16, p84 = (getattr(row, n) for n in ("mean", "low", "high", "median", "p16", "p84"))
    if np.isfinite([p16, p84]).all():
        axes.axvspan(p16, p84, color=BLUE, alpha=0.13, linewidth=0, label="16 to 84 %")
    if np.isfinite(median):
        axes.axvline(median, color=BLUE, linewidth=1.0, label="median")
    if np.isfinite([mean, low, high]).all():
        reach = np.abs([[mean - low], [high - mean]])
        axes.errorbar(
            mean, 1.16 * top, xerr=reach, fmt="o", color=VERMILLION, ecolor=VERMILLION, markersize=3.5, capsize=2.5,
            elinewidth=1.2, label="mean, 95 %",
        )  # fmt: skip
    elif np.isfinite(mean):
        axes.plot(mean, 1.16 * top, "o", color=INK, markersize=3.5, label="mean")


def _legend(figure: Figure, panels: Iterable[Axes]) -> None:
    """Explain each kind of mark once, above all panels."""
    found = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if found:
        figure.legend(
            list(found.values()), list(found), loc="outside upper right", ncols=3, frameon=False, handlelength=1.2,
            columnspacing=1.2,
        )  # fmt: skip


def _curve(layer: str, edges: np.ndarray, share: np.ndarray, row: object, unit: str) -> pd.DataFrame:
    shown = {f"{n}_{unit}": getattr(row, n) for n in ("mean", "low", "high", "median", "p16", "p84")}
    bins = {f"bin_low_{unit}": edges[:-1], f"bin_high_{unit}": edges[1:], "columns_percent": share}
    table = pd.DataFrame({"layer": layer, **bins} if share.size else {"layer": [layer]} | {n: [np.nan] for n in bins})
    return table.assign(**shown)
