"""The step line_profile."""

from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.segment_bins import Segment, assign, natural_step, sum_over_bins, sum_type
from imgpipe.model import quantity, unit_of
from imgpipe.step import step as declare
from imgpipe.steps.edxs.place import (
    Length,
    LengthUnit,
    Point,
    bounds,
    numbers_of,
    pixel,
    require_length,
    require_point,
    require_unit,
    times_of,
)
from imgpipe.units import Dims, Gives, Unit

Map = Annotated[xr.DataArray, Unit("counts"), Dims("y x energy", whole="energy")]


@declare(version=1)
def line_profile(
    leaf: xr.Dataset,
    counts: Map,
    *,
    start: Point,
    end: Point,
    width: Length,
    lines: Annotated[int, Field(ge=1, le=1000)] = 1,
    step: Length | None = None,
    unit: LengthUnit = "nm",
) -> Annotated[
    xr.Dataset,
    Gives(counts="counts", n_pixels="1", exposure="1", segment_x="nm|px", segment_y="nm|px", segment_width="nm|px"),
]:
    """Take a line scan out of a map: the counts along a segment with a width; give it a leaf with `as: line`.

    Each pixel is counted once, in the bin in which its centre lies; nothing is interpolated, so that counts stay
    Poisson counts. Bins of a line that is not along x or y hold different numbers of pixels: ``n_pixels`` says how
    many, and ``exposure`` (``n_pixels`` over its mean) is what a fit multiplies its model by, so that uneven bins do
    not look like contrast. The first bin is centred on `start`; positions count from there, moved by how far the
    pixels lie ahead of the middle of their bins on average.

    Parameters
    ----------
    leaf : the map, whose numbers (beam energy, take-off angle ...) the line keeps; its live time
        is that of the pixels of a bin, on average: of a bin it is ``live_time`` times ``exposure``
    counts : (y, x, energy), counts
    start, end : ends of the segment as [x, y] in the coordinates of the map, nm (in recipes texts such as 1.2 um too)
    width : across the segment, of each line, nm; parts beyond the map are left out
    lines : parallel lines side by side, `width` apart, centred on the segment; more than one gives the dimension line
    step : length of a bin, nm; without it the distance after which the line meets the next row or column of pixels
    unit : px for a map without a length scale: start, end, width and step are then pixels

    Returns
    -------
    Dataset : ``counts`` (line, position, energy), 64-bit, ``n_pixels`` and ``exposure`` (line, position), the middle
        of each bin on the map ``segment_x``, ``segment_y``, and ``segment_width``

    Raises
    ------
    DataError
        when start or end are not two numbers, when the segment has no length or leaves the map, when a bin holds no
        pixel, or when the axes of the map are in px and the settings in nm.
    """
    require_unit(counts, unit, ("x", "y"))
    _require_settings(start, end, width, lines, step)
    segment = _segment(counts, start, end, width, lines, step)
    bins, ahead = assign(np.asarray(counts["x"].values, float), np.asarray(counts["y"].values, float), segment)
    pixels = np.bincount(bins[bins >= 0], minlength=segment.bins * lines).reshape(lines, segment.bins)
    met = _bins_met(pixels)
    _refuse_empty_bins(pixels[:, met], segment, counts)
    spectra = _summed(counts, bins, pixels.size).reshape(lines, segment.bins, -1)[:, met]
    positions = (segment.step * np.arange(segment.bins) + ahead)[met]
    described = _described(counts, segment, positions) | _pixels(pixels[:, met], spectra, counts)
    line = xr.Dataset(described | numbers_of(leaf) | times_of(leaf, float(pixels[:, met].mean())))
    return _with_axes(line, counts, positions)


def _require_settings(start: Any, end: Any, width: Any, lines: Any, step: Any) -> None:
    """Refuse from a Python caller what a recipe would refuse."""
    for name, place in (("start", start), ("end", end)):
        require_point(place, name)
    for name, length in (("width", width), ("step", step)):
        if length is not None or name == "width":
            require_length(length, name)
    if not isinstance(lines, int) or lines < 1:
        raise DataError(f"lines = {lines!r} is no number of lines.", remedy="give a whole number, 1 or more.")


def _segment(
    counts: xr.DataArray, start: list[float], end: list[float], width: float, lines: int, step: float | None
) -> Segment:
    size = pixel(counts["x"]), pixel(counts["y"])
    (left, right), (top, bottom) = bounds(counts["x"]), bounds(counts["y"])
    unit = unit_of(counts["x"])
    for name, (x, y) in (("start", start), ("end", end)):
        beyond = max(left - x, x - right) / size[0], max(top - y, y - bottom) / size[1]
        if max(beyond) > 1.0:  # [0, 6 um] is meant as the whole of a map of 6 um
            raise DataError(
                f"{name} = [{x:g}, {y:g}] lies outside of the map: x {left:g} to {right:g}, y {top:g} to {bottom:g} "
                f"{unit}.",
                remedy="give [x, y] in the coordinates of the map.",
            )
    whole = Segment((start[0], start[1]), (end[0], end[1]), width, 1.0, lines)
    if whole.length < min(size):
        raise DataError(f"the segment is {whole.length:g} {unit} long, less than a pixel ({min(size):g}).")
    return Segment(whole.start, whole.end, width, step or natural_step(whole.direction, size), lines)


