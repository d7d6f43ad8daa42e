"""Atoms per formula unit of a reacted argyrodite, by core line and species."""

from __future__ import annotations

from typing import Any

Atoms = dict[str, dict[str, Any]]
"""Core line -> species -> atoms per formula unit of the pristine solid."""


def atoms_of(reduced: Any, oxidised: Any, sulfate: Any, copper_sulfide: Any) -> Atoms:
    """Return the atoms behind each core line, per formula unit of pristine Li6PS5Cl.

    Parameters
    ----------
    reduced, oxidised : shares of the formula units turned into 5 Li2S + Li3P + LiCl and 1/2 P2S5 + 5/2 S + LiCl
    sulfate, copper_sulfide : Li2SO4 and Cu2S in addition
    """
    intact = 1.0 - reduced - oxidised
    return {
        "S 2p": {
            "PS4": 4.0 * intact,
            "S2-": intact + 5.0 * reduced,
            "polysulfide": 5.0 * oxidised,
            "SOx": 1.0 * sulfate,
            "Cu-S": 1.0 * copper_sulfide,
        },
        "P 2p": {"PS4": intact, "P2Sx": 1.0 * oxidised, "LixP": 1.0 * reduced},
        "Cl 2p": {"Cl-": intact + reduced + oxidised},
        "Li 1s": {"Li+": 6.0 * intact + 14.0 * reduced + 1.0 * oxidised + 2.0 * sulfate},
        "O 1s": {"SOx": 4.0 * sulfate},
        "Cu 2p": {"Cu-S": 2.0 * copper_sulfide},
    }


def excess_sulfide(atoms: Atoms) -> Any:
    """Return sulfide beyond that of the lattice (one for each PS4), in percent of all sulfur."""
    sulfur = atoms["S 2p"]
    return 100.0 * (sulfur["S2-"] - atoms["P 2p"]["PS4"]) / sum(sulfur.values())


def totals(atoms: Atoms) -> dict[str, Any]:
    """Return the composition in atomic percent, hydrogen and the carbon film left out."""
    elements = {line.split()[0]: sum(species.values()) for line, species in atoms.items()}
    whole = sum(elements.values())
    return {element: 100.0 * number / whole for element, number in elements.items()}
