"""The table of layers in the dock: thickness with its interval; the whole budget in the tooltip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from imgpipe.rounding import decimals_for, rounded, with_uncertainty

if TYPE_CHECKING:
    import pandas as pd

HEADINGS = ("layer", "thickness ± u", "95 % interval", "flag")


class LayerTable(QTableWidget):
    """One row per layer, as tables/layers.csv holds it, rounded by its uncertainty."""

    def __init__(self) -> None:
        super().__init__(0, len(HEADINGS))
        self.setHorizontalHeaderLabels(HEADINGS)
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.table: pd.DataFrame | None = None

    def show_table(self, table: pd.DataFrame | None) -> None:
        """Show the rows of a table of layers; None empties the widget."""
        self.table = table
        rows = [] if table is None else [row for _, row in table.iterrows()]
        self.setRowCount(len(rows))
        for number, row in enumerate(rows):
            about = "\n".join(f"{name}: {_plain(value)}" for name, value in row.items())
            for place, text in enumerate(cells(row)):
                item = QTableWidgetItem(text)
                item.setToolTip(about)
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                self.setItem(number, place, item)


def cells(row: pd.Series[Any]) -> tuple[str, ...]:
    """Return what the table shows of one layer: with nm, with px where there is no scale, a bound, or a dash."""
    layer, flag = str(row["layer"]), str(row.get("flag", ""))
    for unit in ("nm", "px"):
        value, u = _number(row, f"thickness_{unit}"), _number(row, f"u_thickness_{unit}")
        low, high = _number(row, f"thickness_low_{unit}"), _number(row, f"thickness_high_{unit}")
        if math.isfinite(value):
            shown, spread = with_uncertainty(value, u)
            text = f"{shown} ± {spread} {unit}" if u > 0 else f"{shown} {unit}"
            return layer, text, _interval(low, high, u, unit), flag
        if math.isfinite(high):
            return layer, "–", f"< {rounded(high, decimals_for(high, 3))} {unit}", flag
    return layer, "–", "–", flag


def _interval(low: float, high: float, u: float, unit: str) -> str:
    if not (math.isfinite(low) and math.isfinite(high) and u > 0):
        return "–"
    decimals = decimals_for(u)
    return f"{rounded(low, decimals)} to {rounded(high, decimals)} {unit}"


def _number(row: pd.Series[Any], name: str) -> float:
    value = row.get(name)
    return math.nan if value is None else float(value)


def _plain(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
