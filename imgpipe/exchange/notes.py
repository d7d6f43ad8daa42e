"""What HyperSpy has no place for travels as one JSON text in the metadata of the signal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.exchange.microscope import PLACES, in_microscope
from imgpipe.model import unit_of
from imgpipe.units import convert

WHERE = "imgpipe.notes"
"""Place in the metadata."""
ELSEWHERE = ("title", "elements", "vendor_metadata")
"""Attrs that have a place of their own in HyperSpy's metadata."""
SAME = 1e-9
"""Relative difference up to which a number has not been changed."""


def write(leaf: xr.Dataset, array: xr.DataArray, axis_names: Mapping[str, str], assumed: Mapping[str, float]) -> str:
    """Return the JSON text: variable, unit, names of axes, numbers and attrs without another place."""
    dims = {
        axis_names[str(dim)]: {
            "dim": str(dim),
            "attrs": _plain(array[dim].attrs) if dim in array.coords else {},
            "values": [str(v) for v in array[dim].values] if _named(array, str(dim)) else None,
            "grid": _grid(array, str(dim)),
        }
        for dim in array.dims
    }
    placed = (*PLACES, "take_off_angle") if in_microscope(leaf) else ()
    scalars = {str(name): one for name, one in leaf.variables.items() if not one.dims}
    return json.dumps(
        {
            "variable": str(array.name),
            "variable_attrs": _plain(array.attrs),
            "dims": dims,
            "scalars": {name: _scalar(v, placed=name in placed) for name, v in scalars.items()},
            "attrs": _plain({k: v for k, v in leaf.attrs.items() if k not in ELSEWHERE}),
            "assumed": dict(assumed),
        },
        sort_keys=True,
    )


def read(metadata: Any) -> dict[str, Any]:
    """Return what was noted, empty parts where the signal never was a leaf."""
    text = metadata.get_item(WHERE, "")
    empty: dict[str, Any] = {"dims": {}, "scalars": {}, "attrs": {}, "assumed": {}, "variable_attrs": {}}
    return empty | (json.loads(text) if isinstance(text, str) and text else {})


def scalar(noted: Mapping[str, Any]) -> xr.DataArray:
    """Return a 0-d variable as noted."""
    value = noted["value"]
    array = np.array(value, dtype=object if isinstance(value, str) else noted["dtype"])
    return xr.DataArray(array, attrs=dict(noted["attrs"]))


def unplaced(noted: Mapping[str, Any]) -> dict[str, xr.DataArray]:
    """Return the 0-d variables that stand nowhere but in the notes."""
    return {name: scalar(one) for name, one in noted["scalars"].items() if not one["placed"]}


def as_noted(found: xr.DataArray, noted: Mapping[str, Any] | None) -> xr.DataArray:
    """Return a number of HyperSpy's metadata as it left, in value, unit and name; where it was changed, as it is now.

    Parameters
    ----------
    found : as the metadata have it now, in the unit of imgpipe
    noted : the same when the signal left; None where it was not known then
    """
    if noted is None:
        return found
    before = scalar(noted)
    value = float(convert(float(before), unit_of(before), unit_of(found)))
    if abs(float(found) - value) <= SAME * abs(value):
        return before
    name = {key: text for key, text in before.attrs.items() if key != "units"}
    return found.assign_attrs(name)


def _scalar(variable: xr.Variable, *, placed: bool) -> dict[str, Any]:
    """Return a 0-d variable as JSON holds it; HyperSpy's metadata have no place for what is not finite."""
    value = _item(variable)
    there = placed and isinstance(value, int | float) and math.isfinite(value)
    return {"value": value, "dtype": str(variable.dtype), "attrs": _plain(variable.attrs), "placed": there}


def _grid(array: xr.DataArray, dim: str) -> dict[str, Any] | None:
    """Return the numbers of a coordinate to the last digit: scale and offset in keV do not lead back to them."""
    if dim not in array.coords or _named(array, dim):
        return None
    return {"dtype": str(array[dim].dtype), "values": array[dim].values.tolist()}


def _named(array: xr.DataArray, dim: str) -> bool:
    return dim in array.coords and array[dim].dtype.kind not in "fiu"


def _item(variable: xr.Variable) -> Any:
    value = variable.values.item()
    return value if isinstance(value, bool | int | float) else str(value)


def _plain(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attrs as JSON holds them."""
    return {str(key): value.item() if isinstance(value, np.generic) else value for key, value in attrs.items()}
