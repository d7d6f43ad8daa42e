"""A silicon drift detector: channels, resolution, and the share of photons that it counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

MANGANESE = 5895.0
"""Mn Ka, where the resolution is stated, eV."""
PAIR_ENERGY = 3.66
"""Energy of an electron-hole pair in silicon, eV."""


@dataclass(frozen=True)
class Detector:
    """An SDD behind a polymer window on a grid.

    Parameters
    ----------
    resolution : FWHM at Mn Ka, eV
    channels, channel : their number and width (eV); channel 0 is centred on 0
    fano : Fano factor of silicon
    grid : open share of the window's grid
    polymer, aluminium, dead, silicon : thickness of window (taken as carbon, 1.4 g/cm3), its coating, the dead layer
        and the active silicon, nm
    solid_angle : sr
    """

    resolution: float = 130.0
    channels: int = 1024
    channel: float = 10.0
    fano: float = 0.12
    grid: float = 0.77
    polymer: float = 300.0
    aluminium: float = 40.0
    dead: float = 50.0
    silicon: float = 450e3
    solid_angle: float = 0.01

    @property
    def energy(self) -> Floats:
        """Centres of the channels, eV."""
        return np.asarray(np.arange(self.channels) * self.channel, dtype=np.float64)

    def fwhm(self, energy: Floats | float) -> Floats:
        """Return the FWHM of a line at an energy (eV), eV: noise and Fano statistics of the charge."""
        statistics = 8.0 * np.log(2.0) * self.fano * PAIR_ENERGY
        return np.asarray(np.sqrt(self.resolution**2 + statistics * (np.asarray(energy) - MANGANESE)))

    def efficiency(self, energy: Floats | float) -> Floats:
        """Return the share of photons (eV) that pass the window and are counted."""
        photon = np.atleast_1d(np.asarray(energy, dtype=np.float64))
        passed = _depth("C", 1.4, self.polymer, photon) + _depth("Al", 2.7, self.aluminium, photon)
        passed += _depth("Si", 2.33, self.dead, photon)
        stopped = -np.expm1(-_depth("Si", 2.33, self.silicon, photon))
        return np.asarray(self.grid * np.exp(-passed) * stopped)

    def shape(self, energy: float) -> Floats:
        """Return a line's share in each channel: a Gaussian integrated over the channel."""
        sigma = self.fwhm(energy) / np.sqrt(8.0 * np.log(2.0))
        edges = (np.arange(self.channels + 1) - 0.5) * self.channel
        return np.asarray(np.diff(ndtr((edges - energy) / sigma)))


def _depth(symbol: str, density: float, thickness: float, photon: Floats) -> Floats:
    """Return the optical depth of a foil (nm)."""
    import xraylib

    number = xraylib.SymbolToAtomicNumber(symbol)
    keV = np.clip(photon, 110.0, None) * 1e-3
    return np.array([xraylib.CS_Photo(number, e) for e in keV]) * density * thickness * 1e-7
