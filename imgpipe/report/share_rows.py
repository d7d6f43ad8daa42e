"""The rows of the table of components: position, width and share of each, a long series in one row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from imgpipe.figures.share_overview import LONG_SERIES, region_column, spectrum_labels
from imgpipe.model import SERIES_DIMS
from imgpipe.report.layer_rows import number, telling_fields
from imgpipe.rounding import decimals_for, is_only_component, rounded, with_uncertainty


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
    fit: list[str]
    """Flags of the whole fit of the spectrum."""

    @property
    def marks(self) -> list[tuple[str, list[str]]]:
        """Beginning of each flag, once, with the flags that begin so."""
        found: dict[str, list[str]] = {}
        for flag in (*self.fit, *self.flags):
            found.setdefault(flag.partition(":")[0], []).append(flag)
        return list(found.items())


def share_rows(
    components: pd.DataFrame, anchors: Mapping[str, str], regions: pd.DataFrame | None = None
) -> list[ShareRow]:
    """Return the table of components as text, in the order of the file; a long series takes one row per component.

    Parameters
    ----------
    components : the table ``components``
    anchors : group -> where it stands on the page
    regions : the table ``regions``, whose ``fit_flag`` tells of misfits
    """
    if components.empty:
        return []
    table = components.assign(**{_REGION: region_column(components), _PLACE: spectrum_labels(components)})
    table[_FIT] = _fit_flags(table, regions)
    names = [n for n in telling_fields(components, "component") if n != "region"]
    rows: list[ShareRow] = []
    for (group, _), part in table.groupby(["group", _REGION], sort=False):
        anchor = anchors.get(str(group), "")
        if part[_PLACE].nunique() <= LONG_SERIES:
            rows += [_row(row, names, anchor) for _, row in part.iterrows()]
        else:
            rows += [_series(one, names, anchor) for _, one in part.groupby("component", sort=False)]
    return rows


def without_common(rows: list[ShareRow]) -> tuple[list[ShareRow], list[str]]:
    """Return the rows without the flags that all of them have, and these flags: said once, they are read."""
    if len(rows) < 2:
        return rows, []
    common = [flag for flag in rows[0].flags if all(flag in row.flags for row in rows)]
    return [replace(row, flags=[flag for flag in row.flags if flag not in common]) for row in rows], common


_REGION, _PLACE, _FIT = "_region", "_place", "_fit"
OF_THE_WHOLE = ("misfit", "not converged")
"""Flags of a fit that concern every share of its spectrum."""


def _fit_flags(table: pd.DataFrame, regions: pd.DataFrame | None) -> list[str]:
    """Return for each component the flags of the fit that it comes from, "; " between them."""
    if regions is None or regions.empty or not {"fit_flag", "region"} <= set(regions):
        return [""] * len(table)
    known = [
        c for c in map(str, regions) if c in table and (c in ("group", "leaf") or c.partition("_")[0] in SERIES_DIMS)
    ]
    places = zip(*(regions[c].astype(str) for c in (*known, "region")), strict=True)
    flags = dict(zip(places, map(_text, regions["fit_flag"]), strict=True))
    rows = zip(*(table[c].astype(str) for c in (*known, _REGION)), strict=True)
    found = [flags.get(row, "").split("; ") for row in rows]
    return ["; ".join(flag for flag in one if flag.startswith(OF_THE_WHOLE)) for one in found]


def _row(row: pd.Series, names: list[str], anchor: str) -> ShareRow:
    share, u = number(row, "area_percent"), number(row, "u_area_percent")
    low, high = number(row, "area_percent_low"), number(row, "area_percent_high")
    only = is_only_component(share, u)
    return ShareRow(
        group=str(row["group"]),
        anchor=anchor,
        fields={name: _cell(row[name]) for name in names},
        region=str(row[_REGION]),
        component=str(row["component"]),
        position=_with_u(number(row, "position_eV"), number(row, "u_position_eV"), 2),
        fwhm=_with_u(number(row, "fwhm_eV"), number(row, "u_fwhm_eV"), 2),
        share="100" if only else _with_u(share, u, 1),
        interval="the only component" if only else interval_text(low, high, u),
        model=rounded(number(row, "u_model_percent"), 1),
        of=_text(row.get("denominator")),
        flags=_kinds([_text(row.get("flag"))]),
        fit=_kinds([str(row[_FIT])]),
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
        flags=_kinds(flagged),
        fit=_kinds(part[_FIT]),
    )


def _kinds(texts: Iterable[str]) -> list[str]:
    """Return the flags that occur, each once."""
    return list(dict.fromkeys(flag for text in texts for flag in text.split("; ") if flag))


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
