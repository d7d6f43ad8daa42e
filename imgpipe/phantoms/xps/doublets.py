"""The preset `doublets`: two lines at many separations, ratios and counts.

In the spirit of the NIST XPS standard test data (J. M. Conny, C. J. Powell, Surf. Interface Anal. 29, 444 (2000)): a
factorial design of doublets in C 1s. Those spectra are not at hand; these are rebuilt, with factors of our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from imgpipe.phantoms.xps.losses import Loss
from imgpipe.phantoms.xps.natural_lines import gauss_of_voigt
from imgpipe.phantoms.xps.region import Region, doublet
from imgpipe.phantoms.xps.specimen import Draws, Specimen
from imgpipe.phantoms.xps.spectrometer import Spectrometer


@dataclass(frozen=True)
class Doublets:
    """The design: every separation with every ratio and every count, each repeated.

    Attributes
    ----------
    separations : of the two lines, eV
    ratios : area of the line at higher binding energy over that of the other
    counts : highest point above the background
    repeats : spectra per cell of the design
    position : of the first line, eV
    fwhm, natural_width : of both, eV
    loss_step, loss_universal, floor : background, see `losses.Loss` and `region.Region`
    """

    separations: tuple[float, ...] = (0.4, 0.7, 1.0, 1.5)
    ratios: tuple[float, ...] = (0.2, 0.5, 1.0)
    counts: tuple[float, ...] = (1000.0, 10000.0, 100000.0)
    repeats: int = 1
    position: float = 285.0
    fwhm: float = 1.0
    natural_width: float = 0.087
    loss_step: float = 0.01
    loss_universal: float = 0.0
    floor: float = 0.1
    transmission_exponent: float = 0.0

    def specimens(self, draws: Draws) -> tuple[Specimen, ...]:
        """Return one sample, whose cycles are the cells of the design."""
        cells = np.repeat(np.array(list(product(self.separations, self.ratios, self.counts))), self.repeats, axis=0)
        separation, ratio, counts = cells.T
        width = gauss_of_voigt(self.fwhm, self.natural_width)
        widths = {"natural_width": self.natural_width}
        peaks = (
            *doublet("first", "C 1s", np.full(len(cells), self.position), 1.0 / (1.0 + ratio), width, **widths),
            *doublet("second", "C 1s", self.position + separation, ratio / (1.0 + ratio), width, **widths),
        )
        loss = Loss(step=self.loss_step, universal=self.loss_universal)
        region = Region("C 1s", 279.0, 293.0, 0.1, peaks, {"bulk": loss}, self.floor, peak_counts=counts)
        scan = Spectrometer(transmission_exponent=self.transmission_exponent)
        series = {
            "separation": (separation, "eV", "separation of the lines"),
            "ratio": (ratio, "1", "area of the second line over the first"),
            "peak_counts": (counts, "counts", "highest point above the background"),
        }
        return (Specimen("doublets", (region,), scan, series=series),)
