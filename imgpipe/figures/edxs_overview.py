"""All groups at a glance: the width of each interface with its 95 % interval or its upper bound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from imgpipe.figures.edxs_data import ALL
from imgpipe.figures.overview import panels_of_groups

THICKNESS = "Thickness of each layer with 95 % intervals; an arrow is an upper bound"
HEADING = "Intrinsic width of each interface (sigma) with 95 % intervals; an arrow is an upper bound"


def width_overview_figure(interfaces: pd.DataFrame, folder: Path, name: str = "widths") -> list[Path]:
    """Draw the width of each interface in each group, one panel per interface.

    Parameters
    ----------
    interfaces : the table ``interfaces`` of EDXS groups: group, boundary, element, width_nm ..., width_bound_nm
    """
    return panels_of_groups(width_rows(interfaces), "width sigma", HEADING, folder, name)


def thickness_overview_figure(layers: pd.DataFrame, folder: Path, name: str = "thicknesses") -> list[Path]:
    """Draw the thickness of each layer in each group, one panel per layer.

    Parameters
    ----------
    layers : the table ``layers`` of EDXS groups: group, layer, thickness_nm, thickness_high_nm ...
    """
    return panels_of_groups(thickness_rows(layers), "thickness", THICKNESS, folder, name)


def thickness_rows(layers: pd.DataFrame) -> pd.DataFrame:
    """Return one row per group and layer that has a thickness or an upper bound of it."""
    names = {"thickness": "thickness", "low": "thickness_low", "high": "thickness_high"}
    parts = []
    for unit in ("nm", "px"):
        columns = layers.reindex(columns=[f"{name}_{unit}" for name in names.values()]).astype(float)
        known = columns.notna().any(axis=1)
        rows = pd.DataFrame({new: columns[f"{old}_{unit}"] for new, old in names.items()})[known]
        part = layers[known]
        rows.insert(0, "group", group_names(part) if len(part) else [])
        rows.insert(1, "layer", part["layer"].astype(str) if len(part) else [])
        rows.insert(2, "unit", unit)
        parts.append(rows.assign(flag=np.where(rows["thickness"].isna(), "upper bound", "")))
    return pd.concat([part for part in parts if len(part)] or parts[:1]).sort_index().reset_index(drop=True)


def width_rows(interfaces: pd.DataFrame) -> pd.DataFrame:
    """Return one row per group and boundary that has a width or a bound: the joint one, else the best determined."""
    best = best_rows(interfaces)
    units = ["nm" if _any(row, "nm") else "px" for _, row in best.iterrows()]

    def column(variable: str) -> np.ndarray:
        return np.array([
            float(row.get(f"{variable}_{unit}", np.nan)) for (_, row), unit in zip(best.iterrows(), units, strict=True)
        ])  # fmt: skip

    width, bound = column("width"), column("width_bound")
    bounded = ~np.isfinite(width) & np.isfinite(bound)
    rows = pd.DataFrame({
        "group": group_names(best),
        "layer": best["boundary"].astype(str) if len(best) else [],
        "unit": units,
        "thickness": width,
        "low": np.where(bounded, np.nan, column("width_low")),
        "high": np.where(bounded, bound, column("width_high")),
        "flag": np.where(bounded, "upper bound", ""),
    })  # fmt: skip
    return rows[rows[["thickness", "high"]].notna().any(axis=1)].reset_index(drop=True)


def group_names(table: pd.DataFrame) -> list[str]:
    """Return what tells the rows of one boundary apart: the group, and the leaf and line where there are several."""
    if table.empty:
        return []
    parts = ["group", *(n for n in ("leaf", "line") if n in table and table[n].nunique() > 1)]
    return [" ".join(str(value) for value in row) for row in table[parts].itertuples(index=False, name=None)]


def best_rows(interfaces: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each group, leaf and boundary: the joint one, else the one with the least u of position."""
    if not {"boundary", "element"} <= set(interfaces):
        return interfaces.iloc[:0]
    table = interfaces.assign(_single=interfaces["element"] != ALL, _u=_u_position(interfaces))
    keys = [name for name in ("group", "leaf", "line", "boundary") if name in table]
    ordered = table.sort_values(["_single", "_u"], kind="stable").drop_duplicates(keys)
    return ordered.sort_index().drop(columns=["_single", "_u"])


def _u_position(table: pd.DataFrame) -> pd.Series[float]:
    columns = [table[n] for n in ("u_position_nm", "u_position_px") if n in table]
    return pd.concat(columns, axis=1).min(axis=1) if columns else pd.Series(np.nan, index=table.index)


def _any(row: pd.Series[float], unit: str) -> bool:
    return any(np.isfinite(float(row.get(f"{name}_{unit}", np.nan))) for name in ("width", "width_bound"))
