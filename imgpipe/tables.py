"""Tables: the variables of one object dimension as columns that end in their unit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from imgpipe.model import OBJECT_DIMS, SERIES_DIMS, TABLE_ORDER, table_name
from imgpipe.patterns import Value
from imgpipe.units import column_suffix

if TYPE_CHECKING:
    import pandas as pd

GROUP_COLUMN = "group"
COLUMNS = {
    "of_region": "region", "background_model": "background", "trend": "component",
    "of_element": "element", "from_layer": "from", "to_layer": "to",
    "interface_position": "position", "u_interface_position": "u_position",
    "element_flag": "flag", "interface_flag": "flag", "layer_flag": "flag", "gradient_flag": "flag",
    "overlap_flag": "flag", "contrast_of": "element",
    "interface_position_low": "position_low", "interface_position_high": "position_high",
}  # fmt: skip
"""Variables whose column has another name: in a dataset it is taken by a dimension or a curve."""
GRIDS = {"profile": ("position", "element"), "responses": ("layer", "element")}
"""Tables of what is known on two dimensions: one row for each pair."""


def leaf_tables(leaf: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Return one table per object dimension of a leaf: name of the object first, then its variables in order.

    Where a variable has a series dimension too (`SERIES_DIMS`), each place of the series makes rows of its own, and
    what is known along the series (time, charge ...) stands in the first columns.
    """
    import pandas as pd

    tables: dict[str, pd.DataFrame] = {}
    wanted = {table_name(dim): (dim,) for dim in map(str, leaf.dims) if dim in OBJECT_DIMS and dim != "edit"}
    for title, dims in (wanted | GRIDS).items():
        names = [str(n) for n, array in leaf.data_vars.items() if _is_column(array, dims)]
        series = [d for d in SERIES_DIMS if any(d in leaf[n].dims for n in names)]
        shape = {d: leaf.sizes[d] for d in (*series, *dims) if d in leaf.dims}
        columns: dict[str, Any] = {column_name(n, leaf[n]): _spread(leaf[n], shape) for n in _places(leaf, shape, dims)}
        for name in _ordered(names, dims[-1]):
            columns[column_name(name, leaf[name])] = _spread(leaf[name], shape)
        if "flag" in columns:
            columns["flag"] = [joined_flags(str(flag), str(leaf.attrs.get("flags", ""))) for flag in columns["flag"]]
        if names:
            tables[title] = pd.DataFrame(columns)
    return tables


def _is_column(array: xr.DataArray, dims: tuple[str, ...]) -> bool:
    return set(dims) <= set(array.dims) <= {*dims, *SERIES_DIMS}


def _places(leaf: xr.Dataset, shape: Mapping[str, int], dims: tuple[str, ...]) -> list[str]:
    """Return the coordinates that tell the rows of a table apart: along the series, then the object."""
    series = [d for d in shape if d not in dims]
    along = [str(n) for n, c in leaf.coords.items() if c.ndim == 1 and c.dims[0] in series and n not in series]
    return [name for name in (*series, *along, *dims) if name in leaf.coords]


def _spread(array: xr.DataArray, shape: Mapping[str, int]) -> np.ndarray:
    """Return the values on every row of a table of this shape."""
    here = array.transpose(*(d for d in shape if d in array.dims)).values
    sizes = [size if d in array.dims else 1 for d, size in shape.items()]
    return np.broadcast_to(here.reshape(sizes), tuple(shape.values())).ravel()


def joined_flags(*texts: str) -> str:
    """Join flags of a row and of its image, each once."""
    return "; ".join(dict.fromkeys(flag for text in texts for flag in text.split("; ") if flag))


def _ordered(names: list[str], dim: str) -> list[str]:
    first = [name for name in TABLE_ORDER.get(dim, ()) if name in names]
    return first + [name for name in names if name not in first]


def column_name(name: str, array: xr.DataArray) -> str:
    """Return the column of a variable: ``thickness`` in nm -> ``thickness_nm``."""
    name = COLUMNS.get(name, name)
    suffix = column_suffix(str(array.attrs.get("units", "1")))
    return name if not suffix or f"_{suffix}_" in f"_{name}_" else f"{name}_{suffix}"


def group_tables(
    leaves: Mapping[str, xr.Dataset], group: str, fields: Mapping[str, Value], units: Mapping[str, str]
) -> dict[str, pd.DataFrame]:
    """Return the tables of a group, with the group and the fields of its file names as first columns."""
    import pandas as pd

    shown = {GROUP_COLUMN: group} | {_field_column(name, units): value for name, value in fields.items()}
    collected: dict[str, list[pd.DataFrame]] = {}
    for leaf_name, leaf in leaves.items():
        for name, table in leaf_tables(leaf).items():
            extra = shown | ({"leaf": leaf_name} if len(leaves) > 1 else {})
            front = pd.DataFrame({key: [value] * len(table) for key, value in extra.items()})
            collected.setdefault(name, []).append(pd.concat([front, table], axis=1))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in collected.items()}


def write_table(table: pd.DataFrame, folder: Path, name: str) -> list[Path]:
    """Write a table as CSV (UTF-8 with byte-order mark, so that Excel reads it) and Parquet; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    csv, parquet = folder / f"{name}.csv", folder / f"{name}.parquet"
    table.to_csv(csv, index=False, encoding="utf-8-sig", lineterminator="\n")
    table.to_parquet(parquet, index=False, engine="pyarrow")
    return [csv, parquet]


def _field_column(name: str, units: Mapping[str, str]) -> str:
    suffix = column_suffix(units.get(name, "1"))
    return f"{name}_{suffix}" if suffix else name
