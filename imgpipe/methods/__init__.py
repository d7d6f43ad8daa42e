"""The paragraphs for the methods section of a paper, written from what a result folder says of itself."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from imgpipe.bundle import Bundle
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
    sections = [leaf for leaf in leaves if not is_spectral(leaf)]
    spectra = [leaf for leaf in leaves if is_spectral(leaf)]
    if not leaves:
        return ["No section was measured."]
    paragraphs = section_paragraphs(sections, _table(bundle, "layers")) if sections else []
    paragraphs += spectrum_paragraphs(spectra) if spectra else []
    return [*paragraphs, _software(bundle)]


def _table(bundle: Bundle, name: str) -> pd.DataFrame:
    return bundle.table(name) if (bundle.path / "tables" / f"{name}.parquet").exists() else pd.DataFrame()


def _software(bundle: Bundle) -> str:
    info = bundle.info
    versions = info.get("versions", {})
    used = [f"{name} {versions[name]}" for name in ("numpy", "scipy", "scikit-image", "xarray") if name in versions]
    on = f" on {', '.join(used)}" if used else ""
    return f"Analysis: imgpipe {info.get('imgpipe', '(version unknown)')}{on}; the recipe is kept with the results."
