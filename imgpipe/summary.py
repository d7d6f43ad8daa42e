"""What a run prints on stdout: the main table, failures, where the report lies."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from imgpipe.bundle import Bundle, open_bundle
from imgpipe.rounding import decimals_for, rounded, with_uncertainty

if TYPE_CHECKING:
    import pandas as pd


def print_summary(out: Path) -> None:
    """Print the layers with their intervals, then where to look."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    result = open_bundle(out)
    if (out / "tables" / "layers.parquet").exists():
        console.print(_layers(result))
    states = [one["status"] for one in result.info["groups"].values()]
    console.print(f"{states.count('done')} of {len(states)} group(s) done", markup=False)
    for failure in result.failures:
        console.print(f"failed: {failure['file']}: {failure['cause']}", markup=False)
    for note in result.info.get("notes", []):
        console.print(f"note: {note}", markup=False)
    report = out / "report.html"
    if report.exists():
        console.print(f"report: {report}", markup=False)


def _layers(result: Bundle) -> object:
    from rich.markup import escape
    from rich.table import Table

    layers = result.table("layers")
    plated = "lithium_ratio" in layers
    table = Table("group", "layer", "thickness", "95 % interval", *(["of dense Li"] if plated else []), "flag")
    for _, row in layers.iterrows():
        ratio = [_ratio_text(row)] if plated else []
        texts = (row.get("group"), row.get("layer"), *thickness_texts(row), *ratio, row.get("flag"))
        table.add_row(*(escape("" if text is None else str(text)) for text in texts))
    return table


def _ratio_text(row: pd.Series[float]) -> str:
    value, u = _number(row, "lithium_ratio"), _number(row, "u_lithium_ratio")
    return " ± ".join(with_uncertainty(value, u)) if math.isfinite(value) else "-"


def thickness_texts(row: pd.Series[float]) -> tuple[str, str]:
    """Return thickness with its standard uncertainty, and its 95 % interval, as a person reads them."""
    value, u = _number(row, "thickness_nm"), _number(row, "u_thickness_nm")
    low, high = _number(row, "thickness_low_nm"), _number(row, "thickness_high_nm")
    if math.isfinite(value):
        decimals = decimals_for(u) if math.isfinite(u) and u > 0 else 2
        return (
            f"{' ± '.join(with_uncertainty(value, u))} nm",
            f"{rounded(low, decimals)} to {rounded(high, decimals)} nm",
        )
    if math.isfinite(high):
        return "-", f"< {high:.3g} nm"
    pixels = _number(row, "thickness_px")
    return (f"{pixels:.2f} px", "uncalibrated") if math.isfinite(pixels) else ("-", "-")


def _number(row: pd.Series[float], name: str) -> float:
    return float(row.get(name, math.nan))
