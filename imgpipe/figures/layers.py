"""Where the layers of a leaf lie: names, interfaces, and what the table says of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

EDGES = ("interface_position", "traced_position")
"""Variables that hold edges, the fitted one first."""


@dataclass(frozen=True)
class Edges:
    """The edges of one section.

    Parameters
    ----------
    names : name of each interface, such as ``Pt|Mg``
    x : (x,) in `unit`
    y : (interface, x) in `unit`; NaN where there is no edge
    unit : nm or px
    """

    names: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    unit: str

    @property
    def materials(self) -> list[str]:
        """Names of everything between and around the edges, top to bottom."""
        if not self.names:
            return []
        halves = [name.partition("|") for name in self.names]
        return [halves[0][0], *(below for _, _, below in halves)]


def edges_of(leaf: xr.Dataset) -> Edges | None:
    """Return the fitted edges of a leaf (the traced ones where there was no fit), of the first frame of a stack."""
    name = next((name for name in EDGES if name in leaf), None)
    if name is None:
        return None
    position = first_frame(leaf[name], ("interface", "x"))
    names = tuple(str(n) for n in position["interface"].values)
    y = np.asarray(position.values, dtype=float)
    return Edges(names, np.asarray(position["x"].values, dtype=float), y, str(position.attrs["units"]))


def first_frame(array: xr.DataArray, dims: tuple[str, ...]) -> xr.DataArray:
    """Return the array on its last dimensions `dims`, at the first place of all others."""
    return array.isel({d: 0 for d in array.dims if d not in dims}).transpose(*dims)


def column(leaf: xr.Dataset, name: str) -> np.ndarray:
    """Return a variable of the layer table as numbers; NaN where there is none."""
    if name not in leaf:
        return np.full(leaf.sizes["layer"], np.nan)
    return np.asarray(first_frame(leaf[name], ("layer",)).values, dtype=float)


def layer_names(leaf: xr.Dataset) -> list[str]:
    """Return the names of the layers, top to bottom."""
    return [str(name) for name in leaf["layer"].values]
