"""A series of spectra at a glance: a few stand one above the other, many make a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imgpipe.figures.drawing import INK, SINGLE, axes_at, figure_style, new_figure, shortened, write_figure
from imgpipe.figures.spectra import (
    energy_label,
    is_kinetic,
    measured_name,
    places,
    series_coordinate,
    series_dim,
    shown_unit,
)

MOST_LINES = 12
"""Spectra up to which they are drawn as lines; more make a map."""
MOST_ROWS = 400
"""Rows of a map; longer series are averaged over neighbours."""
LEFT, RIGHT, BOTTOM, TOP, HEIGHT, BAR = 11.5, 15.0, 8.5, 4.5, 62.0, 19.0
COLOUR_MAP = "viridis"


def series_figure(leaf: xr.Dataset, folder: Path, name: str, title: str) -> list[Path]:
    """Draw all spectra of a series over the energy, without any fit.

    Parameters
    ----------
    leaf : counts on one dimension of a series and energy
    """
    counts = _window(leaf)
    many = counts.shape[0] > MOST_LINES
    with figure_style():
        figure = new_figure(SINGLE, BOTTOM + HEIGHT + TOP, constrained=False)
        width = SINGLE - LEFT - (BAR if many else RIGHT)
        axes = axes_at(figure, LEFT, BOTTOM, width, HEIGHT)
        (_draw_map if many else _draw_lines)(figure, axes, leaf, counts)
        energy = counts["energy"].values
        axes.set_xlim(*((energy[0], energy[-1]) if is_kinetic(leaf) else (energy[-1], energy[0])))
        axes.set_xlabel(energy_label(leaf))
        figure.text(0.012, 1 - 1.0 / (BOTTOM + HEIGHT + TOP), shortened(title, 60), va="top", fontsize=7)
        return write_figure(figure, _table(leaf, counts), folder, name)


def _window(leaf: xr.Dataset) -> xr.DataArray:
    """Return the counts of the series on the fitted window, (series, energy), long series averaged to fit a map."""
    dim = series_dim(leaf)
    counts = leaf[measured_name(leaf)].transpose(dim, "energy")
    if "window_low" in leaf and "window_high" in leaf:
        low, high = float(leaf["window_low"].min()), float(leaf["window_high"].max())
        counts = counts.sel(energy=slice(low, high))
    run = -(-counts.sizes[dim] // MOST_ROWS)
    if run > 1:
        counts = counts.coarsen({dim: run}, boundary="trim").mean(keep_attrs=True)
    return counts.load()


def _draw_lines(figure: Figure, axes: Axes, leaf: xr.Dataset, counts: xr.DataArray) -> None:
    values = counts.values
    step = 0.55 * float(np.nanmax(np.ptp(values, axis=1))) / max(1.0, len(values) ** 0.5 / 1.5)
    colours = mpl.colormaps[COLOUR_MAP](np.linspace(0.0, 0.85, len(values)))
    end = -1 if is_kinetic(leaf) else 0  # of the energies: the one that stands on the right
    for number, (row, colour) in enumerate(zip(values, colours, strict=True)):
        axes.plot(
            counts["energy"].values, row + number * step, color=colour, linewidth=0.9, zorder=len(values) - number
        )
    axes.set_yticks([])
    axes.set_ylabel(f"{counts.attrs.get('units', 'counts')}, shifted")
    ends = [float(row[end] + number * step) for number, row in enumerate(values)]
    _name_lines(axes, leaf, ends, colours)


def _name_lines(axes: Axes, leaf: xr.Dataset, ends: list[float], colours: np.ndarray) -> None:
    """Write charge, time ... of each spectrum beside its right end, what it is above them."""
    along = series_coordinate(leaf)
    texts = places(leaf) if along is None else [f"{value:.4g}" for value in along.values]
    beside: Any = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 6, "annotation_clip": False}
    for end, text, colour in zip(ends, texts, colours, strict=True):
        axes.annotate(text, (1.015, end), color=colour, **beside)
    if along is not None:
        unit = shown_unit(str(along.attrs.get("units", "1")))
        head = f"{along.attrs.get('long_name', along.name)}\n{unit}".strip()
        axes.text(1.015, 1.0, head, transform=axes.transAxes, va="top", fontsize=6, color=INK)


def _draw_map(figure: Figure, axes: Axes, leaf: xr.Dataset, counts: xr.DataArray) -> None:
    along = series_coordinate(leaf)
    rows = counts.sizes[series_dim(leaf)]
    place = np.arange(rows, dtype=float) if along is None else _thinned(np.asarray(along.values, dtype=float), rows)
    rising = np.argsort(place, kind="stable")
    drawn = axes.pcolormesh(
        counts["energy"].values,
        place[rising],
        counts.values[rising],
        cmap=COLOUR_MAP,
        shading="nearest",
        rasterized=True,
    )
    unit = "" if along is None else shown_unit(str(along.attrs.get("units", "1")))
    label = "spectrum" if along is None else str(along.attrs.get("long_name", along.name))
    axes.set_ylabel(f"{label} ({unit})" if unit else label)
    bar = axes_at(figure, SINGLE - BAR + 2.0, BOTTOM, 2.5, HEIGHT)
    figure.colorbar(drawn, cax=bar)
    bar.set_ylabel(str(counts.attrs.get("units", "counts")))


def _thinned(values: np.ndarray, rows: int) -> np.ndarray:
    """Return one value of a coordinate for each row of an averaged series."""
    run = values.size // rows
    return np.asarray(values[: run * rows].reshape(rows, run).mean(axis=1))


def _table(leaf: xr.Dataset, counts: xr.DataArray) -> pd.DataFrame:
    """Return one row per energy and one column per spectrum."""
    rows = counts.shape[0]
    labels = places(leaf)
    names = labels if len(labels) == rows and len(set(labels)) == rows else [str(number) for number in range(rows)]
    kind = "kinetic" if is_kinetic(leaf) else "binding"
    return pd.DataFrame({f"{kind}_energy_eV": counts["energy"].values, **dict(zip(names, counts.values, strict=True))})
