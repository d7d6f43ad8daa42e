"""Where the uncertainty of each thickness comes from: one bar per term, random and shared apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from imgpipe.figures.drawing import BLUE, ORANGE, SINGLE, figure_style, new_figure, shortened, write_figure
from imgpipe.figures.layers import column, layer_names
from imgpipe.rounding import rounded

TERMS = {
    "u_localisation": "localisation", "u_sampling": "sampling", "u_edge_model": "edge model", "u_curtain": "curtains",
    "u_fields": "fields", "u_obliquity": "obliquity", "u_pixel_scale": "pixel scale", "u_tilt": "tilt",
}  # fmt: skip
"""Terms of the budget, in the order of the bars."""

SHARED = ("u_pixel_scale", "u_tilt")
"""Terms that all images of a session have in common: they do not average out."""

ROW_HEIGHT, EDGE_HEIGHT = 3.6, 15.0


def budget_figure(leaf: xr.Dataset, folder: Path, name: str, title: str) -> list[Path]:
    """Draw the terms of the budget of each layer, in nm, and below them the two sums.

    Parameters
    ----------
    leaf : with the layer table; terms that it lacks, or that are 0 in every layer, are left out
    """
    layers, table = layer_names(leaf), budget_table(leaf)
    terms = list(dict.fromkeys(table["term"]))
    with figure_style():
        height = EDGE_HEIGHT + len(layers) * (ROW_HEIGHT * len(terms) + 9)
        figure = new_figure(SINGLE, height)
        panels = np.atleast_1d(figure.subplots(len(layers), 1))
        for axes, layer in zip(panels, layers, strict=True):
            _draw(axes, table[table["layer"] == layer])
            axes.set_title(layer)
        panels[-1].set_xlabel("standard uncertainty of the thickness (nm)")
        handles = [Patch(color=BLUE, label="random"), Patch(color=ORANGE, label="shared by the session")]
        figure.legend(handles=handles, loc="outside upper right", frameon=False, ncols=2, handlelength=1.0)
        figure.suptitle(shortened(title, 22), x=0.01, ha="left", fontsize=7)
        return write_figure(figure, table, folder, name)


def budget_table(leaf: xr.Dataset) -> pd.DataFrame:
    """Return layer, term, kind (random or shared) and u in nm, one row per bar."""
    known = {variable: term for variable, term in TERMS.items() if (np.nan_to_num(column(leaf, variable)) > 0).any()}
    columns = {term: ("shared" if v in SHARED else "random", column(leaf, v)) for v, term in known.items()}
    columns["all random"] = ("random", column(leaf, "u_thickness_random"))
    columns["all shared"] = ("shared", column(leaf, "u_thickness_shared"))
    rows = [
        {"layer": layer, "term": term, "kind": kind, "u_nm": float(values[number])}
        for number, layer in enumerate(layer_names(leaf))
        for term, (kind, values) in columns.items()
    ]
    return pd.DataFrame(rows)


def _draw(axes: Axes, rows: pd.DataFrame) -> None:
    values = rows["u_nm"].to_numpy(dtype=float)
    drawn = np.nan_to_num(values)
    places = np.arange(len(rows), dtype=float)
    places[-2:] += 0.5
    colours = [ORANGE if kind == "shared" else BLUE for kind in rows["kind"]]
    axes.barh(places, drawn, height=0.72, color=colours)
    axes.set_yticks(places, rows["term"])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    widest = float(drawn.max()) or 1.0
    axes.set_xlim(0, 1.18 * widest)
    axes.locator_params(axis="x", nbins=5)
    decimals = max(0, 1 - int(np.floor(np.log10(widest))))
    for place, value, width in zip(places, values, drawn, strict=True):
        axes.text(width + 0.012 * widest, place, rounded(float(value), decimals), va="center", fontsize=6)
