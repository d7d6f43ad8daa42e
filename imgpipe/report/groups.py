"""The part of the page about one group: where it comes from, its figures, its interfaces."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from imgpipe.bundle import Bundle
from imgpipe.figures import measured_leaves
from imgpipe.report.layer_rows import plain_table
from imgpipe.report.pictures import Picture

TILT_STATES = {"yes": "corrected", "no": "not corrected", "unknown": "unknown whether corrected"}
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
        ("foreshortening", TILT_STATES.get(str(attrs.get("tilt_corrected")))),
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
    own = table[table["group"].astype(str) == group].dropna(axis="columns", how="all")
    units = {"": "", "_nm": " (nm)", "_px": " (px)", "_deg": " (deg)"}
    shown = {f"{n}{end}": f"{head}{unit}" for n, head in INTERFACE_COLUMNS.items() for end, unit in units.items()}
    return plain_table(own[[c for c in shown if c in own]].rename(columns=shown), digits=3)
