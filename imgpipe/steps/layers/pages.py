"""Between xarray and the kernels: pages of an image, rows as lengths, results stacked under leading dimensions."""

import numpy as np
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.model import spacing

SMALLEST = 32


def pages_of(image: xr.DataArray) -> list[np.ndarray]:
    """Return each (y, x) page, computed one after the other."""
    leading = image.dims[:-2]
    if "signal" in leading:
        raise DataError("the image has several signals.", remedy="choose one with the step select_signal.")
    flat = image.stack(page=leading) if leading else image.expand_dims("page")
    return [np.asarray(flat.isel(page=k).transpose("y", "x").values) for k in range(flat.sizes["page"])]


def sound_page(page: np.ndarray) -> np.ndarray:
    """Return a page that can be measured, or say what is wrong with it."""
    if min(page.shape) < SMALLEST:
        rows, columns = page.shape
        raise DataError(f"the image has {rows} x {columns} pixels; at least {SMALLEST} x {SMALLEST} are needed.")
    if page.dtype.kind not in "uif":
        raise DataError(f"the image holds {page.dtype} values, not grey values.", remedy="use a grey-level image.")
    bad = page.size - int(np.isfinite(page).sum())
    if bad:
        raise DataError(f"{bad} of {page.size} pixels are NaN or Inf.", remedy="crop the image to its valid part.")
    if page.min() == page.max():
        raise DataError(f"the image is constant ({page.flat[0]}): nothing to measure.")
    return np.ascontiguousarray(page, dtype=page.dtype.newbyteorder("="))


def leading_dims(array: xr.DataArray) -> tuple[str, ...]:
    """Return the names of all dimensions but the last two."""
    return tuple(str(d) for d in array.dims[:-2])


def paged(like: xr.DataArray, values: list[np.ndarray]) -> np.ndarray:
    """Stack results of pages under the leading dimensions of `like`."""
    return np.stack(values).reshape(*like.shape[:-2], *values[0].shape)


def from_pixels(rows: np.ndarray, axis: xr.DataArray) -> np.ndarray:
    """Turn rows (or columns) into places on an axis."""
    return np.asarray(float(axis[0]) + rows * spacing(axis))


def to_pixels(values: np.ndarray, axis: xr.DataArray) -> np.ndarray:
    """Turn places on an axis into rows (or columns)."""
    return np.asarray((values - float(axis[0])) / spacing(axis))


def flat(array: xr.DataArray, core: int) -> np.ndarray:
    """Return values as (page, core dimensions)."""
    values = np.asarray(array.values, dtype=np.float64)
    lead = values.ndim - core
    return values.reshape(int(np.prod(values.shape[:lead])), *values.shape[lead:])
