"""The part of the page about one group: where it comes from, its flags, its figures, its tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from imgpipe.bundle import Bundle
from imgpipe.figures import leaf_kind, measured_leaves
from imgpipe.report.edxs_tables import edxs_facts, edxs_tables
from imgpipe.report.layer_rows import plain_table
from imgpipe.report.leaf_words import FACTS, TABLES, Cells, Facts
from imgpipe.report.pictures import Picture

INTERFACE_COLUMNS = {
    "interface": "interface",
    "roughness": "roughness",
    "roughness_correlation_length": "correlation length",
    "edge_width_sigma": "edge width sigma",
    "edge_width_20_80": "20 to 80 %",
    "edge_width_16_84": "16 to 84 %",
    "slope": "slope",
    "interface_covered_fraction": "covered fraction",
}
"""Variables of an interface that the page shows for each group, and their heads; the rest stands under All columns."""
OWN_FACTS = {**FACTS, "edxs": edxs_facts}
OWN_TABLES = {**TABLES, "edxs": edxs_tables}
"""Kind of leaf -> what is said of it, and its tables."""


@dataclass(frozen=True)
class Section:
    """One group on the page.

    Attributes
    ----------
    facts : what all its leaves have in common
    tables : heading and cells of each
    """

    name: str
    anchor: str
    facts: Facts
    flags: list[str]
    pictures: list[Picture]
    tables: list[tuple[str, Cells]]


def group_section(bundle: Bundle, name: str, interfaces: pd.DataFrame, pictures: list[Picture]) -> Section:
    """Return what the page says of one group."""
    leaves = dict(measured_leaves(bundle.tree(name))) or {"": xr.Dataset()}
    facts = {leaf: OWN_FACTS[leaf_kind(data) or "section"](data) for leaf, data in leaves.items()}
    flags = dict.fromkeys(
        flag for leaf in leaves.values() for flag in str(leaf.attrs.get("flags", "")).split("; ") if flag
    )
    tables = [
        ("Interfaces", _interfaces(interfaces, name)),
        (_together(leaves), _different(facts)),
        *_leaf_tables(leaves),
    ]
    shown = [(heading, cells) for heading, cells in tables if cells[1]]
    return Section(name, anchor_of(name), _common(facts), list(flags), pictures, shown)


def anchor_of(name: str) -> str:
    """Return a name that can be linked to; equal names give equal anchors."""
    return "group-" + re.sub(r"[^0-9A-Za-z]+", lambda match: "".join(f"-{ord(c):x}" for c in match[0]), name)


def _together(leaves: dict[str, xr.Dataset]) -> str:
    """Return the heading of what tells the leaves of a group apart."""
    return "Acquisitions" if any(leaf_kind(leaf) == "edxs" for leaf in leaves.values()) else "Spectra"


def _common(facts: dict[str, Facts]) -> Facts:
    """Return the facts that are the same for every leaf."""
    first, *others = facts.values()
    return [fact for fact in first if all(fact in other for other in others)]


def _different(facts: dict[str, Facts]) -> Cells:
    """Return the facts in which the leaves differ, one row per leaf."""
    common = _common(facts)
    rest = {leaf: {label: value for label, value in own if (label, value) not in common} for leaf, own in facts.items()}
    heads = list(dict.fromkeys(label for own in rest.values() for label in own))
    if not heads:
        return [], []
    return ["", *heads], [[leaf, *(own.get(head, "–") for head in heads)] for leaf, own in rest.items()]


def _leaf_tables(leaves: dict[str, xr.Dataset]) -> list[tuple[str, Cells]]:
    several = len(leaves) > 1
    return [
        (f"{leaf}: {heading[:1].lower()}{heading[1:]}" if several else heading, cells)
        for leaf, data in leaves.items()
        for heading, cells in OWN_TABLES[leaf_kind(data) or "section"](data).items()
    ]


def _interfaces(table: pd.DataFrame, group: str) -> Cells:
    if table.empty:
        return [], []
    own = table[table["group"].astype(str) == group].dropna(axis="columns", how="all")
    units = {"": "", "_nm": " (nm)", "_px": " (px)", "_deg": " (deg)"}
    shown = {f"{n}{end}": f"{head}{unit}" for n, head in INTERFACE_COLUMNS.items() for end, unit in units.items()}
    found = [c for c in shown if c in own]
    return plain_table(own[found].rename(columns=shown), digits=3) if len(found) > 1 else ([], [])
