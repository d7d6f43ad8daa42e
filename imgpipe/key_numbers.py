"""The numbers of a group that stand in summary.csv, taken from its tables: for EDXS, what was found and how wide."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"
"""Element of an interface that was fitted to all elements jointly."""
NOT_DETECTED, OUTER = "not detected", "outer layer"
"""Flag of an element, and of a layer that has no thickness because it goes on beyond the scan."""
NOT_ASSESSABLE = "not assessable"
"""Flag of an element that was neither found nor excluded, as the model does not fit the spectrum."""
WANTED = {
    "layers": ("layer", ("thickness", "u_thickness", "thickness_low", "thickness_high")),
    "interfaces": ("boundary", ("position", "u_position", "width", "u_width", "width_bound")),
}
"""Table -> column that names the thing, and the numbers of it that are wanted."""
KEY_TABLES = ("elements", "layers", "interfaces", "gradients")
"""Tables that are looked at."""
UNITS = ("nm", "px")


def key_numbers(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the most important numbers of a group by column name; empty where no element was measured.

    Parameters
    ----------
    tables : the tables of one group: elements, layers, interfaces, gradients

    Returns
    -------
    ``detected`` and ``not_detected`` elements, then per layer its thickness, per interface its position and width,
    per gradient its contrast and claim: ``Mg thickness_nm``, ``Mg|W width_bound_nm``, ``Mg in Mg claim`` ...
    """
    elements = tables.get("elements")
    if elements is None or "element" not in elements or "xray_line" not in elements:
        return {}
    found: dict[str, Any] = _detected(elements)
    for name in WANTED:
        if name in tables:
            found |= dict(_numbers(tables[name], name))
    if "gradients" in tables:
        found |= dict(_gradients(tables["gradients"]))
    return found


def _detected(elements: pd.DataFrame) -> dict[str, str]:
    flags = elements["flag"].fillna("") if "flag" in elements else elements["element"].map(lambda _: "")
    doubtful = flags.astype(str).str.contains(NOT_ASSESSABLE)
    missing = flags.astype(str).str.contains(NOT_DETECTED) & ~doubtful
    elements, missing = elements[~doubtful], missing[~doubtful]
    seen = list(dict.fromkeys(elements.loc[~missing, "element"].astype(str)))
    unseen = list(dict.fromkeys(elements.loc[missing, "element"].astype(str)))
    return {"detected": ", ".join(seen), "not_detected": ", ".join(name for name in unseen if name not in seen)}


def _numbers(table: pd.DataFrame, name: str) -> Iterator[tuple[str, float]]:
    thing, wanted = WANTED[name]
    if thing not in table:
        return
    rows = table[table["element"] == ALL] if name == "interfaces" and (table["element"] == ALL).any() else table
    for _, row in rows.iterrows():
        for column in (f"{number}_{unit}" for unit in UNITS for number in wanted):
            value = float(row[column]) if column in row and row[column] is not None else math.nan
            if math.isfinite(value):
                yield f"{_place(row, rows)}{row[thing]} {column}", value


def _gradients(table: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    for _, row in table.iterrows():
        what = f"{_place(row, table)}{row.get('element')} in {row.get('in_layer')}"
        for column in ("contrast_percent", "u_contrast_percent", "claim"):
            if column in row and row[column] == row[column] and row[column] is not None:
                yield f"{what} {column}", row[column]


def _place(row: pd.Series[float], rows: pd.DataFrame) -> str:
    """Return the leaf and the line of a row where there are several, to stand before the name of the thing."""
    places = [str(row[name]) for name in ("leaf", "track", "line") if name in rows and rows[name].nunique() > 1]
    return f"{' '.join(places)} " if places else ""
