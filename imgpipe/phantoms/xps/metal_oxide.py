"""The preset `metal_oxide`: tungsten and magnesium under their oxides, thickness by explicit sums over depth.

The region 45 to 65 eV holds Mg 2p, its plasmons and Li 1s together, and is one region here as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imgpipe.phantoms.xps.core_lines import cross_section
from imgpipe.phantoms.xps.layers import Layer, emission
from imgpipe.phantoms.xps.losses import Loss, Plasmon
from imgpipe.phantoms.xps.region import Peak, Region, doublet
from imgpipe.phantoms.xps.specimen import Draws, Specimen
from imgpipe.phantoms.xps.spectrometer import Spectrometer

DENSITY = {"W": 63.1, "WOx": 25.0, "WO3": 18.6, "Mg": 43.1, "MgO": 53.5}
"""Metal atoms per nm^3."""
LENGTH = {"W": 1.9, "WOx": 2.2, "WO3": 2.5, "Mg": 3.2, "MgO": 2.9}
"""Attenuation lengths in nm of W 4f (1453 eV) and Mg 2p (1437 eV). Values of a phantom, no reference values."""


@dataclass(frozen=True)
class MetalOxide:
    """Samples ``metal_W`` (sputtered clean), ``oxide_W`` and ``oxide_Mg``; energies in eV, lengths in nm.

    Numbers may be arrays with one value per seed.

    Attributes
    ----------
    tungsten_oxide : thickness of WO3 on tungsten
    suboxide : thickness of WOx between metal and WO3
    magnesium_oxide : thickness of MgO on magnesium
    lithium : Li atoms per nm^3 in the MgO layer
    emission_angle : from the surface normal, deg
    tungsten, tungsten_suboxide_shift, tungsten_oxide_position : binding energies of W 4f7/2
    tungsten_asymmetry, magnesium_asymmetry : of the metals (Doniach-Sunjic)
    metal_fwhm, oxide_fwhm : Gaussian FWHM, instrument included
    magnesium, magnesium_oxide_position, lithium_position : binding energies of Mg 2p3/2 and Li 1s
    splitting : of W 4f
    plasmon_number, surface_plasmon_number : mean number of losses per Mg 2p electron of the metal
    natural_width : factor on the lifetime widths
    charge : shift of the oxides against the metal
    u_differential : sd of what is drawn in addition to it
    brightness : counts per s, barn and atom per nm^2, at transmission 1
    loss_step, loss_universal, gap : loss function, see `losses.Loss`; no gap in the metals
    floor, floor_slope : fraction of the highest point, per eV
    """

    tungsten_oxide: Any = 1.4
    suboxide: Any = 0.0
    magnesium_oxide: Any = 3.0
    lithium: Any = 12.0
    emission_angle: float = 0.0
    tungsten: Any = 31.4
    tungsten_suboxide_shift: Any = 0.7
    tungsten_oxide_position: Any = 35.7
    tungsten_asymmetry: Any = 0.04
    magnesium_asymmetry: Any = 0.12
    metal_fwhm: Any = 0.55
    oxide_fwhm: Any = 1.15
    magnesium: Any = 49.6
    magnesium_oxide_position: Any = 51.0
    lithium_position: Any = 55.3
    splitting: Any = 2.18
    plasmon_number: Any = 0.45
    surface_plasmon_number: Any = 0.08
    natural_width: Any = 1.0
    charge: Any = 0.0
    u_differential: float = 0.0
    brightness: Any = 0.003
    loss_step: Any = 0.0
    loss_universal: Any = 1.5
    gap: Any = 4.0
    floor: Any = 0.08
    floor_slope: Any = 0.003
    transmission_exponent: float = 0.6
    dwell_time: float = 0.2
    sweeps: int = 10

    def specimens(self, draws: Draws) -> tuple[Specimen, ...]:
        """Return clean tungsten, oxidised tungsten and oxidised magnesium."""
        return (self._tungsten("metal_W", 0.0, draws), self._tungsten("oxide_W", 1.0, draws), self._magnesium(draws))

    def _scan(self, factor: float = 1.0) -> Spectrometer:
        return Spectrometer(
            gauss_fwhm=0.45,
            transmission_exponent=self.transmission_exponent,
            emission_angle=self.emission_angle,
            dwell_time=self.dwell_time,
            sweeps=round(self.sweeps * factor),
            charge_neutraliser="Off",
        )

    def _area(self, line: str, seen: Any, scan: Spectrometer, position: float) -> Any:
        """Return counts x eV of a line: atoms seen x cross-section x transmission x counting time."""
        time = scan.dwell_time * scan.sweeps
        return self.brightness * seen * cross_section(line, scan.photon_energy) * scan.transmission(position) * time

    def _losses(self, plasmons: tuple[Plasmon, ...] = ()) -> dict[str, Loss]:
        metal = Loss(self.loss_step, self.loss_universal, 0.0, plasmons, orders=4)
        return {"metal": metal, "oxide": Loss(self.loss_step, self.loss_universal, self.gap, orders=3)}

    def _tungsten(self, name: str, oxidised: float, draws: Draws) -> Specimen:
        oxide, suboxide = oxidised * np.asarray(self.tungsten_oxide), oxidised * np.asarray(self.suboxide)
        thickness = {"WO3": oxide, "WOx": suboxide, "W": float("inf")}
        layers = tuple(Layer(key, value, DENSITY[key], LENGTH[key]) for key, value in thickness.items())
        scan = self._scan()
        seen = emission(layers, self.emission_angle)
        shift = self.charge + draws.normal(f"charge {name} WO3", self.u_differential)
        places = {
            "W": self.tungsten,
            "WOx": self.tungsten + self.tungsten_suboxide_shift,
            "WO3": self.tungsten_oxide_position + shift,
        }
        peaks = [peak for key in places for peak in self._w_lines(key, places[key], seen, scan)]
        region = Region(
            "W 4f", 27.0, 47.0, 0.1, tuple(peaks), self._losses(), floor=self.floor, floor_slope=self.floor_slope
        )
        truth = {
            "overlayer_thickness": (oxide, "nm", "thickness of the oxide"),
            "suboxide_thickness": (suboxide, "nm", "thickness of WOx"),
            "attenuation_length_oxide": (LENGTH["WO3"], "nm", "attenuation length in the oxide"),
            "attenuation_length_metal": (LENGTH["W"], "nm", "attenuation length in the metal"),
            "density_ratio": (DENSITY["W"] / DENSITY["WO3"], "1", "metal atoms per volume, metal over oxide"),
        }
        return Specimen(name, (region,), scan, truth=truth)

    def _w_lines(self, species: str, place: Any, seen: dict[str, Any], scan: Spectrometer) -> list[Peak]:
        """Return W 4f and W 5p3/2 of one species."""
        metal = species == "W"
        width = self.metal_fwhm if metal else self.oxide_fwhm
        common = {"asymmetry": self.tungsten_asymmetry if metal else 0.0, "loss": "metal" if metal else "oxide"}
        area = self._area("W 4f", seen[species], scan, 31.0)
        lines = doublet(
            species, "W 4f", place, area, width,
            splitting=self.splitting, natural_width=self.natural_width * 0.064, **common,
        )  # fmt: skip
        deep = self._area("W 5p", seen[species], scan, 37.0)
        return lines + doublet(f"{species} 5p3/2", "W 5p", place + 5.4, deep, width, **common)

    def _magnesium(self, draws: Draws) -> Specimen:
        oxide = np.asarray(self.magnesium_oxide)
        layers = (
            Layer("MgO", oxide, DENSITY["MgO"], LENGTH["MgO"]),
            Layer("Mg", float("inf"), DENSITY["Mg"], LENGTH["Mg"]),
        )
        scan = self._scan(10.0)
        seen = emission(layers, self.emission_angle)
        shift = self.charge + draws.normal("charge oxide_Mg MgO", self.u_differential)
        widths = {"natural_width": self.natural_width * 0.03}
        lithium = self._area("Li 1s", seen["MgO"] / DENSITY["MgO"] * self.lithium, scan, 50.0)
        metal, covered = (self._area("Mg 2p", seen[key], scan, 50.0) for key in ("Mg", "MgO"))
        peaks = [
            *doublet("Mg", "Mg 2p", self.magnesium, metal, self.metal_fwhm,
                     asymmetry=self.magnesium_asymmetry, loss="metal", **widths),
            *doublet("MgO", "Mg 2p", self.magnesium_oxide_position + shift, covered, self.oxide_fwhm,
                     loss="oxide", **widths),
            *doublet("Li+", "Li 1s", self.lithium_position + shift, lithium, 1.1 * self.oxide_fwhm, loss="oxide"),
        ]  # fmt: skip
        plasmons = (
            Plasmon(10.6, 1.6, self.plasmon_number),
            Plasmon(7.5, 2.2, self.surface_plasmon_number),
        )
        region = Region("Mg 2p", 45.0, 65.0, 0.1, tuple(peaks), self._losses(plasmons), self.floor, self.floor_slope)
        ratio = (
            lithium / metal * cross_section("Mg 2p", scan.photon_energy) / cross_section("Li 1s", scan.photon_energy)
        )
        truth = {
            "overlayer_thickness": (oxide, "nm", "thickness of the oxide"),
            "attenuation_length_oxide": (LENGTH["MgO"], "nm", "attenuation length in the oxide"),
            "attenuation_length_metal": (LENGTH["Mg"], "nm", "attenuation length in the metal"),
            "density_ratio": (DENSITY["Mg"] / DENSITY["MgO"], "1", "metal atoms per volume, metal over oxide"),
            "lithium_to_magnesium": (ratio * metal / (metal + covered), "1", "Li over all Mg atoms, as seen"),
        }
        return Specimen("oxide_Mg", (region,), scan, truth=truth)
