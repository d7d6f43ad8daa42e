"""The preset `argyrodite`: Li6PS5Cl built from its chemistry, pristine and cycled, with all regions.

Li6PS5Cl is PS4(3-) + S(2-) + Cl(-): one sulfur atom in five is free sulfide. Counted per formula unit of the pristine
solid, a share `reduced` and a share `oxidised` of the units have reacted:

    Li6PS5Cl + 8 Li -> 5 Li2S + Li3P + LiCl
    Li6PS5Cl - 5 Li -> 1/2 P2S5 + 5/2 S + LiCl

so reaction keeps S : P : Cl = 5 : 1 : 1. Sulfate and copper sulfide come in addition. All sulfur bound to sulfur or
bridging is one component, "polysulfide"; the sulfide of the lattice and that of Li2S are one component, "S2-".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imgpipe.phantoms.xps.argyrodite_atoms import Atoms, atoms_of, excess_sulfide, totals
from imgpipe.phantoms.xps.carbon import carbon_region
from imgpipe.phantoms.xps.core_lines import LINES, cross_section
from imgpipe.phantoms.xps.layers import Layer, emission
from imgpipe.phantoms.xps.losses import Loss
from imgpipe.phantoms.xps.region import Peak, Region, doublet
from imgpipe.phantoms.xps.specimen import Draws, Specimen, of_sample
from imgpipe.phantoms.xps.spectrometer import Spectrometer, attenuation_length

POSITIONS: dict[str, dict[str, float]] = {
    "S 2p": {"PS4": 161.6, "S2-": 160.3, "polysulfide": 163.3, "SOx": 167.2, "Cu-S": 161.9},
    "P 2p": {"PS4": 131.9, "P2Sx": 133.4, "LixP": 127.6},
    "Cl 2p": {"Cl-": 198.6},
    "Li 1s": {"Li+": 55.4},
    "O 1s": {"SOx": 531.7, "C-O": 532.9},
}
"""Binding energy of the first line with C-C at 284.8 eV. Values of a phantom, no reference values."""

DISORDER = {"SOx": 1.3, "polysulfide": 1.15, "P2Sx": 1.2, "LixP": 1.2, "C-O": 1.4, "Li+": 1.1}
"""Gaussian FWHM of a species, in eV, beside that of the instrument; 0.95 for the others."""

WINDOWS = {
    "S 2p": (157.0, 173.0, 1.0, 0.3),
    "P 2p": (123.0, 139.0, 2.0, 1.0),
    "Cl 2p": (193.0, 206.0, 1.0, 0.6),
    "Li 1s": (50.0, 61.0, 4.0, 1.0),
    "O 1s": (525.0, 540.0, 1.0, 0.6),
}
"""Low and high end in eV, factor on the sweeps, floor as a fraction of the highest point."""

UNITS_PER_NM3 = 4.17
"""Formula units of Li6PS5Cl per nm^3 (four in a cube of 0.986 nm)."""
CARBON_PER_NM3 = 40.0
SULFIDE_LENGTH, CARBON_LENGTH = 2.2, 2.6
"""Attenuation lengths in nm at 1000 eV."""
OXYGEN_IN_CARBON = 0.12
"""Oxygen atoms per carbon atom of the adventitious film."""


@dataclass(frozen=True)
class Argyrodite:
    """Pristine reference and cycled samples; energies in eV. Numbers may be arrays with one value per seed.

    Attributes
    ----------
    samples : names; tuples below hold one value per sample, a number goes for all
    reduced, oxidised : shares of the formula units that have reacted
    sulfate, copper_sulfide : Li2SO4 and Cu2S per formula unit
    carbon_thickness : of the adventitious film, nm
    charge : shift of each sample; u_charge, u_differential : sd of what is drawn in addition, sample and species
    carbon_offset : further shift of the carbon film against the solid
    gauss_fwhm : of the instrument
    width : factor on the widths of all species
    natural_width : factor on the lifetime widths
    splitting : of S 2p
    charge_spread : one-sided spread of the surface potential
    brightness : counts per s, barn and atom per nm^2, at transmission 1
    loss_step, loss_universal, gap, orders : loss function, see `losses.Loss`
    floor, floor_slope : factor on the floors, and their relative change per eV
    survey : whether a survey is made
    """

    samples: tuple[str, ...] = ("pristine", "cycled")
    reduced: Any = (0.0, 0.12)
    oxidised: Any = (0.0, 0.08)
    sulfate: Any = (0.05, 0.20)
    copper_sulfide: Any = (0.0, 0.15)
    carbon_thickness: Any = (0.8, 1.5)
    charge: Any = (0.42, -0.31)
    u_charge: float = 0.0
    u_differential: float = 0.03
    carbon_offset: Any = (0.0, 0.05)
    gauss_fwhm: float = 0.5
    width: Any = 1.0
    natural_width: Any = 1.0
    splitting: Any = LINES["S 2p"].splitting
    charge_spread: Any = 0.0
    brightness: Any = 0.02
    loss_step: Any = 0.01
    loss_universal: Any = 1.0
    gap: Any = 3.5
    orders: int = 3
    floor: Any = 1.0
    floor_slope: Any = 0.003
    transmission_exponent: float = 0.6
    emission_angle: float = 0.0
    dwell_time: float = 0.2
    sweeps: int = 20
    survey: bool = True

    def specimens(self, draws: Draws) -> tuple[Specimen, ...]:
        """Return the samples."""
        return tuple(self._specimen(index, name, draws) for index, name in enumerate(self.samples))

    def _specimen(self, index: int, name: str, draws: Draws) -> Specimen:
        charge = of_sample(self.charge, index) + draws.normal(f"charge {name}", self.u_charge)
        atoms = atoms_of(
            *(of_sample(x, index) for x in (self.reduced, self.oxidised, self.sulfate, self.copper_sulfide))
        )
        scans = {line: self._scan(factor=window[2]) for line, window in WINDOWS.items()}
        scan, thickness = self._scan(), of_sample(self.carbon_thickness, index)
        regions = [self._region(line, atoms, thickness, charge, name, draws, scans[line]) for line in WINDOWS]
        offset = charge + of_sample(self.carbon_offset, index)
        carbon = self._area("C 1s", "carbon", 1.0, thickness, scan, 284.8)
        regions.append(carbon_region(carbon, (self.gauss_fwhm**2 + 1.1**2) ** 0.5, offset, floor=0.5 * self.floor))
        if self.survey:
            scans["survey"] = self._scan(pass_energy=160.0, gauss_fwhm=2.4, dwell_time=0.1, factor=0.5)
            regions.append(self._survey(atoms, thickness, charge, scans["survey"]))
        truth = {
            "energy_shift": (charge, "eV", "shift by charging"),
            "carbon_shift": (offset, "eV", "shift of the carbon film"),
            "carbon_thickness": (thickness, "nm", "thickness of the carbon film"),
            "excess_sulfide": (excess_sulfide(atoms), "percent", "S2- beyond that of the lattice, of all sulfur"),
            "sulfide": (100 * atoms["S 2p"]["S2-"] / sum(atoms["S 2p"].values()), "percent", "S2- of all sulfur"),
            "atomic_percent": (totals(atoms), "percent", "composition of the solid below the carbon film"),
        }
        return Specimen(name, tuple(regions), scan, scans, truth)

    def _scan(self, *, factor: float = 1.0, **setting: Any) -> Spectrometer:
        basis = {"pass_energy": 20.0, "gauss_fwhm": self.gauss_fwhm, "dwell_time": self.dwell_time}
        return Spectrometer(
            transmission_exponent=self.transmission_exponent,
            emission_angle=self.emission_angle,
            sweeps=round(self.sweeps * factor),
            **{**basis, **setting},
        )

    def _area(self, line: str, layer: str, atoms: Any, thickness: Any, scan: Spectrometer, position: float) -> Any:
        """Return counts x eV of a line: atoms seen x cross-section x transmission x counting time."""
        lengths = [attenuation_length(position, at_1000) for at_1000 in (CARBON_LENGTH, SULFIDE_LENGTH)]
        stack = (
            Layer("carbon", thickness, CARBON_PER_NM3, lengths[0]),
            Layer("solid", float("inf"), UNITS_PER_NM3, lengths[1]),
        )
        seen = emission(stack, scan.emission_angle)[layer] * atoms
        time = scan.dwell_time * scan.sweeps
        return self.brightness * seen * cross_section(line, scan.photon_energy) * scan.transmission(position) * time

    def _line_areas(self, line: str, atoms: Atoms, thickness: Any, scan: Spectrometer) -> dict[str, Any]:
        """Return counts x eV of each species of a line."""
        areas = {
            species: self._area(line, "solid", number, thickness, scan, position)
            for species, position in POSITIONS[line].items()
            if (number := atoms[line].get(species)) is not None
        }
        if line == "O 1s":
            areas["C-O"] = self._area(line, "carbon", OXYGEN_IN_CARBON, thickness, scan, POSITIONS[line]["C-O"])
        return areas

    def _region(
        self, line: str, atoms: Atoms, thickness: Any, charge: Any, name: str, draws: Draws, scan: Spectrometer
    ) -> Region:
        low, high, _, floor = WINDOWS[line]
        peaks: list[Peak] = []
        for species, area in self._line_areas(line, atoms, thickness, scan).items():
            shift = charge + draws.normal(f"charge {name} {species}", self.u_differential)
            further = {"splitting": self.splitting} if line == "S 2p" else {}
            peaks += doublet(
                species,
                line,
                POSITIONS[line][species] + shift,
                area,
                (self.gauss_fwhm**2 + (self.width * DISORDER.get(species, 0.95)) ** 2) ** 0.5,
                natural_width=self.natural_width * LINES[line].natural_width[0],
                charge_spread=self.charge_spread,
                **further,
            )
        loss = Loss(step=self.loss_step, universal=self.loss_universal, gap=self.gap, orders=self.orders)
        return Region(line, low, high, 0.1, tuple(peaks), {"bulk": loss}, floor * self.floor, self.floor_slope)

    def _survey(self, atoms: Atoms, thickness: Any, charge: Any, scan: Spectrometer) -> Region:
        """Return the survey: every line of every element as one peak, losses over the whole range."""
        areas = {line: sum(self._line_areas(line, atoms, thickness, scan).values()) for line in POSITIONS}
        places = {line: next(iter(POSITIONS[line].values())) for line in POSITIONS}
        areas["C 1s"], places["C 1s"] = self._area("C 1s", "carbon", 1.0, thickness, scan, 284.8), 284.8
        for deep, line, place in (("S 2s", "S 2p", 226.0), ("P 2s", "P 2p", 189.5), ("Cl 2s", "Cl 2p", 270.0)):
            number = sum(atoms[line].values())
            areas[deep], places[deep] = self._area(deep, "solid", number, thickness, scan, place), place
        peaks: list[Peak] = []
        for line, area in areas.items():
            peaks += doublet(line, line, places[line] + charge, area, scan.gauss_fwhm)
        loss = Loss(universal=1.0, gap=3.5, orders=4)
        return Region("survey", 0.0, 700.0, 1.0, tuple(peaks), {"bulk": loss}, 0.05 * self.floor, 0.004)
