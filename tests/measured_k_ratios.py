"""Published k-ratios of binary alloys, lines that no other element of the alloy excites (no fluorescence).

Gold in NIST SRM 481 and 482: K. F. J. Heinrich, R. L. Myklebust, S. D. Rasberry, R. E. Michaelis, NBS Special
Publication 260-28 (1971). Others: the data base of J.-L. Pouchou and F. Pichoir, in Electron Probe Quantitation, Plenum
1991, p. 31. Both as handed down with CalcZAF (openmicroanalysis/calczaf: AUAGCU2.DAT, nistbin.dat).
"""

from __future__ import annotations

from typing import NamedTuple


class Measured(NamedTuple):
    """Line, mass fraction of its element, the other element, beam (keV), take-off (deg), k-ratio."""

    line: str
    fraction: float
    other: str
    energy: float
    take_off: float
    k: float


GOLD = (
    Measured("Au La", 0.8005, "Ag", 20.0, 52.5, 0.783),
    Measured("Au La", 0.6005, "Ag", 20.0, 52.5, 0.573),
    Measured("Au La", 0.4003, "Ag", 20.0, 52.5, 0.366),
    Measured("Au La", 0.2243, "Ag", 20.0, 52.5, 0.203),
    Measured("Au La", 0.8015, "Cu", 20.0, 52.5, 0.752),
    Measured("Au La", 0.6036, "Cu", 20.0, 52.5, 0.531),
    Measured("Au La", 0.4010, "Cu", 20.0, 52.5, 0.333),
    Measured("Au La", 0.2012, "Cu", 20.0, 52.5, 0.158),
)
"""Gold in the standard reference materials."""
OTHERS = (
    Measured("Ni Ka", 0.9157, "B", 10.0, 40.0, 0.8858),
    Measured("Ni Ka", 0.9157, "B", 20.0, 40.0, 0.9005),
    Measured("Ni Ka", 0.8560, "B", 12.0, 40.0, 0.8180),
    Measured("Ni Ka", 0.8560, "B", 20.0, 40.0, 0.8388),
    Measured("Ni Ka", 0.4204, "Al", 15.0, 40.0, 0.396),
    Measured("Ni Ka", 0.4204, "Al", 20.0, 40.0, 0.394),
    Measured("Cu Ka", 0.5410, "Al", 15.0, 40.0, 0.491),
    Measured("Cu Ka", 0.5410, "Al", 20.0, 40.0, 0.501),
    Measured("Al Ka", 0.5551, "B", 6.0, 40.0, 0.5178),
    Measured("Al Ka", 0.5551, "B", 15.0, 40.0, 0.517),
    Measured("Si Ka", 0.4780, "B", 6.0, 40.0, 0.4528),
    Measured("Si Ka", 0.4780, "B", 10.0, 40.0, 0.4622),
    Measured("Mg Ka", 0.3650, "Al", 10.0, 52.5, 0.373),
    Measured("Mg Ka", 0.7490, "Al", 10.0, 52.5, 0.744),
    Measured("Mg Ka", 0.6031, "O", 5.0, 40.0, 0.566),
    Measured("Mg Ka", 0.6031, "O", 10.0, 40.0, 0.527),
)
"""Light matrices, low beam energies, and magnesium."""
DENSITY = {"Au": 19.3, "Ag": 10.5, "Cu": 8.96, "Ni": 8.9, "Al": 2.7, "Mg": 1.738, "Si": 2.33, "B": 2.34, "O": 1.4,
           "W": 19.25, "S": 2.07, "Li": 0.534}  # fmt: skip
"""g/cm3; a k-ratio of a bulk specimen does not depend on it."""
