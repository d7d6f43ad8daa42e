"""From xarray to napari layers and back: the image, its edges, the handles that move them, and the anchors they make.

Layer data is in the unit of the image (nm, or px without a pixel size), so that what a layer holds is what a table
says. A layer is the triple that napari's readers return: data, options, type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from imgpipe.edits import Anchor
from imgpipe.errors import DataError
from imgpipe.figures.drawing import edge_colours
from imgpipe.figures.layers import EDGES
from imgpipe.figures.section import grey_limits
from imgpipe.model import UNCALIBRATED, spacing, unit_of
from imgpipe.rounding import decimals_for
from imgpipe.units import parse_quantity

if TYPE_CHECKING:
    import pandas as pd

Layer = tuple[Any, dict[str, Any], str]
HANDLE_COLUMNS = ("interface", "home_y", "home_x", "kept")
"""Features of a handle: its edge, where it was put, and whether it stands for an earlier edit."""

HANDLES = 15
"""Handles on each edge."""

MOST_VERTICES = 1500
"""Longest path that is drawn; a longer edge shows every n-th column."""

MARK = "imgpipe"
"""Key in the metadata of our layers: what the layer is."""


def image_layer(leaf: xr.Dataset, name: str) -> Layer:
    """Return the image (..., y, x) with the scale, place, units and names of its axes."""
    image = leaf["image"]
    axes = [_axis(leaf, str(dim)) for dim in image.dims]
    options = {
        "name": name,
        "scale": [step for _, step, _ in axes],
        "translate": [start for start, _, _ in axes],
        "units": [unit for _, _, unit in axes],
        "axis_labels": [str(dim) for dim in image.dims],
        "contrast_limits": grey_limits([image]),
        "metadata": {MARK: "image", **{key: str(value) for key, value in leaf.attrs.items()}},
    }
    whole = image.ndim == 2 and "energy" not in leaf.dims  # the sum of a map is worked out when it is looked at
    return (image.values if whole else image.data), options, "image"


def with_image(leaf: xr.Dataset) -> xr.Dataset:
    """Return the leaf with an image: a map of X-ray spectra gets all counts of each pixel, of lazy data a lazy sum."""
    name, dim = ("counts", "energy") if "counts" in leaf else ("intensity", "element")
    if "image" in leaf or name not in leaf or set(leaf[name].dims) != {"y", "x", dim}:
        return leaf
    image = leaf[name].sum(dim).transpose("y", "x")
    return leaf.assign(image=image.assign_attrs(units="counts", long_name="all counts"))


def element_layers(leaf: xr.Dataset) -> list[Layer]:
    """Return one image per element of a measured map, in the place of the map; the first is shown."""
    if "intensity" not in leaf or set(leaf["intensity"].dims) != {"element", "y", "x"}:
        return []
    maps = leaf["intensity"].transpose("element", "y", "x").load()
    names, made = [str(name) for name in leaf["element"].values], []
    for number, (name, colour) in enumerate(zip(names, edge_colours(len(names)), strict=True)):
        one = maps.isel(element=number, drop=True).to_dataset(name="image").assign_attrs(leaf.attrs)
        data, options, kind = image_layer(one, f"{name} map")
        looks = {"colormap": ["black", colour], "blending": "additive", "visible": number == 0}
        made.append((data, options | looks | {"metadata": options["metadata"] | {MARK: "element"}}, kind))
    return made


def edge_layer(leaf: xr.Dataset, name: str) -> Layer | None:
    """Return the edges as paths, one colour per interface; a gap in an edge is a gap on the screen."""
    position = edges_of(leaf)
    if position is None:
        return None
    colours = colours_of(position)
    found = list(_paths(leaf, position))
    interfaces = [interface for interface, _ in found]
    options = {
        "name": name,
        "shape_type": ["path"] * len(found),
        "edge_color": [colours[interface] for interface in interfaces],
        "opacity": 1.0,
        "features": {"interface": interfaces},
        "metadata": {MARK: "edges"},
        **_units(leaf, position),
    }
    return [path for _, path in found], options, "shapes"


def handle_layer(leaf: xr.Dataset, anchors: Sequence[Anchor], name: str) -> Layer | None:
    """Return points on the edges (y, x) that can be dragged, and those already dragged; none on a stack of images."""
    position = edges_of(leaf)
    if position is None or position.ndim != 2:
        return None
    unit = unit_of(position)
    count = position.sizes["interface"]
    rows = [row for k, edge in enumerate(position) for row in _handles(edge, anchors, unit, (k + 0.5) / count)]
    colours = colours_of(position)
    options = {
        "name": name,
        "face_color": ["white" if kept else colours[interface] for interface, _, _, kept in rows],
        "border_color": [colours[interface] if kept else "black" for interface, _, _, kept in rows],
        "border_width": 0.12,
        "symbol": ["diamond" if kept else "disc" for _, _, _, kept in rows],
        "features": {key: [row[number] for row in rows] for number, key in enumerate(HANDLE_COLUMNS)},
        "metadata": {MARK: "handles", "unit": unit, "pixel": spacing(leaf["x"]) if leaf.sizes["x"] > 1 else 1.0},
        **_units(leaf, position),
    }
    return np.array([row[1:3] for row in rows], dtype=float).reshape(-1, 2), options, "points"


def anchors_of(points: np.ndarray, features: pd.DataFrame, metadata: Mapping[str, Any]) -> tuple[Anchor, ...]:
    """Return the anchors that handles make: those dragged off their home, their neighbours, those kept from before.

    The neighbours on the same edge hold it where it is, so that what is moved in one place stays there.

    Parameters
    ----------
    points : (point, 2), y and x in the unit of the image
    features : interface, home_y, home_x, kept of each point; a point that was added has no home
    metadata : unit and pixel of the handle layer

    Raises
    ------
    DataError
        when this is no layer of handles.
    """
    if metadata.get(MARK) != "handles":
        raise DataError("this layer holds no edge handles.", remedy="save the layer that the imgpipe dock has made.")
    finest, unit = float(metadata["pixel"]) / 100, str(metadata["unit"])
    digits = max(0, decimals_for(finest, 1))
    moved, interfaces = _moved(points, features, finest), features["interface"].to_numpy()
    wanted = moved | features["kept"].to_numpy(dtype=bool)
    for name in set(interfaces[moved]):
        mine = np.flatnonzero(interfaces == name)
        mine = mine[np.argsort(points[mine, 1])]
        wanted[mine] |= np.convolve(moved[mine], [1, 1, 1], mode="same") > 0
    found = [
        Anchor(interface=str(name), x=f"{x:.{digits}f} {unit}", y=f"{y:.{digits}f} {unit}")
        for name, (y, x) in zip(interfaces[wanted], points[wanted], strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (one.interface, parse_quantity(one.x, unit))))


def bent_paths(
    leaf: xr.Dataset, points: np.ndarray, features: pd.DataFrame, metadata: Mapping[str, Any]
) -> list[np.ndarray]:
    """Return the paths as they follow the dragged handles between the others, until they are measured again."""
    position = edges_of(leaf)
    if position is None:
        return []
    bent, x = position.copy(deep=True), position["x"].values
    moved, interfaces = _moved(points, features, float(metadata["pixel"]) / 100), features["interface"].to_numpy()
    for number, name in enumerate(_names(position)):
        mine = np.flatnonzero(interfaces == name)
        there = np.isfinite(position.values[number])
        if moved[mine].any() and there.any():
            mine = mine[np.argsort(points[mine, 1])]
            course = np.interp(points[mine, 1], x[there], position.values[number][there])
            off = np.where(moved[mine], points[mine, 0] - course, 0.0)
            bent.values[number] += np.interp(x, points[mine, 1], off)
    return [path for _, path in _paths(leaf, bent)]


def _moved(points: np.ndarray, features: pd.DataFrame, finest: float) -> np.ndarray:
    """Tell of each handle whether it has left its home; one that was added has none."""
    away = np.abs(points - features[["home_y", "home_x"]].to_numpy(dtype=float))
    moved: np.ndarray = ~(away <= finest).all(axis=1)
    return moved


def edges_of(leaf: xr.Dataset) -> xr.DataArray | None:
    """Return the fitted edges (..., interface, x), or the traced ones where there was no fit; None without any."""
    name = next((name for name in EDGES if name in leaf), None)
    return None if name is None else leaf[name].transpose(..., "interface", "x").load()


def colours_of(position: xr.DataArray) -> dict[str, str]:
    """Return the colour of each interface, top to bottom, as in the figures of the report."""
    return dict(zip(_names(position), edge_colours(position.sizes["interface"]), strict=True))


def _names(position: xr.DataArray) -> list[str]:
    return [str(name) for name in position["interface"].values]


def _paths(leaf: xr.Dataset, position: xr.DataArray) -> Iterator[tuple[str, np.ndarray]]:
    """Give interface and vertices (point, ... y x) of each unbroken piece of an edge of at least two points."""
    outer = [str(dim) for dim in position.dims[:-2]]
    thin = -(-position.sizes["x"] // MOST_VERTICES)
    x = position["x"].values[::thin]
    for place in np.ndindex(*(position.sizes[dim] for dim in outer)):
        before = [_axis(leaf, dim)[0] + number * _axis(leaf, dim)[1] for dim, number in zip(outer, place, strict=True)]
        for name, y in zip(_names(position), position.values[place][:, ::thin], strict=True):
            for piece in np.ma.clump_unmasked(np.ma.masked_invalid(y)):
                if piece.stop - piece.start > 1:
                    columns = [np.full(piece.stop - piece.start, value) for value in before]
                    yield name, np.stack([*columns, y[piece], x[piece]], axis=1)


def _handles(
    edge: xr.DataArray, anchors: Sequence[Anchor], unit: str, phase: float
) -> list[tuple[str, float, float, bool]]:
    """Return interface, y, x and whether it was dragged before, of each handle of one edge.

    The `phase` (0 to 1) shifts the handles along the edge, so that those of a thin layer do not hide each other.
    """
    name = str(edge["interface"].item())
    kept = [(parse_quantity(a.y, unit), parse_quantity(a.x, unit)) for a in anchors if a.interface == name]
    size = edge.sizes["x"]
    columns = ((np.arange(min(HANDLES, size)) + phase) * size / min(HANDLES, size)).astype(int)
    gap = abs(float(edge["x"][-1] - edge["x"][0])) / (2 * HANDLES)
    places = [(float(edge[n]), float(edge["x"][n])) for n in columns if np.isfinite(edge[n])]
    free = [(y, x) for y, x in places if all(abs(x - other) > gap for _, other in kept)]
    return [(name, y, x, False) for y, x in free] + [(name, y, x, True) for y, x in kept]


def _axis(leaf: xr.Dataset, dim: str) -> tuple[float, float, str]:
    """Return start, step and napari's unit of an axis; names (of signals) count from 0."""
    coordinate = leaf.coords.get(dim)
    if coordinate is None or coordinate.dtype.kind not in "fiu":
        return 0.0, 1.0, "pixel"
    unit = unit_of(coordinate)
    start = float(coordinate[0]) if coordinate.size else 0.0
    return start, spacing(coordinate) if coordinate.size > 1 else 1.0, "pixel" if unit == UNCALIBRATED else unit


def _units(leaf: xr.Dataset, position: xr.DataArray) -> dict[str, Any]:
    dims = [*(str(dim) for dim in position.dims[:-2]), "y", "x"]
    return {"units": [_axis(leaf, dim)[2] for dim in dims], "axis_labels": dims}
