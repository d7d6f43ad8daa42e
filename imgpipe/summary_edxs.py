"""What a run prints of EDXS: interfaces, claims on segregation, what was not found, and flags that all rows share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imgpipe.bundle import Bundle
from imgpipe.key_numbers import ALL, NOT_ASSESSABLE, NOT_DETECTED
from imgpipe.rounding import three_digits, with_uncertainty

if TYPE_CHECKING:
    import pandas as pd

Common = dict[str, list[str]]
"""Group, and leaf where there are several -> flags that all its rows share."""


def edxs_groups(result: Bundle) -> set[str]:
    """Return the groups in which lines of elements were measured."""
    return set(result.table("elements")["group"].astype(str)) if _has(result, "elements") else set()


def edxs_parts(result: Bundle) -> Iterator[object]:
    """Yield a table of the interfaces, then a line for each shared flag, each claim and what was not found."""
    from rich.markup import escape

    if not _has(result, "elements"):
        return
    groups = edxs_groups(result)
    common: dict[str, Common] = {}
    if _has(result, "layers"):
        common["layers"] = without_common(result.table("layers"), groups)[1]
    rows = result.table("interfaces") if _has(result, "interfaces") else None
    if rows is not None and {"boundary", "element"} <= set(rows):
        own, common["interfaces"] = without_common(_joint(rows), groups)
        yield _interfaces(own)
    yield from map(escape, _shared(common))
    if _has(result, "gradients"):
        for _, row in result.table("gradients").iterrows():
            yield escape(f"{row['group']}: {row.get('element')} in {row.get('in_layer')}: {row.get('claim')}")
    yield from map(escape, _missing(result.table("elements")))


def _joint(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the joint row of each boundary; those of all elements in a group that has none."""
    known = rows[rows["boundary"].notna()]
    joint = known["element"] == ALL
    return known[joint | ~known["group"].isin(known.loc[joint, "group"])]


def _interfaces(rows: pd.DataFrame) -> object:
    from rich.markup import escape
    from rich.table import Table

    table = Table("group", "interface", "position", "width (sigma)", "flag")
    for _, row in rows.iterrows():
        texts = (row.get("group"), row.get("boundary"), *interface_texts(row), row.get("flag"))
        table.add_row(*(escape("" if text is None else str(text)) for text in texts))
    return table


def _missing(elements: pd.DataFrame) -> Iterator[str]:
    """Yield the elements of each group that were not detected, and those that could not be assessed."""
    if "flag" not in elements:
        return
    flags = elements["flag"].fillna("").astype(str)
    for word in (NOT_DETECTED, NOT_ASSESSABLE):
        missing = elements[flags.str.contains(word)]
        for group in dict.fromkeys(missing["group"].astype(str)):
            names = dict.fromkeys(missing.loc[missing["group"] == group, "element"].astype(str))
            yield f"{group}: {word}: {', '.join(names)}"


def without_common(rows: pd.DataFrame, groups: set[str]) -> tuple[pd.DataFrame, Common]:
    """Return rows without the flags that all rows of their leaf share, and these flags.

    Parameters
    ----------
    rows : with the columns group and flag, and leaf where there are several
    groups : in which this is done; the rows of others stay as they are
    """
    if "flag" not in rows:
        return rows, {}
    texts = rows["flag"].fillna("").astype(str)
    leaves = rows["leaf"].fillna("").astype(str) if "leaf" in rows else texts.map(lambda _: "")
    several = leaves.groupby(rows["group"].astype(str)).nunique()
    found: Common = {}
    made = dict(texts)
    for (group, leaf), part in texts.groupby([rows["group"].astype(str), leaves], sort=False):
        if group not in groups or len(part) < 2:
            continue
        each = [[flag for flag in text.split("; ") if flag] for text in part]
        shared = [flag for flag in each[0] if all(flag in other for other in each)]
        found |= {f"{group} {leaf}" if several[group] > 1 else str(group): shared} if shared else {}
        own = ["; ".join(flag for flag in flags if flag not in shared) for flags in each]
        made |= dict(zip(part.index, own, strict=True))
    return rows.assign(flag=[made[place] for place in rows.index]), found


def _shared(common: dict[str, Common]) -> Iterator[str]:
    """Yield one line for the flags that all layers and interfaces share, and one for those of all rows of a table."""
    for name in dict.fromkeys(name for found in common.values() for name in found):
        lists = {table: found[name] for table, found in common.items() if name in found}
        first, *others = lists.values()
        both = [flag for flag in first if others and all(flag in other for other in others)]
        if both:
            yield f"{name}: {'; '.join(both)}"
        for table, flags in lists.items():
            if rest := [flag for flag in flags if flag not in both]:
                yield f"{name}: all {table}: {'; '.join(rest)}"


def _has(result: Bundle, name: str) -> bool:
    return (result.path / "tables" / f"{name}.parquet").exists()


def interface_texts(row: pd.Series[float]) -> tuple[str, str]:
    """Return position and intrinsic width of an interface, or the bound of the width, as a person reads them."""
    position, u = (_first(row, name) for name in ("position", "u_position"))
    width, u_width, bound = (_first(row, name) for name in ("width", "u_width", "width_bound"))
    unit = "nm" if math.isfinite(_number(row, "position_nm")) else "px"
    at = _plus_minus(position, u, unit)
    if not math.isfinite(width) and math.isfinite(bound):
        return at, f"< {three_digits(bound)} {unit}"
    return at, _plus_minus(width, u_width, unit)


def _first(row: pd.Series[float], name: str) -> float:
    """Return a length in nm, or in px where there is no scale."""
    return next((v for unit in ("nm", "px") if math.isfinite(v := _number(row, f"{name}_{unit}"))), math.nan)


def _plus_minus(value: float, u: float, unit: str) -> str:
    if not math.isfinite(value):
        return "-"
    text, spread = with_uncertainty(value, u)
    return f"{text} {unit}" if spread == "–" else f"{text} ± {spread} {unit}"


def _number(row: pd.Series[float], name: str) -> float:
    return float(row.get(name, math.nan))
