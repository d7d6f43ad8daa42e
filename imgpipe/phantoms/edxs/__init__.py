"""X-ray spectra of layers in a milled face, by Monte Carlo of electron paths, emission and absorption."""

from __future__ import annotations

from imgpipe.phantoms.edxs.detector import Detector
from imgpipe.phantoms.edxs.making import make, make_profiles
from imgpipe.phantoms.edxs.presets import SCANS, Scan
from imgpipe.phantoms.edxs.slabs import Layer
from imgpipe.phantoms.edxs.spectra import Exposure
from imgpipe.phantoms.edxs.tables import table

__all__ = ["SCANS", "Detector", "Exposure", "Layer", "Scan", "make", "make_profiles", "table"]
