"""The step trace_edges."""

import itertools
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.edge_identity import settled
from imgpipe.kernels.edge_tracking import Tracks, track_edges
from imgpipe.kernels.edited_edges import anchored_course, follow_anchored
from imgpipe.kernels.material_contrast import expected_polarity
from imgpipe.kernels.stack_names import interface_names, numbered, unique
from imgpipe.model import quantity, texts, unit_of
from imgpipe.step import step
from imgpipe.steps.layers.pages import from_pixels, leading_dims, paged, pages_of, sound_page, to_pixels
from imgpipe.units import Dims, Gives, Unit

Image = Annotated[xr.DataArray, Unit("counts"), Dims("y x")]
Pixels = Annotated[float, Field(gt=0), Unit("px")]


@step(version=1, measures=True)
def trace_edges(
    image: Image,
    stack: xr.DataArray | None = None,
    edited_interface: xr.DataArray | None = None,
    edited_x: Annotated[xr.DataArray, Unit("nm|px"), Dims("edit")] | None = None,
    edited_y: Annotated[xr.DataArray, Unit("nm|px"), Dims("edit")] | None = None,
    *,
    layers: list[str] | None = None,
    filter_sigma: Pixels = 3.0,
    smoothing: Annotated[float, Field(ge=0), Unit("px")] = 2.0,
    least_contrast: Annotated[float, Field(gt=0, lt=1)] = 0.15,
) -> Annotated[xr.Dataset, Gives(traced_position="nm|px", traced_snr="1", traced_polarity="1", traced_certain="1")]:
    """Trace the edges of the layers through the image, to a fraction of a pixel in every column.

    The dominant slope is found first, then edges are linked across strips along it and followed column
    by column with a derivative-of-Gaussian filter, so that a tilted stack (up to about 30 deg) is no
    harder than a level one. The contrast may change sign at each edge. Layers must run roughly along x.

    Parameters
    ----------
    image : (..., y, x), counts
    stack : names of the layers from top to bottom, joined by "-", such as Pt-Mg-W-Cu
    edited_interface, edited_x, edited_y : (edit,) edges moved by hand: each is forced through its anchors
    layers : names from top to bottom, cap and substrate included; wins over `stack`. Without names the
        number of edges is found from the image and layers are numbered
    filter_sigma : sigma of the filter along y
    smoothing : sigma of the smoothing of the response along the edge, in columns
    least_contrast : without names, edges weaker than this fraction of the strongest are left out

    Returns
    -------
    Dataset with ``traced_position(interface, x)`` in the unit of y (NaN where the edge is lost),
    ``traced_snr`` (step height over noise) and ``traced_polarity(interface)`` (+1 grey rises along y, -1
    falls, 0 not found) and ``traced_certain(interface)`` (1, or 0 where fewer edges than interfaces stand out of
    noise and background and order and contrast leave this one more than one name). Names: ``Pt|Mg``. An interface
    that is not found is a row of NaN, never invented. Without names, one edge is one interface and no layer.

    Raises
    ------
    DataError
        for NaN or Inf pixels, a constant image, one below 32 x 32, several signals, or an unknown edited interface.
    """
    names = _stack_names(layers, stack)
    pages = [sound_page(page) for page in pages_of(image)]
    expected = None if names is None else [expected_polarity(a, b) for a, b in itertools.pairwise(names)]
    tracks: list[Tracks] = []
    for page in pages:
        found = track_edges(page, expected, sigma=filter_sigma, lateral=smoothing, least_contrast=least_contrast)
        if expected is None:
            found = found if found.position.shape[0] else found.padded(2)
            expected = [int(sign) for sign in found.polarity]
        tracks.append(found)
    labels = interface_names(unique(names) if names else numbered(len(expected or [])))
    if edited_interface is not None and edited_x is not None and edited_y is not None:
        anchors = _anchors(image, labels, edited_interface, edited_x, edited_y)
        tracks = [_edited(page, t, anchors, filter_sigma, smoothing) for page, t in zip(pages, tracks, strict=True)]
    return _traced(image, labels, tracks)


def _stack_names(layers: list[str] | None, stack: xr.DataArray | None) -> list[str] | None:
    names = layers if layers is not None else (str(stack.item()).split("-") if stack is not None else None)
    if names is not None and (len(names) < 2 or any(not name.strip() for name in names)):
        raise DataError(f"a stack needs at least two named layers, found {names}.", remedy="give e.g. Pt-Mg-W-Cu.")
    return names


def _anchors(
    image: xr.DataArray, labels: list[str], names: xr.DataArray, x: xr.DataArray, y: xr.DataArray
) -> dict[int, np.ndarray]:
    """Return the anchors (anchor, [column, row]) of each edited interface."""
    unknown = sorted({str(name) for name in names.values} - set(labels))
    if unknown:
        remedy = f"use {', '.join(labels)}."
        raise DataError(f"edited interface {', '.join(unknown)} is not in this stack.", remedy=remedy)
    points = np.stack([to_pixels(x.values, image["x"]), to_pixels(y.values, image["y"])], axis=1)
    chosen = np.array([labels.index(str(name)) for name in names.values])
    return {int(k): points[chosen == k] for k in np.unique(chosen)}


def _edited(page: np.ndarray, found: Tracks, anchors: dict[int, np.ndarray], sigma: float, lateral: float) -> Tracks:
    position, snr, polarity = found.position.copy(), found.snr.copy(), found.polarity.copy()
    for k, points in anchors.items():
        course = anchored_course(position[k], points[:, 0], points[:, 1], found.slope)
        position[k], snr[k], polarity[k] = follow_anchored(page, course, int(polarity[k]), sigma=sigma, lateral=lateral)
    certain = settled(found.certain, list(anchors))
    return Tracks(position, snr, polarity, found.slope, certain)


def _traced(image: xr.DataArray, labels: list[str], tracks: list[Tracks]) -> xr.Dataset:
    y, unit = image["y"], unit_of(image["y"])
    named = {"interface": texts(labels, "interface", "interface")}
    position = paged(image, [from_pixels(t.position, y) for t in tracks])
    snr = paged(image, [t.snr for t in tracks])
    polarity = paged(image, [t.polarity.astype(np.float64) for t in tracks])
    certain = paged(image, [t.certain.astype(np.float64) for t in tracks])
    lines = leading_dims(image), {**named, "x": image["x"]}
    return xr.Dataset(
        {
            "traced_position": quantity(position, unit, "traced edge", (*lines[0], "interface", "x"), lines[1]),
            "traced_snr": quantity(snr, "1", "step height over noise", (*lines[0], "interface", "x"), lines[1]),
            "traced_polarity": quantity(polarity, "1", "sign of the grey step", (*lines[0], "interface"), named),
            "traced_certain": quantity(certain, "1", "edge has a certain name", (*lines[0], "interface"), named),
        }
    )
