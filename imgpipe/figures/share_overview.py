"""All groups at a glance: share of each component with its 95 % interval, one panel per region."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from imgpipe.figures.drawing import SINGLE, axes_at, figure_style, new_figure, write_figure
from imgpipe.figures.shares import MOST_ROWS, draw_rows
from imgpipe.model import SERIES_DIMS

REGION_COLUMNS = ("region", "component_region")
NOT_PLACES = ("leaf", "region", "component")
LEFT, RIGHT, BOTTOM, TOP, NAMES, POINT_HEIGHT, ROW_EDGE = 26.0, 3.0, 9.0, 5.0, 4.0, 2.0, 2.5
LETTER = 1.5
"""Millimetres that a letter of a row's name takes."""
LONG_SERIES = 12
"""Spectra of one group and region from which they are left to the group's own figure."""


def share_overview_figure(components: pd.DataFrame, folder: Path, name: str = "shares") -> list[Path]:
    """Draw the shares of all groups and samples, except along long series.

    Parameters
    ----------
    components : the table ``components``: group, component, area_percent with low and high, flag
    """
    rows = share_rows(components)
    panels = [(str(region), part, _row_names(part)) for region, part in rows.groupby("region", sort=False)]
    heights = [NAMES + len(n) * (ROW_EDGE + POINT_HEIGHT * part["component"].nunique()) for _, part, n in panels]
    with figure_style():
        total = sum(heights) + len(panels) * (BOTTOM + TOP)
        figure = new_figure(SINGLE, total, constrained=False)
        base = total
        left = max(LEFT, LETTER * max((len(name) for _, _, names in panels for name in names), default=0))
        for (region, part, names), height in zip(panels, heights, strict=True):
            base -= height + TOP
            axes = axes_at(figure, left, base, SINGLE - left - RIGHT, height)
            draw_rows(axes, part, names)
            axes.set_xlabel(f"share of the area of {region} (%), 95 % interval" if region else "share of the area (%)")
            base -= BOTTOM
        return write_figure(figure, rows, folder, name)


def share_rows(components: pd.DataFrame) -> pd.DataFrame:
    """Return region, spectrum, component, share, low, high (percent) and flag of all but the long series."""
    table = components.assign(region=region_column(components))
    labels = spectrum_labels(table)
    size = labels.groupby([table["group"], table["region"]]).transform("nunique")
    numbers = {"share": "area_percent", "low": "area_percent_low", "high": "area_percent_high"}
    columns = {new: table.get(old, np.nan) for new, old in numbers.items()}
    flags = table["flag"].fillna("") if "flag" in table else ""
    rows = pd.DataFrame({"region": table["region"], "spectrum": labels, "component": table["component"].astype(str),
                         **columns, "flag": flags})  # fmt: skip
    short = rows[size <= LONG_SERIES]
    return short[short[["share", "high"]].notna().any(axis=1)].reset_index(drop=True)


def region_column(components: pd.DataFrame) -> pd.Series[str]:
    """Return the region of each row: its column, else the last part of the leaf's name, else nothing."""
    named = next((name for name in (*REGION_COLUMNS, "leaf") if name in components), None)
    found = [_short(value).rpartition("/")[2] for value in components[named]] if named else ""
    return pd.Series(found, index=components.index, dtype=object)


def place_columns(components: pd.DataFrame) -> list[str]:
    """Return the columns that tell spectra apart: what stands before the component, and dimensions of a series."""
    columns = list(components.columns)
    before = columns[: columns.index("component")]
    series = [c for c in columns if c.partition("_")[0] in SERIES_DIMS and c not in before]  # joined tables
    return [c for c in (*before, *series) if c not in NOT_PLACES]


def spectrum_labels(components: pd.DataFrame) -> pd.Series[str]:
    """Return what tells a spectrum from the others: group, sample, and place in a series."""
    parts = [[_short(value) for value in components["group"]]]
    varied = [c for c in place_columns(components)[1:] if (components.groupby("group")[c].nunique() > 1).any()]
    if "sample" in place_columns(components) and components["sample"].notna().all() and len(set(parts[0])) == 1:
        varied = list(dict.fromkeys(["sample", *varied]))
    if "leaf" in components:
        parts.append([_short(value).rpartition("/")[0] for value in components["leaf"]])
    parts += [[_short(value) for value in components[column]] for column in varied]
    if "sample" in varied and len(set(parts[0])) == 1:
        del parts[0]  # one group: its samples tell more than its name
    labels = [" ".join(dict.fromkeys(filter(None, row))) for row in zip(*parts, strict=True)]
    return pd.Series(labels, index=components.index, dtype=object)


def _row_names(part: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(part["spectrum"]))[:MOST_ROWS]


def _short(value: object) -> str:
    """Return a cell as text; nothing for a missing one."""
    if isinstance(value, float):
        return f"{value:.4g}" if np.isfinite(value) else ""
    return str(value)
