"""The part of the page about one group: where it comes from, its figures, its interfaces."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from imgpipe.bundle import Bundle
from imgpipe.figures import measured_leaves
from imgpipe.report.layer_rows import NO_FIELDS, plain_table
from imgpipe.report.pictures import Picture

Cells = tuple[list[str], list[list[str]]]


@dataclass(frozen=True)
class Section:
    """One group on the page."""

    name: str
    anchor: str
    facts: list[tuple[str, str]]
    flags: list[str]
    pictures: list[Picture]
    interfaces: Cells


def group_section(bundle: Bundle, name: str, interfaces: pd.DataFrame, pictures: list[Picture]) -> Section:
    """Return what the page says of one group."""
    leaf = next((leaf for _, leaf in measured_leaves(bundle.tree(name))), xr.Dataset())
    flags = [flag for flag in str(leaf.attrs.get("flags", "")).split("; ") if flag]
    return Section(name, anchor_of(name), leaf_facts(leaf), flags, pictures, _interfaces(interfaces, name))


def anchor_of(name: str) -> str:
    """Return a name that can be linked to; equal names give equal anchors."""
    return "group-" + re.sub(r"[^0-9A-Za-z]+", lambda match: "".join(f"-{ord(c):x}" for c in match[0]), name)


def leaf_facts(leaf: xr.Dataset) -> list[tuple[str, str]]:
    """Return the metadata a reader asks for first; what the file does not say is left out."""
    attrs = leaf.attrs
    facts = [
        ("file", attrs.get("source_file")),
        ("instrument", attrs.get("instrument")),
        ("detector", attrs.get("detector")),
        ("beam energy", _scalar(leaf, "beam_energy", 1e-3, "kV")),
        ("pixel size", _scalar(leaf, "pixel_size_x", 1.0, "nm") or "unknown"),
        ("stage tilt", _scalar(leaf, "stage_tilt", 1.0, "°")),
        ("face angle", _scalar(leaf, "face_angle", 1.0, "°")),
        ("corrected by the instrument", attrs.get("tilt_corrected")),
        ("image", " × ".join(str(leaf.sizes[d]) for d in ("x", "y") if d in leaf.sizes) + " px"),
    ]
    return [(label, str(value)) for label, value in facts if value]


def _scalar(leaf: xr.Dataset, name: str, factor: float, unit: str) -> str:
    if name not in leaf or leaf[name].ndim:
        return ""
    return f"{factor * float(leaf[name]):.5g}{'' if unit == '°' else ' '}{unit}"


def _interfaces(table: pd.DataFrame, group: str) -> Cells:
    if table.empty:
        return [], []
    own = table[table["group"].astype(str) == group]
    kept = [c for c in own.columns[own.columns.get_loc("interface") :] if c == "interface" or c not in NO_FIELDS]
    return plain_table(own[kept])