def _bins_met(pixels: np.ndarray) -> slice:
    """Return the bins from the first to the last that holds a pixel: a segment may begin on the border of the map."""
    met = np.flatnonzero(pixels.any(axis=0))
    return slice(int(met[0]), int(met[-1]) + 1) if met.size else slice(0, None)


def _refuse_empty_bins(pixels: np.ndarray, segment: Segment, counts: xr.DataArray) -> None:
    empty = int((pixels == 0).sum())
    if empty:
        unit, size = unit_of(counts["x"]), max(pixel(counts["x"]), pixel(counts["y"]))
        raise DataError(
            f"{empty} of {pixels.size} bins hold no pixel: lines {segment.width:g} {unit} wide in steps of "
            f"{segment.step:g} {unit}, pixels of {size:g} {unit}.",
            remedy=f"make the line wider or the step longer (1.5 pixels = {1.5 * size:g} {unit} always do), or keep "
            "all lines on the map.",
        )


def _summed(counts: xr.DataArray, bins: np.ndarray, count: int) -> Any:
    """Return the sum of the spectra of each bin, (bin, energy): numpy from numpy, lazy from lazy."""
    if counts.chunks is None:
        return sum_over_bins(counts.values, bins, count)
    import dask.array as da

    places = da.from_array(bins[:, :, None], chunks=(*counts.data.chunks[:2], 1), name=False)
    parts = da.map_blocks(
        _part,
        counts.data,
        places,
        count=count,
        dtype=sum_type(counts.dtype),
        chunks=((1,) * counts.data.numblocks[0], (1,) * counts.data.numblocks[1], (count,), counts.data.chunks[2]),
        new_axis=2,
        meta=np.empty((0, 0, 0, 0), sum_type(counts.dtype)),
    )
    return _used(parts, bins, counts.data.chunks).sum(axis=0)


def _part(values: np.ndarray, bins: np.ndarray, count: int) -> np.ndarray:
    return sum_over_bins(values, bins[:, :, 0], count)[None, None]


def _used(parts: Any, bins: np.ndarray, chunks: Any) -> Any:
    """Return the sums of those chunks alone that hold a pixel of the line, one after the other."""
    import dask.array as da

    rows, columns = (np.concatenate([[0], np.cumsum(sizes)]) for sizes in chunks[:2])
    met = [
        parts.blocks[i, j].reshape(1, *parts.shape[2:])
        for i in range(len(rows) - 1)
        for j in range(len(columns) - 1)
        if (bins[rows[i] : rows[i + 1], columns[j] : columns[j + 1]] >= 0).any()
    ]
    return da.concatenate(met)


def _described(counts: xr.DataArray, segment: Segment, positions: np.ndarray) -> dict[str, xr.DataArray]:
    unit = unit_of(counts["x"])
    (ux, uy), along, beside = segment.direction, positions[None, :], segment.offsets[:, None]
    dims = ("line", "position")
    return {
        "segment_x": quantity(segment.start[0] + along * ux - beside * uy, unit, "x of the line", dims),
        "segment_y": quantity(segment.start[1] + along * uy + beside * ux, unit, "y of the line", dims),
        "segment_width": quantity(segment.width, unit, "width of a line"),
    }


def _pixels(pixels: np.ndarray, spectra: Any, counts: xr.DataArray) -> dict[str, xr.DataArray]:
    dims = ("line", "position")
    named = str(counts.attrs.get("long_name", "counts"))
    return {
        "counts": quantity(spectra, "counts", named, (*dims, "energy")),
        "n_pixels": quantity(pixels, "1", "pixels of a bin", dims),
        "exposure": quantity(pixels / pixels.mean(), "1", "pixels of a bin over their mean", dims),
    }


def _with_axes(line: xr.Dataset, counts: xr.DataArray, positions: np.ndarray) -> xr.Dataset:
    described = {"units": unit_of(counts["x"]), "long_name": "position"}
    position = xr.DataArray(positions, dims=("position",), attrs=described)
    line = line.assign_coords(position=position, energy=counts["energy"])
    if line.sizes["line"] == 1:
        return line.isel(line=0, drop=True)
    number = np.arange(1, line.sizes["line"] + 1)
    return line.assign_coords(line=xr.DataArray(number, dims=("line",), attrs={"units": "1", "long_name": "line"}))
