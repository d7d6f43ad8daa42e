"""What HyperSpy has no place for travels as one JSON text in the metadata of the signal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.exchange.microscope import PLACES, in_microscope

WHERE = "imgpipe.notes"
"""Place in the metadata."""
ELSEWHERE = ("title", "elements", "vendor_metadata")
"""Attrs that have a place of their own in HyperSpy's metadata."""


def write(leaf: xr.Dataset, array: xr.DataArray, axis_names: Mapping[str, str], assumed: Mapping[str, float]) -> str:
    """Return the JSON text: variable, unit, names of axes, numbers and attrs without another place."""
    dims = {
        axis_names[str(dim)]: {
            "dim": str(dim),
            "attrs": _plain(array[dim].attrs) if dim in array.coords else {},
            "values": [str(v) for v in array[dim].values] if _named(array, str(dim)) else None,
        }
        for dim in array.dims
    }
    placed = (*PLACES, "take_off_angle") if in_microscope(leaf) else ()
    scalars = {str(name): one for name, one in leaf.variables.items() if not one.dims and name not in placed}
    return json.dumps(
        {
            "variable": str(array.name),
            "variable_attrs": _plain(array.attrs),
            "dims": dims,
            "scalars": {name: {"value": _item(v), "attrs": _plain(v.attrs)} for name, v in scalars.items()},
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
    array = np.array(value, dtype=object) if isinstance(value, str) else np.asarray(value)
    return xr.DataArray(array, attrs=dict(noted["attrs"]))


def _named(array: xr.DataArray, dim: str) -> bool:
    return dim in array.coords and array[dim].dtype.kind not in "fiu"


def _item(variable: xr.Variable) -> Any:
    value = variable.values.item()
    return value if isinstance(value, bool | int | float) else str(value)


def _plain(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attrs as JSON holds them."""
    return {str(key): value.item() if isinstance(value, np.generic) else value for key, value in attrs.items()}
