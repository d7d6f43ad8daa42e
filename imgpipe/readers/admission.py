"""Let a dataset into a pipeline, or say why not: pixels, axes and pixel size, in front of every step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from imgpipe.errors import DataError
from imgpipe.model import FORESHORTENED
from imgpipe.readers import gate

if TYPE_CHECKING:
    import xarray as xr

LEVEL = 1.0
"""Stage tilt in degrees up to which foreshortening does not matter (less than 0.02 %)."""
ANISOTROPY = 0.005
"""Relative difference of the pixel sizes along x and y from which an image is flagged."""


def admit(dataset: xr.Dataset, *, image: str = "image", max_saturated: float = gate.SATURATED_MOST) -> list[str]:
    """Return the flags of an image, or refuse it.

    The statistics that the reader took while streaming are used, so nothing is read again; an image without them is
    computed once, chunk by chunk.

    Parameters
    ----------
    dataset : with variable `image` (..., y, x)
    max_saturated : share of saturated pixels, 0 to 1, above which the image is refused

    Raises
    ------
    DataError
        NaN, constant, saturated, too small, no grey values, impossible pixel size, wrong order of axes.
    """
    if image not in dataset:
        raise DataError(f"there is no variable {image!r}, only {', '.join(map(str, dataset.data_vars))}.")
    array = dataset[image]
    try:
        gate.require_image(array.shape, array.dtype)
        flags = _axis_flags(dataset, array)
        return flags + gate.judge(
            _statistics(dataset, array), array.shape, array.dtype.name, max_saturated=max_saturated
        )
    except DataError as error:
        raise DataError(error.message, file=dataset.attrs.get("source_file"), remedy=error.remedy) from None


def tilt_flags(dataset: xr.Dataset) -> list[str]:
    """Return the flag of an image of a tilted face that is, or may be, foreshortened."""
    state = dataset.attrs.get("tilt_corrected")
    tilted = "stage_tilt" in dataset and abs(float(dataset["stage_tilt"])) > LEVEL
    if state == "no" and tilted:
        return [FORESHORTENED]
    return ["tilt correction unknown"] if state == "unknown" and tilted else []


def _statistics(dataset: xr.Dataset, array: xr.DataArray) -> gate.PixelStatistics:
    stored = dataset.attrs.get("pixel_statistics")
    if stored is not None:
        statistics = gate.from_json(stored)
        if statistics.count == array.size:  # else it was cropped since
            return statistics
    return gate.measure(_blocks(array))


def _blocks(array: xr.DataArray) -> Iterator[np.ndarray[Any, Any]]:
    data = array.data
    for block in data.blocks.ravel() if hasattr(data, "blocks") else [data]:
        yield np.asarray(block)


def _axis_flags(dataset: xr.Dataset, array: xr.DataArray) -> list[str]:
    if array.dims[-2:] != ("y", "x"):
        raise DataError(f"the last two dimensions of an image must be y, x; found {', '.join(map(str, array.dims))}.")
    steps = {dim: _step(dataset, dim) for dim in ("y", "x")}
    units = {str(dataset[dim].attrs.get("units")) for dim in ("y", "x")}
    if len(units) > 1:
        raise DataError(f"the axes y and x have different units: {' and '.join(sorted(units))}.")
    if abs(steps["x"] - steps["y"]) > ANISOTROPY * max(steps.values()):
        return [f"anisotropic pixels: {steps['x']:.6g} along x, {steps['y']:.6g} along y"]
    return []


def _step(dataset: xr.Dataset, dim: str) -> float:
    if dim not in dataset.coords:
        raise DataError(f"the image has no coordinate {dim}.")
    values = np.asarray(dataset.coords[dim].values, np.float64)
    if values.size < 2:
        raise DataError(f"the image has {values.size} pixel(s) along {dim}; at least {gate.SMALLEST} are needed.")
    steps = np.diff(values)
    if not np.all(np.isfinite(values)) or not np.all(steps > 0):
        raise DataError(
            f"the coordinate {dim} must rise by a pixel size above zero; it goes from {values[0]:g} to {values[-1]:g}.",
            remedy="give a pixel_size greater than 0.",
        )
    return float(steps.mean())
