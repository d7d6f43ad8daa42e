"""Tables: the variables of one object dimension as columns that end in their unit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from imgpipe.model import OBJECT_DIMS, TABLE_ORDER, table_name
from imgpipe.patterns import Value
from imgpipe.units import column_suffix

if TYPE_CHECKING:
    import pandas as pd

GROUP_COLUMN = "group"


def leaf_tables(leaf: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Return one table per object dimension of a leaf: name of the object first, then its variables in order."""
    import pandas as pd

    tables: dict[str, pd.DataFrame] = {}
    for dim in (str(d) for d in leaf.dims if d in OBJECT_DIMS and d != "edit"):
        columns: dict[str, Any] = {dim: leaf[dim].values} if dim in leaf.coords else {}
        for name in _ordered([str(n) for n, array in leaf.data_vars.items() if array.dims == (dim,)], dim):
            columns[column_name(name, leaf[name])] = leaf[name].values
        if "flag" in columns:
            columns["flag"] = [joined_flags(str(flag), str(leaf.attrs.get("flags", ""))) for flag in columns["flag"]]
        if len(columns) > 1:
            tables[table_name(dim)] = pd.DataFrame(columns)
    return tables


def joined_flags(*texts: str) -> str:
    """Join flags of a row and of its image, each once."""
    return "; ".join(dict.fromkeys(flag for text in texts for flag in text.split("; ") if flag))


def _ordered(names: list[str], dim: str) -> list[str]:
    first = [name for name in TABLE_ORDER.get(dim, ()) if name in names]
    return first + [name for name in names if name not in first]


def column_name(name: str, array: xr.DataArray) -> str:
    """Return the column of a variable: ``thickness`` in nm -> ``thickness_nm``."""
    suffix = column_suffix(str(array.attrs.get("units", "1")))
    return name if not suffix or name.endswith(f"_{suffix}") else f"{name}_{suffix}"


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
