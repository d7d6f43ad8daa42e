"""The rows of the page's tables: numbers rounded by their uncertainty, flags, and where the uncertainty comes from."""

from __future__ import annotations

import math
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
    exists = (bundle.path / "tables" / f"{name}.parquet").exists()
    return bundle.table(name) if exists else pd.DataFrame()


def layer_rows(layers: pd.DataFrame, anchors: Mapping[str, str]) -> list[LayerRow]:
    """Return the table of layers as text, in the order of the file."""
    names = telling_fields(layers) if len(layers) else []
    return [_row(row, names, anchors) for _, row in layers.iterrows()]


def budget_rows(layers: pd.DataFrame) -> tuple[list[tuple[str, str]], list[list[str]]]:
    """Return the heads of the budget table (term, kind) and its rows: group, layer, each term that counts, in nm."""
    known = [(f"{name}_nm", term, name in SHARED) for name, term in TERMS.items() if has_term(layers, f"{name}_nm")]
    heads = [(term, "shared" if shared else "random") for _, term, shared in known]
    rows = []
    for _, row in layers.iterrows():
        total = number(row, "u_thickness_nm")
        decimals = decimals_for(total) + 1 if total > 0 else 2
        rows.append([str(row["group"]), str(row["layer"]), *(rounded(number(row, c), decimals) for c, _, _ in known)])
    return heads, rows


def has_term(layers: pd.DataFrame, column: str) -> bool:
    """Tell whether a term of the budget counts anywhere; one that is 0 throughout did not apply."""
    return column in layers and bool((layers[column].fillna(0) > 0).any())


def plain_table(table: pd.DataFrame, digits: int = 5) -> tuple[list[str], list[list[str]]]:
    """Return column names and cells of a table, numbers with so many significant digits."""
    rows = [[_cell(value, digits) for value in row] for row in table.itertuples(index=False, name=None)]
    return [str(name) for name in table.columns], rows


def number(row: pd.Series, name: str) -> float:
    """Return a cell as a number; NaN where the column is missing."""
    return float(row[name]) if name in row else float("nan")


def telling_fields(table: pd.DataFrame, thing: str = "layer") -> list[str]:
    """Return the fields of the file names: all numbers, and texts that the group's name does not show.

    Parameters
    ----------
    table : with the columns of the fields before that of the thing
    thing : layer, component ...
    """
    columns = list(table.columns)
    fields = [c for c in columns[: columns.index(thing)] if c not in NO_FIELDS]
    groups = table["group"].astype(str)
    shown = {f for f in fields if all(str(value) in group for value, group in zip(table[f], groups, strict=True))}
    return [f for f in fields if pd.api.types.is_numeric_dtype(table[f]) or f not in shown]


def _row(row: pd.Series, names: list[str], anchors: Mapping[str, str]) -> LayerRow:
    flags = [flag for flag in _text(row.get("flag")).split("; ") if flag]
    bound = any("upper bound" in flag for flag in flags)
    unit = _unit(row)
    u = number(row, f"u_thickness_{unit}")
    decimals = decimals_for(u) if u > 0 else 2
    return LayerRow(
        group=str(row["group"]),
        anchor=anchors.get(str(row["group"]), ""),
        layer=str(row["layer"]),
        fields={name: _cell(row[name]) for name in names},
        thickness=_thickness(row, unit, u, bound),
        unit=unit,
        interval="95 % upper bound" if bound else _interval(row, unit, decimals),
        random=rounded(number(row, "u_thickness_random_nm"), decimals),
        shared=rounded(number(row, "u_thickness_shared_nm"), decimals),
        spread=rounded(number(row, "sd_thickness_nm"), decimals),
        n_eff=rounded(number(row, "n_eff"), 0),
        covered=_percent(number(row, "covered_fraction")),
        flags=flags,
        shares=[] if bound else _shares(row),
    )


def _unit(row: pd.Series) -> str:
    """Return the unit in which a layer has a number: nm, px where there is no scale, nothing where there is none."""
    names = {unit: (f"thickness_{unit}", f"thickness_high_{unit}") for unit in ("nm", "px")}
    return next((unit for unit, columns in names.items() if any(math.isfinite(number(row, c)) for c in columns)), "")


def _thickness(row: pd.Series, unit: str, u: float, bound: bool) -> str:
    value, high = number(row, f"thickness_{unit}"), number(row, f"thickness_high_{unit}")
    if bound and math.isfinite(high):
        return f"≤ {rounded(high, decimals_for(u) if u > 0 else 1)}"
    text, spread = with_uncertainty(value, u)
    return text if spread == "–" else f"{text} ± {spread}"


def _interval(row: pd.Series, unit: str, decimals: int) -> str:
    low, high = number(row, f"thickness_low_{unit}"), number(row, f"thickness_high_{unit}")
    return f"{rounded(low, decimals)} to {rounded(high, decimals)}" if math.isfinite(low + high) else "–"


def _shares(row: pd.Series) -> list[Share]:
    squares = {name: number(row, f"{name}_nm") ** 2 for name in TERMS}
    squares = {name: square for name, square in squares.items() if square > 0}
    total = sum(squares.values())
    return [Share(TERMS[n], "shared" if n in SHARED else "random", 100 * s / total) for n, s in squares.items()]


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %" if math.isfinite(fraction) else "–"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _cell(value: object, digits: int = 5) -> str:
    if isinstance(value, float):
        return f"{value:.{digits}g}" if math.isfinite(value) else "–"
    return str(value)
