"""The page's tables over all EDXS groups: layers, interfaces, and the sentences that may be claimed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from imgpipe.bundle import Bundle
from imgpipe.figures import leaf_kind, measured_leaves
from imgpipe.figures.edxs_data import OUTER
from imgpipe.figures.edxs_overview import best_rows
from imgpipe.report.edxs_claims import claims, unseen_layers
from imgpipe.report.layer_rows import number, telling_fields
from imgpipe.rounding import decimals_for, rounded, three_digits, with_uncertainty

UNSEEN = "no element of it detected"
"""Flag of a layer of which no line rises above its limit."""
Places = frozenset[tuple[str, str]]
"""Group and leaf of each EDXS leaf."""


@dataclass(frozen=True)
class EdxsRow:
    """One layer or interface of one group, as text."""

    group: str
    anchor: str
    leaf: str
    fields: Mapping[str, str]
    thing: str
    kind: str
    value: str
    interval: str
    other: str
    flags: list[str]


@dataclass(frozen=True)
class EdxsPart:
    """What the page says over all EDXS groups."""

    rows: list[EdxsRow] = field(default_factory=list)
    claims: list[tuple[str, str, str]] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)

    @property
    def flagged(self) -> int:
        """Number of rows with a flag."""
        return sum(1 for row in self.rows if row.flags)

    @property
    def fields(self) -> list[str]:
        """Names of the fields of the file names."""
        return list(self.rows[0].fields) if self.rows else []


def edxs_places(bundle: Bundle) -> Places:
    """Return group and leaf of every EDXS leaf of a result."""
    return frozenset(
        (group, name)
        for group in bundle.groups
        for name, leaf in measured_leaves(bundle.tree(group))
        if leaf_kind(leaf) == "edxs"
    )


def of_places(table: pd.DataFrame, places: Places, *, inside: bool = True) -> pd.DataFrame:
    """Return the rows of a table that belong to these leaves, or (`inside` false) the others."""
    if table.empty or "group" not in table:
        return table
    groups = {group for group, _ in places}
    if "leaf" in table:
        pairs = zip(table["group"].astype(str), table["leaf"], strict=True)
        found = [(group, str(leaf)) in places if isinstance(leaf, str) else group in groups for group, leaf in pairs]
    else:
        found = [group in groups for group in table["group"].astype(str)]
    chosen = pd.Series(found, index=table.index)
    return table[chosen if inside else ~chosen]


def edxs_part(
    bundle: Bundle, layers: pd.DataFrame, interfaces: pd.DataFrame, anchors: Mapping[str, str], places: Places
) -> EdxsPart:
    """Return what the page says over all EDXS groups; `layers` and `interfaces` are the tables of these alone."""
    whole = _flags_of_leaves(bundle, places)  # said once, in the part about the group
    rows = [*_rows(layers, "layer", "thickness", anchors), *_rows(best_rows(interfaces), "boundary", "width", anchors)]
    rows = [replace(row, flags=[flag for flag in row.flags if flag not in whole.get(row.group, ())]) for row in rows]
    unseen = _unseen(bundle, places)
    rows = [replace(row, flags=[*row.flags, UNSEEN]) if _place(row) in unseen else row for row in rows]
    order = {group: number for number, group in enumerate(dict.fromkeys(row.group for row in rows))}
    rows.sort(key=lambda row: order[row.group])
    said = [
        (group, anchors.get(group, ""), f"{name}: {text}" if len(_leaves_of(places, group)) > 1 else text)
        for group, name, text in _claims(bundle, places)
    ]
    return EdxsPart(rows, said, [flag for row in rows for flag in row.flags])


def _flags_of_leaves(bundle: Bundle, places: Places) -> dict[str, set[str]]:
    """Return for each group the flags that concern a leaf as a whole, which the tables repeat on each row."""
    found: dict[str, set[str]] = {}
    for group in bundle.groups:
        for name, leaf in measured_leaves(bundle.tree(group)):
            if (group, name) in places:
                found.setdefault(group, set()).update(str(leaf.attrs.get("flags", "")).split("; "))
    return found


def _unseen(bundle: Bundle, places: Places) -> set[tuple[str, str, str]]:
    """Return group, leaf ("" too, as a table of one leaf has no such column) and layer of what no line shows."""
    return {
        (group, leaf, layer)
        for group in bundle.groups
        for name, data in measured_leaves(bundle.tree(group))
        if (group, name) in places
        for layer in unseen_layers(data)
        for leaf in ((name, "") if len(_leaves_of(places, group)) == 1 else (name,))
    }


def _place(row: EdxsRow) -> tuple[str, str, str]:
    return row.group, row.leaf, row.thing


def _leaves_of(places: Places, group: str) -> list[str]:
    return [leaf for one, leaf in places if one == group]


def _claims(bundle: Bundle, places: Places) -> Iterator[tuple[str, str, str]]:
    for group in bundle.groups:
        for name, leaf in measured_leaves(bundle.tree(group)):
            if (group, name) in places:
                for text in claims(leaf):
                    yield group, name, text


def _rows(table: pd.DataFrame, thing: str, quantity: str, anchors: Mapping[str, str]) -> Iterator[EdxsRow]:
    if thing not in table:
        return
    known = "layer" if thing == "layer" else "interface"
    fields = telling_fields(table, known) if known in table else []
    for _, row in table.iterrows():
        made = _row(row, thing, quantity, anchors, fields)
        if made.value != "–" or set(made.flags) - {OUTER}:
            yield made


def _row(row: pd.Series, thing: str, quantity: str, anchors: Mapping[str, str], fields: list[str]) -> EdxsRow:
    unit = "nm" if any(math.isfinite(number(row, f"{n}_nm")) for n in _names(quantity)) else "px"
    value, u, low, high, bound = (number(row, f"{n}_{unit}") for n in _names(quantity))
    bound = high if quantity == "thickness" else bound
    bounded = not math.isfinite(value) and math.isfinite(bound)
    unresolved = f"≤ {three_digits(bound)}" if bounded else "–"
    text, spread = with_uncertainty(value, u) if math.isfinite(value) else (unresolved, "–")
    decimals = decimals_for(u) if u > 0 else 1
    interval = f"{rounded(low, decimals)} to {rounded(high, decimals)}" if math.isfinite(low + high) else "–"
    flag = row.get("flag")
    return EdxsRow(
        group=str(row["group"]),
        anchor=anchors.get(str(row["group"]), ""),
        leaf=str(row["leaf"]) if isinstance(row.get("leaf"), str) else "",
        fields={name: f"{row[name]:g}" if isinstance(row[name], float) else str(row[name]) for name in fields},
        thing=str(row[thing]),
        kind="thickness of the layer" if thing == "layer" else "width of the interface (sigma)",
        value=(text if spread == "–" else f"{text} ± {spread}") + (f" {unit}" if text != "–" else ""),
        interval="95 % upper bound" if bounded else interval,
        other=_other(row, thing, unit),
        flags=[one for one in str(flag).split("; ") if one] if isinstance(flag, str) else [],
    )


def _names(quantity: str) -> tuple[str, str, str, str, str]:
    return quantity, f"u_{quantity}", f"{quantity}_low", f"{quantity}_high", f"{quantity}_bound"


def _other(row: pd.Series, thing: str, unit: str) -> str:
    """Return the smallest thickness that could be resolved, or where the interface lies."""
    if thing == "layer":
        least = number(row, f"smallest_resolvable_{unit}")
        return f"resolvable from {three_digits(least)} {unit}" if math.isfinite(least) else ""
    at, u = number(row, f"position_{unit}"), number(row, f"u_position_{unit}")
    if not math.isfinite(at):
        return ""
    text, spread = with_uncertainty(at, u)
    return f"at {text if spread == '–' else f'{text} ± {spread}'} {unit}"
