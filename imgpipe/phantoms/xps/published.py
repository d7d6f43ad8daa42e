"""The preset `published`: S 2p of a sulfide electrolyte cycled on four collectors, three doublets as published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imgpipe.phantoms.xps.carbon import carbon_region
from imgpipe.phantoms.xps.losses import Loss
from imgpipe.phantoms.xps.natural_lines import gauss_of_voigt
from imgpipe.phantoms.xps.region import Distant, Region, doublet
from imgpipe.phantoms.xps.specimen import Draws, Specimen, of_sample
from imgpipe.phantoms.xps.spectrometer import Spectrometer

SPECIES = ("Li2S", "Li6PS5Cl", "SOx")


@dataclass(frozen=True)
class Published:
    """Four samples, regions S 2p and C 1s; energies in eV. Numbers may be arrays, one value per seed (`make_batch`).

    Attributes
    ----------
    samples : names
    li2s_percent : share of total S 2p, one per sample, or one number or array for all
    sox_percent : the same for SOx; Li6PS5Cl is the rest
    li2s, argyrodite, sox : binding energies of 2p3/2
    splitting, second_share : of the doublets; the share of 2p1/2 in the area
    fwhm : of Li6PS5Cl, Gaussian and lifetime together
    li2s_width, sox_width : FWHM of the others relative to it
    natural_width : lifetime FWHM
    charge_spread : one-sided spread of the surface potential
    charge : shift of each sample, one per sample, or one number or array for all
    u_charge, u_differential : sd of what is drawn in addition, per sample and per species of a sample
    peak_counts, carbon_counts : highest point above the background, S 2p and C 1s
    floor, floor_slope : of S 2p, fraction of the highest point, and per eV
    loss_step, loss_universal, gap, orders : loss function, see `losses.Loss`
    distant_area : P 2p at 132 eV, of which only the losses reach S 2p, relative to the area of S 2p
    transmission_exponent, dose_drift, pass_energy, dwell_time, sweeps : see `spectrometer.Spectrometer`
    """

    samples: tuple[str, ...] = ("MgW-Cu", "Mg-Cu", "W-Cu", "Cu")
    li2s_percent: Any = (14.0, 19.0, 27.0, 43.0)
    sox_percent: Any = 5.0
    li2s: Any = 160.4
    argyrodite: Any = 161.2
    sox: Any = 166.9
    splitting: Any = 1.2
    second_share: Any = 1.0 / 3.0
    fwhm: Any = 1.1
    li2s_width: Any = 1.0
    sox_width: Any = 1.0
    natural_width: Any = 0.054
    charge_spread: Any = 0.0
    charge: Any = 0.0
    u_charge: float = 0.3
    u_differential: float = 0.02
    peak_counts: Any = 12000.0
    carbon_counts: Any = 9000.0
    floor: Any = 0.15
    floor_slope: Any = 0.002
    loss_step: Any = 0.01
    loss_universal: Any = 1.0
    gap: Any = 3.0
    orders: int = 3
    distant_area: Any = 0.3
    transmission_exponent: float = 0.6
    dose_drift: Any = 0.0
    pass_energy: float = 20.0
    dwell_time: float = 0.2
    sweeps: int = 20

    def specimens(self, draws: Draws) -> tuple[Specimen, ...]:
        """Return the samples."""
        return tuple(self._specimen(index, name, draws) for index, name in enumerate(self.samples))

    def _specimen(self, index: int, name: str, draws: Draws) -> Specimen:
        charge = of_sample(self.charge, index) + draws.normal(f"charge {name}", self.u_charge)
        scan = Spectrometer(
            pass_energy=self.pass_energy,
            gauss_fwhm=0.5,
            transmission_exponent=self.transmission_exponent,
            dwell_time=self.dwell_time,
            sweeps=self.sweeps,
            dose_drift=self.dose_drift,
        )
        carbon = carbon_region(1.0, 1.2, charge, peak_counts=self.carbon_counts)
        truth = {"energy_shift": (charge, "eV", "shift by charging")}
        return Specimen(name, (self._sulfur(index, name, charge, draws), carbon), scan, truth=truth)

    def _sulfur(self, index: int, name: str, charge: Any, draws: Draws) -> Region:
        li2s, sox = of_sample(self.li2s_percent, index), of_sample(self.sox_percent, index)
        facts = zip(
            SPECIES,
            (li2s, 100.0 - li2s - sox, sox),
            (self.li2s, self.argyrodite, self.sox),
            (self.li2s_width, 1.0, self.sox_width),
            strict=True,
        )
        peaks = [
            peak
            for species, area, position, width in facts
            for peak in doublet(
                species,
                "S 2p",
                position + charge + draws.normal(f"charge {name} {species}", self.u_differential),
                area,
                gauss_of_voigt(self.fwhm * width, self.natural_width),
                splitting=self.splitting,
                share=self.second_share,
                natural_width=self.natural_width,
                charge_spread=self.charge_spread,
            )
        ]
        return Region(
            "S 2p",
            158.0,
            172.0,
            0.1,
            tuple(peaks),
            {"bulk": Loss(step=self.loss_step, universal=self.loss_universal, gap=self.gap, orders=self.orders)},
            floor=self.floor,
            floor_slope=self.floor_slope,
            distant=(Distant(132.0, self.distant_area),),
            peak_counts=self.peak_counts,
        )
