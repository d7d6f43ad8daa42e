"""The preset `series`: S 2p along charge, Li2S growing from an onset on, few counts per spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgpipe.phantoms.xps.losses import Loss
from imgpipe.phantoms.xps.natural_lines import gauss_of_voigt
from imgpipe.phantoms.xps.region import Region, doublet
from imgpipe.phantoms.xps.specimen import Draws, Specimen
from imgpipe.phantoms.xps.spectrometer import Spectrometer


@dataclass(frozen=True)
class Series:
    """Spectra of one place of a solid electrolyte while charge flows; energies in eV.

    Attributes
    ----------
    count : spectra
    charge_step : charge per spectrum, mAh/cm^2
    time_step : s per spectrum
    onset : charge at which Li2S begins to grow, mAh/cm^2
    growth : charge over which it then goes to 1 - 1/e of its end value
    final_percent : its share of all sulfur at the end of growth
    sox_percent : share of SOx, constant
    positions : S 2p3/2 of S2-, PS4 and SOx
    splitting, fwhm, natural_width : of the doublets
    charging : shift over the whole series
    peak_counts : highest point of a spectrum above the background
    floor, floor_slope, loss_step, loss_universal, gap, orders : background, see `region.Region` and `losses.Loss`
    """

    count: int = 200
    charge_step: float = 0.01
    time_step: float = 120.0
    onset: float = 0.6
    growth: float = 0.5
    final_percent: float = 40.0
    sox_percent: float = 4.0
    positions: tuple[float, float, float] = (160.3, 161.6, 167.0)
    splitting: float = 1.18
    fwhm: float = 1.15
    natural_width: float = 0.054
    charging: float = 0.12
    peak_counts: float = 400.0
    floor: float = 0.2
    floor_slope: float = 0.002
    loss_step: float = 0.01
    loss_universal: float = 1.0
    gap: float = 3.5
    orders: int = 3
    transmission_exponent: float = 0.6

    @property
    def charge(self) -> NDArray[Any]:
        """Charge passed, mAh/cm^2."""
        return self.charge_step * np.arange(self.count)

    @property
    def li2s_percent(self) -> NDArray[Any]:
        """Share of Li2S in all sulfur, percent."""
        beyond = np.maximum(self.charge - self.onset, 0.0)
        return self.final_percent * -np.expm1(-beyond / self.growth)

    def specimens(self, draws: Draws) -> tuple[Specimen, ...]:
        """Return the one sample; nothing is drawn but the counts."""
        li2s = self.li2s_percent
        lattice = 0.2 * (100.0 - li2s - self.sox_percent)
        shift = self.charging * np.arange(self.count) / max(self.count - 1, 1)
        width = gauss_of_voigt(self.fwhm, self.natural_width)
        common: dict[str, Any] = {"splitting": self.splitting, "natural_width": self.natural_width}
        areas = (li2s + lattice, 4.0 * lattice, np.full(self.count, self.sox_percent))
        peaks = [
            peak
            for name, place, area in zip(("S2-", "PS4", "SOx"), self.positions, areas, strict=True)
            for peak in doublet(name, "S 2p", place + shift, area, width, **common)
        ]
        loss = Loss(step=self.loss_step, universal=self.loss_universal, gap=self.gap, orders=self.orders)
        region = Region(
            "S 2p",
            158.0,
            172.0,
            0.1,
            tuple(peaks),
            {"bulk": loss},
            self.floor,
            self.floor_slope,
            peak_counts=self.peak_counts,
        )
        scan = Spectrometer(
            dwell_time=0.1, sweeps=2, pass_energy=40.0, transmission_exponent=self.transmission_exponent
        )
        series = {
            "time": (self.time_step * np.arange(self.count), "s", "time"),
            "charge": (self.charge, "mAh/cm**2", "charge passed"),
        }
        truth = {
            "excess_sulfide": (li2s, "percent", "Li2S in all sulfur"),
            "energy_shift": (shift, "eV", "shift by charging"),
            "onset": (np.full(self.count, self.onset), "mAh/cm**2", "charge at which Li2S begins to grow"),
        }
        return (Specimen("operando", (region,), scan, truth=truth, series=series),)
