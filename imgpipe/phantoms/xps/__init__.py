"""Photoelectron spectra with a known truth, built from natural lines, broadening, explicit losses and counting."""

from __future__ import annotations

from imgpipe.phantoms.xps.making import PRESETS, Preset, make, make_batch, of_region
from imgpipe.phantoms.xps.systematics import MATCHED, MATCHED_ARGYRODITE, MATCHED_SERIES, draw_systematics
from imgpipe.phantoms.xps.vamas import write_vamas

__all__ = [
    "MATCHED",
    "MATCHED_ARGYRODITE",
    "MATCHED_SERIES",
    "PRESETS",
    "Preset",
    "draw_systematics",
    "make",
    "make_batch",
    "of_region",
    "write_vamas",
]
