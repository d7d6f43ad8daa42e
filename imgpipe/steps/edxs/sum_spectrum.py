"""The step sum_spectrum."""

from typing import Annotated

import numpy as np
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.kernels.segment_bins import sum_type
from imgpipe.model import quantity, unit_of
from imgpipe.step import step
from imgpipe.steps.edxs.place import LengthUnit, Point, numbers_of, require_point, require_unit, times_of
from imgpipe.units import Dims, Gives, Unit

Spectra = Annotated[xr.DataArray, Unit("counts"), Dims("energy", whole="energy")]
SPACE = ("line", "y", "x", "position")


@step(version=1)
def sum_spectrum(
    leaf: xr.Dataset,
    counts: Spectra,
    mask: xr.DataArray | None = None,
    *,
    x: Point | None = None,
    y: Point | None = None,
    position: Point | None = None,
    unit: LengthUnit = "nm",
) -> Annotated[xr.Dataset, Gives(counts="counts", n_pixels="1")]:
    """Add the spectra of a map or a line, of all points or of some; give the sum a leaf with `as: sum`.

    Parameters
    ----------
    leaf : map or line, whose numbers (beam energy, take-off angle ...) the sum keeps; live time times points
    counts : (..., energy), counts
    mask : bool, some or all of the dimensions of a map or a line: the points that are added
    x, y : first and last coordinate that are added, [from, to], nm, of a map
    position : first and last position that are added, [from, to], nm, of a line
    unit : px for a map or line without a length scale: the coordinates are then pixels

    Returns
    -------
    Dataset : ``counts`` (energy), 64-bit, and ``n_pixels``, the points that were added

    Raises
    ------
    DataError
        when no point is left, or a range is given along a dimension that is not there.
    """
    space = [str(dim) for dim in counts.dims if dim in SPACE]
    if not space:
        raise DataError("this leaf holds one spectrum; there is nothing to add.", remedy="leave sum_spectrum out.")
    ranges = {dim: ends for dim, ends in (("x", x), ("y", y), ("position", position)) if ends is not None}
    chosen = _chosen(counts, ranges, unit)
    points = int(np.prod([chosen.sizes[dim] for dim in space]))
    if mask is not None:
        marked = _marked(mask, chosen)
        points = int(marked.broadcast_like(chosen.isel(energy=0, drop=True)).sum())
        chosen = chosen.where(marked, np.zeros((), chosen.dtype)[()])
    if points == 0:
        raise DataError("no point is left to be added.", remedy="widen the range, or look at the mask.")
    total = chosen.sum(space, dtype=sum_type(counts.dtype))
    made = {
        "counts": quantity(total.data, "counts", str(counts.attrs.get("long_name", "counts")), map(str, total.dims)),
        "n_pixels": quantity(points, "1", "points added"),
    }
    result = xr.Dataset(numbers_of(leaf) | times_of(leaf, points) | made)
    return result.assign_coords({str(dim): counts[dim] for dim in total.dims if dim in counts.coords})


def _chosen(counts: xr.DataArray, ranges: dict[str, list[float]], unit: LengthUnit) -> xr.DataArray:
    for dim, ends in ranges.items():
        require_point(ends, dim)
        low, high = ends
        if dim not in counts.dims:
            raise DataError(f"{dim} is given, but this leaf has the dimensions {', '.join(map(str, counts.dims))}.")
        require_unit(counts, unit, (dim,))
        values = np.asarray(counts[dim].values, dtype=np.float64)
        inside = np.flatnonzero((values >= low) & (values <= high))
        if inside.size == 0:
            raise DataError(
                f"no point lies between {dim} = {low:g} and {high:g}; the axis runs from {values.min():g} to "
                f"{values.max():g} {unit_of(counts[dim])}."
            )
        counts = counts.isel({dim: slice(int(inside[0]), int(inside[-1]) + 1)})
    return counts


def _marked(mask: xr.DataArray, chosen: xr.DataArray) -> xr.DataArray:
    if mask.dtype.kind != "b" or not set(mask.dims) <= set(chosen.dims) - {"energy"}:
        raise DataError(
            f"the mask has dimensions {', '.join(map(str, mask.dims))} and type {mask.dtype}; expected bool along "
            f"{', '.join(str(d) for d in chosen.dims if d != 'energy')}."
        )
    return mask.sel({dim: chosen[dim] for dim in mask.dims if dim in chosen.coords})
