"""The paragraphs for the methods section of a paper, written from what a result folder says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from imgpipe.bundle import Bundle
from imgpipe.methods.edxs import edxs_paragraphs, is_edxs
from imgpipe.methods.sections import section_paragraphs
from imgpipe.methods.spectra import is_spectral, spectrum_paragraphs
from imgpipe.store import disk_errors

__all__ = ["methods_paragraphs", "write_methods"]

NAME = "methods.txt"


def write_methods(bundle: Bundle) -> Path:
    """Write ``methods.txt`` into a result folder and return its path."""
    path = bundle.path / NAME
    with disk_errors(path):
        path.write_text("\n\n".join(methods_paragraphs(bundle)) + "\n", encoding="utf-8")
    return path


def methods_paragraphs(bundle: Bundle) -> list[str]:
    """Return the methods text of a result: what was measured, how, with which uncertainty, by which software.

    Every statement rests on the stored data (metadata, provenance); what is not known is said to be unknown.
    """
    trees = [sorted(bundle.tree(group).leaves, key=lambda node: node.path) for group in bundle.groups]
    leaves = [node.to_dataset() for nodes in trees for node in nodes]
    if not leaves:
        return ["No section was measured."]
    edxs = [leaf for leaf in leaves if is_edxs(leaf)]
    beside = [id(node) for nodes in trees for node in nodes if _is_beside(node, nodes)]
    others = [node.to_dataset() for nodes in trees for node in nodes if id(node) not in beside]
    others = [leaf for leaf in others if not is_edxs(leaf)]
    sections = [leaf for leaf in others if not is_spectral(leaf)]
    spectra = [leaf for leaf in others if is_spectral(leaf)]
    paragraphs = section_paragraphs(sections, _table(bundle, "layers")) if sections else []
    paragraphs += spectrum_paragraphs(spectra) if spectra else []
    paragraphs += edxs_paragraphs(edxs, len(beside)) if edxs else []
    return [*paragraphs, _software(bundle, edxs=bool(edxs))]


def _is_beside(node: xr.DataTree, nodes: Sequence[xr.DataTree]) -> bool:
    """Tell whether a leaf is an image that came along with EDXS, in which no layers were looked for."""
    leaf = node.to_dataset()
    plain = "image" in leaf and not is_edxs(leaf) and not {"layer", "interface"} & set(leaf.dims)
    return plain and any(is_edxs(other.to_dataset()) for other in nodes)


def _table(bundle: Bundle, name: str) -> pd.DataFrame:
    return bundle.table(name) if (bundle.path / "tables" / f"{name}.parquet").exists() else pd.DataFrame()


def _software(bundle: Bundle, *, edxs: bool) -> str:
    info = bundle.info
    versions = info.get("versions", {})
    names = ("numpy", "scipy", *(("hyperspy", "exspy", "xraylib", "rosettasciio") if edxs else ("scikit-image",)))
    used = [f"{name} {versions[name]}" for name in (*names, "xarray") if name in versions]
    on = f" on {', '.join(used)}" if used else ""
    return f"Analysis: imgpipe {info.get('imgpipe', '(version unknown)')}{on}; the recipe is kept with the results."
