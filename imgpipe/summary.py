"""What a run prints on stdout: the main table, failures, where the report lies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from imgpipe.bundle import Bundle, open_bundle
from imgpipe.grouping import WITHOUT_FIELDS
from imgpipe.key_numbers import OUTER
from imgpipe.rounding import decimals_for, is_only_component, rounded, three_digits, with_uncertainty
from imgpipe.summary_edxs import edxs_groups, edxs_parts, without_common

if TYPE_CHECKING:
    import pandas as pd


LONG_SERIES = 12
"""Spectra of one group and region from which they are counted instead of listed."""


def print_summary(out: Path) -> None:
    """Print the layers and components with their intervals, then where to look."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    result = open_bundle(out)
    if (out / "tables" / "layers.parquet").exists():
        console.print(_layers(result))
    for part in edxs_parts(result):
        console.print(part)
    if (out / "tables" / "components.parquet").exists():
        for part in _components(result):
            console.print(part)
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

    layers = without_common(result.table("layers"), edxs_groups(result))[0]
    plated = "lithium_ratio" in layers
    table = Table("group", "layer", "thickness", "95 % interval", *(["of dense Li"] if plated else []), "flag")
    for _, row in layers.iterrows():
        ratio = [_ratio_text(row)] if plated else []
        numbers = thickness_texts(row)
        if numbers == ("-", "-") and row.get("flag") in ("", None, OUTER):
            continue
        texts = (row.get("group"), row.get("layer"), *numbers, *ratio, row.get("flag"))
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
        return "-", f"< {three_digits(high)} nm"
    pixels = _number(row, "thickness_px")
    return (f"{pixels:.2f} px", "uncalibrated") if math.isfinite(pixels) else ("-", "-")


def _components(result: Bundle) -> Iterator[object]:
    """Yield a table of the components of single spectra and short series, and a note for each long series."""
    from rich.markup import escape
    from rich.table import Table

    rows = result.table("components")
    table = Table("spectrum", "region", "component", "share", "95 % interval (%)", "flag")
    notes = []
    for (group, leaf), part in _by_region(rows):
        size = int(part.groupby("component").size().max())
        if size > LONG_SERIES:
            flagged = part.loc[part["flag"].fillna("").ne(""), "component"].nunique() if "flag" in part else 0
            thing = "component" if flagged == 1 else "components"
            name = f"{group} {leaf}".strip()
            notes.append(escape(f"{name}: {size} spectra, {flagged} {thing} with a flag; see tables/components.csv"))
            continue
        for _, row in part.iterrows():
            texts = (
                _spectrum(row, group),
                _region(row, leaf),
                row["component"],
                *share_texts(row),
                _short(row.get("flag")),
            )
            table.add_row(*(escape(str(text)) for text in texts))
    if table.row_count:
        yield table
    yield from notes


def _by_region(rows: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    leaf = rows["leaf"].fillna("").astype(str) if "leaf" in rows else rows["group"].map(lambda _: "")
    for (group, name), part in rows.groupby([rows["group"].astype(str), leaf], sort=False):
        yield (str(group), str(name)), part


def _spectrum(row: pd.Series[float], group: str) -> str:
    """Return the group, and the sample or place in a series that it does not name."""
    places = [
        f"{row[n]:g}" if isinstance(row[n], float) else str(row[n]) for n in ("sample", "cycle") if _known(row, n)
    ]
    lead = [] if group == WITHOUT_FIELDS and places else [group]
    return " ".join([*lead, *(place for place in places if place not in group)])


def _known(row: pd.Series[float], name: str) -> bool:
    return name in row and row[name] == row[name] and row[name] is not None


def _region(row: pd.Series[float], leaf: str) -> str:
    return str(row["region"]) if _known(row, "region") else leaf


def _short(flag: object) -> str:
    """Return flags without what follows a colon, each once."""
    parts = [part.partition(":")[0] for part in str(flag or "").split("; ")] if isinstance(flag, str) else []
    return "; ".join(dict.fromkeys(filter(None, parts)))


def share_texts(row: pd.Series[float]) -> tuple[str, str]:
    """Return an area percent with its standard uncertainty, and its 95 % interval, as a person reads them."""
    value, u = _number(row, "area_percent"), _number(row, "u_area_percent")
    low, high = _number(row, "area_percent_low"), _number(row, "area_percent_high")
    if not math.isfinite(value):
        return "-", "-"
    if is_only_component(value, u):
        return "100 %", "the only component"
    text, spread = with_uncertainty(value, u)
    share = f"{text} ± {spread} %" if spread != "–" else f"{rounded(value, 1)} %"
    if not math.isfinite(low + high):
        return share, "-"
    decimals = max(decimals_for(u), 0) if math.isfinite(u) and u > 0 else 1
    return share, f"{rounded(low, decimals)} to {rounded(high, decimals)}"


def _number(row: pd.Series[float], name: str) -> float:
    return float(row.get(name, math.nan))
