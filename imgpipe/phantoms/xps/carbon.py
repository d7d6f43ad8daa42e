"""Adventitious carbon: the thin film of hydrocarbons on everything that saw air or a glove box."""

from __future__ import annotations

from typing import Any

from imgpipe.phantoms.xps.losses import Loss
from imgpipe.phantoms.xps.region import Peak, Region, doublet

SPECIES = {"C-C": (284.8, 0.72), "C-O": (286.3, 0.18), "O-C=O": (288.8, 0.10)}
"""Binding energy in eV with C-C at 284.8, and share of the carbon."""


def carbon_peaks(area: Any, gauss_fwhm: Any, shift: Any) -> tuple[Peak, ...]:
    """Return the C 1s lines; `shift` in eV is what charging adds to all."""
    return tuple(
        peak
        for name, (position, share) in SPECIES.items()
        for peak in doublet(name, "C 1s", position + shift, area * share, gauss_fwhm)
    )


def carbon_region(area: Any, gauss_fwhm: Any, shift: Any, **further: Any) -> Region:
    """Return the region C 1s, 280 to 294 eV."""
    peaks = carbon_peaks(area, gauss_fwhm, shift)
    losses = {"bulk": Loss(universal=2.0, gap=4.0, orders=2)}
    return Region("C 1s", 280.0, 294.0, 0.1, peaks, losses, **{"floor": 0.25, "floor_slope": 0.004, **further})
