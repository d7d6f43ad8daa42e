"""The vocabulary of the data: dimensions, canonical units, and what a sound dataset looks like.

One acquisition is a plain `xarray.Dataset`, one group of files an `xarray.DataTree` whose leaves are
acquisitions. Metadata used in a calculation is a 0-d variable with units; the rest is flat attrs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.errors import DataError, UnitError
from imgpipe.units import spelling

ARRAY_DIMS: dict[str, str] = {
    "time": "s", "z": "nm", "y": "nm", "x": "nm", "energy": "eV", "position": "nm", "distance": "nm",
    "cycle": "1", "line": "1", "signal": "", "sample": "", "quaternion": "1",
}  # fmt: skip
"""Array dimensions in scan order, with their canonical unit (``""``: names, no unit)."""

OBJECT_DIMS = (
    "layer", "interface", "element", "region", "peak", "component", "grain", "boundary", "void", "island",
    "track", "edge", "phase", "group", "edit", "constraint", "sensitivity", "pair", "model", "trend",
    "overlap", "gradient",
)  # fmt: skip
"""Object dimensions: they carry ids or names, no units; each is one table."""

SERIES_DIMS = ("sample", "time", "cycle", "line")
"""Dimensions along which the same thing is measured again: each place makes rows of its own in a table."""

TABLE_ORDER: dict[str, tuple[str, ...]] = {
    "layer": (
        "thickness", "u_thickness", "u_thickness_random", "u_thickness_shared", "shared_id", "thickness_low",
        "thickness_high", "sd_thickness", "n_eff", "covered_fraction", "flag", "layer_flag", "smallest_resolvable",
        "thickness_px", "median_thickness", "thickness_p16", "thickness_p84", "u_localisation", "u_sampling",
        "u_edge_model", "u_curtain", "u_fields", "u_obliquity", "u_pixel_scale", "u_tilt",
    ),
    "interface": (
        "boundary", "of_element", "from_layer", "to_layer", "interface_position", "u_interface_position",
        "interface_position_low", "interface_position_high", "width", "u_width", "width_low", "width_high",
        "width_bound", "interface_flag", "observed_width", "u_observed_width", "interface_model", "roughness",
        "roughness_correlation_length", "edge_width_sigma", "edge_width_20_80", "edge_width_16_84", "mean_position",
        "slope",
    ),
    "component": (
        "of_region", "line", "position", "u_position", "fwhm", "u_fwhm", "area", "u_area", "area_percent",
        "u_area_percent", "area_percent_low", "area_percent_high", "u_model", "denominator", "flag",
    ),
    "peak": (
        "component_of", "peak_shape", "peak_position", "u_peak_position", "peak_fwhm", "u_peak_fwhm", "peak_area",
        "u_peak_area", "peak_height", "peak_flag",
    ),
    "trend": (
        "trend_of", "slope", "u_slope", "slope_low", "slope_high", "probability_rising", "onset", "u_onset",
        "onset_low", "onset_high", "n", "trend_flag",
    ),
    "element": (
        "xray_line", "line_energy", "total_intensity", "u_total_intensity", "critical_level", "detection_limit",
        "overvoltage", "window_low", "window_high", "window_valid", "worst_overlap", "largest_correlation",
        "element_flag",
    ),
    "gradient": (
        "contrast_of", "in_layer", "towards", "contrast", "u_contrast", "contrast_low", "contrast_high",
        "apparent_contrast", "claim", "gradient_flag",
    ),
    "constraint": (
        "kind", "applies_to", "value", "u", "unit", "fitted_value", "largest_effect", "most_affected", "source",
        "verified",
    ),
}  # fmt: skip
"""Variables that a table shows first, in this order; the others follow as they come."""

FORESHORTENED = "foreshortened: tilt not corrected"
"""Flag of an image of a tilted face whose rows are still shortened."""

UNCALIBRATED = "px"
"""Unit of a length axis whose pixel size is unknown."""


def table_name(dim: str) -> str:
    """Return the table that an object dimension makes: ``layer`` -> ``layers``."""
    return dim[:-1] + "ies" if dim.endswith("y") else dim + "s"


def quantity(
    values: Any, unit: str, long_name: str, dims: str | Iterable[str] = (), coords: Any = None, **attrs: Any
) -> xr.DataArray:
    """Return a DataArray with a unit and a name a reader understands.

    Parameters
    ----------
    values : number or array
    unit : pint spelling; ``1`` for a pure number
    long_name : axis label or table heading, without the unit
    dims : names of the dimensions of `values`, as text ("y x") or a sequence; none for a number
    coords : as for `xarray.DataArray`
    """
    names = tuple(dims.split()) if isinstance(dims, str) else tuple(dims)
    array = values if hasattr(values, "dtype") and hasattr(values, "ndim") else np.asarray(values)
    data = array.data if isinstance(array, xr.DataArray) else array
    described = {"units": spelling(unit), "long_name": long_name, **attrs}
    return xr.DataArray(data, dims=names, coords=coords, attrs=described)


def texts(values: Iterable[str], long_name: str, dim: str) -> xr.DataArray:
    """Return strings on one dimension, as object dtype (no unit)."""
    return xr.DataArray(np.array(list(values), dtype=object), dims=(dim,), attrs={"long_name": long_name})


def axis(dim: str, size: int, step: float, unit: str, *, start: float = 0.0) -> xr.DataArray:
    """Return the coordinate of a regular axis: `size` points `step` apart, with unit and name."""
    values = start + step * np.arange(size, dtype=np.float64)
    return xr.DataArray(values, dims=(dim,), attrs={"units": spelling(unit), "long_name": dim})


def unit_of(array: xr.DataArray) -> str:
    """Return the unit of an array or coordinate; `UnitError` when it has none."""
    unit = array.attrs.get("units")
    if unit is None:
        raise UnitError(f"{array.name or 'an array'} carries no unit.")
    return spelling(str(unit))


def spacing(coordinate: xr.DataArray) -> float:
    """Return the step of a regular 1-D coordinate, in its own unit.

    Raises
    ------
    DataError
        when there are fewer than two points, or the steps differ by more than 1e-6 of the mean step.
    """
    values = np.asarray(coordinate.values, dtype=np.float64)
    name = coordinate.name
    if values.size < 2:
        raise DataError(f"axis {name} has {values.size} point(s); at least 2 are needed.")
    steps = np.diff(values)
    mean = (values[-1] - values[0]) / (values.size - 1)
    if mean <= 0 or np.abs(steps - mean).max() > 1e-6 * abs(mean) * values.size:
        raise DataError(f"axis {name} is not evenly spaced and rising.")
    return float(mean)


def check(dataset: xr.Dataset) -> list[str]:
    """Return every fault of a dataset, one line each; an empty list means sound."""
    faults = [fault for dim in dataset.dims for fault in _axis_faults(dataset, str(dim))]
    faults += [f"{name}: no units" for name, array in dataset.data_vars.items() if _lacks_unit(array)]
    return faults


def _lacks_unit(array: xr.DataArray) -> bool:
    return array.dtype.kind in "fciu" and "units" not in array.attrs


def _axis_faults(dataset: xr.Dataset, dim: str) -> list[str]:
    if dim in OBJECT_DIMS:
        return []
    if dim not in ARRAY_DIMS:
        return [f"{dim}: unknown dimension; known are {', '.join((*ARRAY_DIMS, *OBJECT_DIMS))}"]
    if dim not in dataset.coords:
        return [f"{dim}: no coordinate"]
    coordinate = dataset.coords[dim]
    if ARRAY_DIMS[dim] == "":
        return []
    faults = [] if "units" in coordinate.attrs else [f"{dim}: coordinate without units"]
    values = coordinate.values
    steps = np.diff(values) if values.dtype.kind in "fiu" else np.ones(1)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        faults.append(f"{dim}: coordinate holds NaN or Inf")
    elif not (np.all(steps > 0) or np.all(steps < 0)):
        faults.append(f"{dim}: coordinate is not monotonic")
    return faults
