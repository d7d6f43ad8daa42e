"""What a run prints on stdout: the main table, failures, where the report lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgpipe.bundle import Bundle, open_bundle
from imgpipe.rounding import with_uncertainty

if TYPE_CHECKING:
    import pandas as pd


def print_summary(out: Path) -> None:
    """Print the layers with their intervals, then where to look."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    result = open_bundle(out)
    if (out / "tables" / "layers.csv").exists():
        console.print(_layers(result))
    states = [one["status"] for one in result.info["groups"].values()]
    console.print(f"{states.count('done')} of {len(states)} group(s) done", markup=False)
    for failure in result.failures:
        console.print(f"failed: {failure['file']}: {failure['cause']}", markup=False)
    report = out / "report.html"
    if report.exists():
        console.print(f"report: {report}", markup=False)


def _layers(result: Bundle) -> object:
    from rich.table import Table

    table = Table("group", "layer", "thickness", "95 % interval", "flag")
    for _, row in result.table("layers").iterrows():
        table.add_row(str(row["group"]), str(row["layer"]), *_shown(row), str(row["flag"]))
    return table


def _shown(row: pd.Series) -> tuple[str, str]:
    if row["thickness_nm"] == row["thickness_nm"]:
        value = with_uncertainty(row["thickness_nm"], row["u_thickness_nm"])
        return f"{value} nm", _interval(row)
    if row.get("thickness_high_nm") == row.get("thickness_high_nm"):
        return "-", f"< {row['thickness_high_nm']:.3g} nm"
    if row["thickness_px"] == row["thickness_px"]:
        return f"{row['thickness_px']:.2f} px", "uncalibrated"
    return "-", "-"


def _interval(row: pd.Series) -> str:
    digits = max(0, 1 - len(str(int(row["u_thickness_nm"] or 1)))) if row["u_thickness_nm"] >= 1 else 2
    return f"{row['thickness_low_nm']:.{digits + 1}f} to {row['thickness_high_nm']:.{digits + 1}f} nm"
