"""The rows of the table of components: position, width and share of each, a long series in one row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from imgpipe.figures.share_overview import LONG_SERIES, region_column, spectrum_labels
from imgpipe.report.layer_rows import number, telling_fields
from imgpipe.rounding import decimals_for, rounded, with_uncertainty


@dataclass(frozen=True)
class ShareRow:
    """One row of the table of components, as text."""

    group: str
    anchor: str
    fields: Mapping[str, str]
    region: str
    component: str
    position: str
    fwhm: str
    share: str
    interval: str
    model: str
    of: str
    flags: list[str]

    @property
    def marks(self) -> list[tuple[str, list[str]]]:
        """Beginning of each flag, once, with the flags that begin so."""
        found: dict[str, list[str]] = {}
        for flag in self.flags:
            found.setdefault(flag.partition(":")[0], []).append(flag)
        return list(found.items())


def share_rows(components: pd.DataFrame, anchors: Mapping[str, str]) -> list[ShareRow]:
    """Return the table of components as text, in the order of the file; a long series takes one row per component."""
    if components.empty:
        return []
    table = components.assign(**{_REGION: region_column(components), _PLACE: spectrum_labels(components)})
    names = [n for n in telling_fields(components, "component") if n != "region"]
    rows: list[ShareRow] = []
    for (group, _), part in table.groupby(["group", _REGION], sort=False):
        anchor = anchors.get(str(group), "")
        if part[_PLACE].nunique() <= LONG_SERIES:
            rows += [_row(row, names, anchor) for _, row in part.iterrows()]
        else:
            rows += [_series(one, names, anchor) for _, one in part.groupby("component", sort=False)]
    return rows


_REGION, _PLACE = "_region", "_place"


def _row(row: pd.Series, names: list[str], anchor: str) -> ShareRow:
    share, u = number(row, "area_percent"), number(row, "u_area_percent")
    low, high = number(row, "area_percent_low"), number(row, "area_percent_high")
    return ShareRow(
        group=str(row["group"]),
        anchor=anchor,
        fields={name: _cell(row[name]) for name in names},
        region=str(row[_REGION]),
        component=str(row["component"]),
        position=_with_u(number(row, "position_eV"), number(row, "u_position_eV"), 2),
        fwhm=_with_u(number(row, "fwhm_eV"), number(row, "u_fwhm_eV"), 2),
        share=_with_u(share, u, 1),
        interval=interval_text(low, high, u),
        model=rounded(number(row, "u_model_percent"), 1),
        of=_text(row.get("denominator")),
        flags=[flag for flag in _text(row.get("flag")).split("; ") if flag],
    )


def interval_text(low: float, high: float, u: float) -> str:
    """Return a 95 % interval of a share; one that starts at zero is an upper bound."""
    if not math.isfinite(low + high):
        return "–"
    width = u if u > 0 else 0.5 * (high - low) / 1.96
    decimals = min(max(decimals_for(width), 0), 2) if width > 0 else 1
    return (
        f"< {rounded(high, decimals)}" if low <= 0 < high else f"{rounded(low, decimals)} to {rounded(high, decimals)}"
    )


def _series(part: pd.DataFrame, names: list[str], anchor: str) -> ShareRow:
    first = part.iloc[0]
    flagged = part["flag"].fillna("").astype(str) if "flag" in part else pd.Series("", index=part.index)
    kinds = dict.fromkeys(flag for text in flagged for flag in text.split("; ") if flag)
    same = {name: _cell(part[name].iloc[0]) if part[name].nunique() == 1 else _span(part[name]) for name in names}
    return ShareRow(
        group=str(first["group"]),
        anchor=anchor,
        fields=same,
        region=str(first[_REGION]),
        component=str(first["component"]),
        position=_range(part, "position_eV", 2),
        fwhm=_range(part, "fwhm_eV", 2),
        share=_range(part, "area_percent", 1),
        interval=f"{part[_PLACE].nunique()} spectra",
        model=_range(part, "u_model_percent", 1),
        of=_text(first.get("denominator")),
        flags=list(kinds),
    )


def _range(part: pd.DataFrame, name: str, decimals: int) -> str:
    values = part[name].dropna() if name in part else pd.Series(dtype=float)
    if values.empty:
        return "–"
    low, high = rounded(float(values.min()), decimals), rounded(float(values.max()), decimals)
    return low if low == high else f"{low} to {high}"


def _span(values: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(values):
        return f"{values.min():.5g} to {values.max():.5g}"
    return f"{values.nunique()} different"


def _with_u(value: float, u: float, decimals: int) -> str:
    text, spread = with_uncertainty(value, u)
    return rounded(value, decimals) if spread == "–" else f"{text} ± {spread}"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.5g}" if math.isfinite(value) else "–"
    return str(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
