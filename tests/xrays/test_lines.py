"""Lines, edges, formulae and absorption against handbook values."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from imgpipe.errors import DataError
from imgpipe.xrays.detector import efficiency
from imgpipe.xrays.lines import edge_energy, edges_between, element_lines, find_line, main_line
from imgpipe.xrays.materials import checked_density, mass_absorption, mass_fractions, molar_mass, parse_formula
from imgpipe.xrays.resolution import fwhm


@pytest.mark.parametrize(
    ("label", "energy", "edge"),
    [("Mg Ka", 1253.6, 1305.0), ("W Ma", 1775.6, 1809.0), ("Cu La", 929.5, 932.0), ("S Ka", 2307.2, 2472.0)],
)
def test_energies_and_edges(label, energy, edge):
    line = find_line(label)
    assert line.energy == pytest.approx(energy, abs=1.0)
    assert line.edge == pytest.approx(edge, abs=5.0)
    assert find_line(label.replace(" ", "_")) == line


def test_lithium_has_no_line_and_nonsense_is_named():
    assert element_lines("Li") == ()
    with pytest.raises(DataError, match="no element"):
        element_lines("Mgg")
    with pytest.raises(DataError, match="known are"):
        find_line("Mg La")


@pytest.mark.parametrize(
    ("element", "beam", "line"),
    [("Mn", 10e3, "La"), ("Mn", 15e3, "Ka"), ("W", 5e3, "Ma"), ("Mg", 2e3, "Ka"), ("Pt", 200e3, "La")],
)
def test_the_line_that_stands_for_an_element(element, beam, line):
    found = main_line(element, beam, 150.0, 20e3)
    assert found is not None
    assert found.name == line


def test_what_is_not_excited_has_no_line():
    assert main_line("S", 2e3, 150.0, 20e3) is None
    assert main_line("Li", 5e3, 150.0, 20e3) is None


def test_edges_of_a_range_rise():
    found = edges_between(["Mg", "W", "Cu"], 900.0, 2000.0)
    energies = [energy for _, _, energy in found]
    assert energies == sorted(energies)
    assert ("Mg", "K") in [one[:2] for one in found]
    assert edge_energy("C", "M5") == 0.0


def test_formulae():
    assert parse_formula("Li6PS5Cl") == {"Li": 6.0, "P": 1.0, "S": 5.0, "Cl": 1.0}
    assert parse_formula("Ca(OH)2") == {"Ca": 1.0, "O": 2.0, "H": 2.0}
    assert parse_formula("Li0.9Mg0.1") == {"Li": 0.9, "Mg": 0.1}
    assert molar_mass("Li6PS5Cl") == pytest.approx(268.4, abs=0.1)
    assert sum(mass_fractions("Li6PS5Cl").values()) == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["", "mg", "Mg(", "Mg)", "Mg-Cu", "Xx2", "Mg0", "2Mg"])
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(DataError, match="no chemical"):
        parse_formula(text)


def test_densities_in_kilograms_are_refused():
    assert checked_density("Mg", 1.74) == 1.74
    with pytest.raises(DataError, match="no solid"):
        checked_density("Mg", 1738.0)


def test_absorption_adds_up_by_mass_and_jumps_at_the_edge():
    parts = mass_fractions("MgO")
    whole = sum(share * mass_absorption(element, 2000.0) for element, share in parts.items())
    assert mass_absorption("MgO", 2000.0) == pytest.approx(whole)
    below, above = mass_absorption("Mg", [1295.0, 1315.0])
    assert above > 5.0 * below


def test_resolution_is_as_stated_at_manganese_and_never_imaginary():
    assert fwhm(5898.7, 130.0) == pytest.approx(130.0)
    assert fwhm(1253.6, 130.0) == pytest.approx(np.sqrt(130.0**2 + 2.5 * (1253.6 - 5898.7)))
    assert np.all(fwhm([50.0, 277.0], 110.0) >= 20.0)


def test_a_polymer_window_stops_more_soft_x_rays():
    soft, hard = efficiency([277.0, 5000.0], "polymer"), efficiency([277.0, 5000.0], "none")
    assert soft[0] < hard[0] <= 1.0
    assert soft[1] == pytest.approx(hard[1], abs=0.02)


def test_exspy_is_loaded_on_use_only():
    import subprocess

    code = (
        "import sys, imgpipe.xrays.lines, imgpipe.xrays.overlaps, imgpipe.steps.edxs.intensities;"
        "sys.exit('exspy' in sys.modules or 'xraylib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
