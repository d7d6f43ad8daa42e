"""The rows of the page's tables: numbers rounded by their uncertainty, flags, and where the uncertainty comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from imgpipe.bundle import Bundle
from imgpipe.figures.budget import SHARED, TERMS
from imgpipe.rounding import decimals_for, rounded, with_uncertainty

NO_FIELDS = ("group", "leaf", "layer", "interface")


@dataclass(frozen=True)
class Share:
    """The part that one term has in the variance of a thickness, %."""

    term: str
    kind: str
    percent: float


@dataclass(frozen=True)
class LayerRow:
    """One row of the table of layers, as text."""

    group: str
    anchor: str
    layer: str
    fields: Mapping[str, str]
    thickness: str
    unit: str
    interval: str
    random: str
    shared: str
    spread: str
    n_eff: str
    covered: str
    flags: list[str]
    shares: list[Share] = field(default_factory=list)

    @property
    def largest(self) -> Share | None:
        """Term with the largest part."""
        return max(self.shares, key=lambda share: share.percent, default=None)


def read_table(bundle: Bundle, name: str) -> pd.DataFrame:
    """Return a table of the result; an empty one when no group was measured."""
    exists = (bundle.path / "tables" / f"{name}.csv").exists()
    return bundle.table(name) if exists else pd.DataFrame()


def layer_rows(layers: pd.DataFrame, anchors: Mapping[str, str]) -> list[LayerRow]:
    """Return the table of layers as text, in the order of the file."""
    columns = list(layers.columns)
    names = [c for c in columns[: columns.index("layer")] if c not in NO_FIELDS] if len(layers) else []
    return [_row(row, names, anchors) for _, row in layers.iterrows()]


def budget_rows(layers: pd.DataFrame) -> tuple[list[tuple[str, str]], list[list[str]]]:
    """Return the heads of the budget table (term, kind) and its rows: group, layer, then each term in nm."""
    known = [(f"{name}_nm", term, name in SHARED) for name, term in TERMS.items() if f"{name}_nm" in layers]
    heads = [(term, "shared" if shared else "random") for _, term, shared in known]
    rows = []
    for _, row in layers.iterrows():
        total = number(row, "u_thickness_nm")
        decimals = decimals_for(total) + 1 if total > 0 else 2
        rows.append([str(row["group"]), str(row["layer"]), *(rounded(number(row, c), decimals) for c, _, _ in known)])
    return heads, rows


def plain_table(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return column names and cells of a table, numbers with five significant digits."""
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False, name=None)]
    return [str(name) for name in table.columns], rows


def number(row: pd.Series, name: str) -> float:
    """Return a cell as a number; NaN where the column is missing."""
    return float(row[name]) if name in row else float("nan")


def _row(row: pd.Series, names: list[str], anchors: Mapping[str, str]) -> LayerRow:
    flags = [flag for flag in str(row.get("flag", "")).split("; ") if flag]
    u = number(row, "u_thickness_nm")
    bound = any("upper bound" in flag for flag in flags)
    thickness, unit, interval = _thickness(row, u, bound)
    decimals = decimals_for(u) if u > 0 else 2
    return LayerRow(
        group=str(row["group"]),
        anchor=anchors.get(str(row["group"]), ""),
        layer=str(row["layer"]),
        fields={name: _cell(row[name]) for name in names},
        thickness=thickness,
        unit=unit,
        interval=interval,
        random=rounded(number(row, "u_thickness_random_nm"), decimals),
        shared=rounded(number(row, "u_thickness_shared_nm"), decimals),
        spread=rounded(number(row, "sd_thickness_nm"), decimals),
        n_eff=rounded(number(row, "n_eff"), 0),
        covered=_percent(number(row, "covered_fraction")),
        flags=flags,
        shares=[] if bound else _shares(row),
    )


def _thickness(row: pd.Series, u: float, bound: bool) -> tuple[str, str, str]:
    """Return thickness, unit and 95 % interval as text."""
    value, low, high = (number(row, f"{name}_nm") for name in ("thickness", "thickness_low", "thickness_high"))
    decimals = decimals_for(u) if u > 0 else 1
    if bound and high == high:
        return f"≤ {rounded(high, decimals)}", "nm", "95 % upper bound"
    if value == value:
        text, spread = with_uncertainty(value, u)
        interval = f"{rounded(low, decimals)} to {rounded(high, decimals)}" if low == low else "–"
        return (text if spread == "–" else f"{text} ± {spread}"), "nm", interval
    in_px = number(row, "thickness_px")
    return (with_uncertainty(in_px, float("nan"))[0], "px", "–") if in_px == in_px else ("–", "", "–")


def _shares(row: pd.Series) -> list[Share]:
    squares = {name: number(row, f"{name}_nm") ** 2 for name in TERMS}
    squares = {name: square for name, square in squares.items() if square > 0}
    total = sum(squares.values())
    return [Share(TERMS[n], "shared" if n in SHARED else "random", 100 * s / total) for n, s in squares.items()]


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %" if fraction == fraction else "–"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.5g}" if value == value else "–"
    return str(value)
