"""Spectra of the XPS benchmark with their truth: imgpipe's phantom, which shares no code with any fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.phantoms.xps import MATCHED, make_batch

Floats = NDArray[np.float64]
DISTINCT = 500
"""Specimens; more spectra than these are further counts of the same specimens."""


@dataclass(frozen=True)
class Spectra:
    """S 2p spectra: energy (point,), counts (spectrum, point), true positions and areas (spectrum, 3)."""

    energy: Floats
    counts: Floats
    position: Floats
    area: Floats

    def first(self, count: int) -> Spectra:
        """Return the first spectra only."""
        return Spectra(self.energy, self.counts[:count], self.position[:count], self.area[:count])


def spectra(count: int, seed: int = 3) -> Spectra:
    """Return spectra with drawn shares and shifts; Voigt lines, background of constant loss, Poisson counts.

    The lines are 1.1 eV wide (0.3 eV of it Lorentzian), the highest point has 12000 counts above the background.
    """
    rng = np.random.default_rng(seed)
    distinct = min(count, DISTINCT)
    settings = MATCHED | {"natural_width": 0.3, "sox_percent": 6.0}
    drawn = {"li2s_percent": rng.uniform(14.0, 43.0, distinct), "charge": rng.normal(0.0, 0.05, distinct)}
    leaf, truth = make_batch(range(distinct), **settings, **drawn)
    specimen = np.arange(count) % distinct
    counts = rng.poisson(truth["expected"].values[specimen]).astype(np.float64)
    position, area = (truth[name].transpose("cycle", "component").values[specimen] for name in ("position", "area"))
    return Spectra(leaf["energy"].values, counts, position, area)
