"""Ratios of lines of one shell: against another law of ionisation, limits, and what is known of heavy atoms."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.phantoms.edxs.families import family
from imgpipe.xrays.lines import element_lines, excited_lines
from imgpipe.xrays.ratios import generated, gryzinski, stopping


def weights(element, beam):
    return {line.name: line.weight for line in excited_lines(element, beam)}


@pytest.mark.parametrize(
    ("label", "beam"),
    [("Cu La", 5e3), ("Ga La", 5e3), ("Zr La", 10e3), ("Mo La", 10e3), ("Ag La", 15e3), ("S Ka", 5e3)],
)
def test_another_law_of_ionisation_and_stopping_gives_the_same(label, beam):
    """The phantoms take the cross-sections and energy loss of Pouchou and Pichoir."""
    element, name = label.split()
    ours = weights(element, beam)
    for line, ratio in family(label, beam):
        if line.name in ours and line.name not in ("Lb2", name):
            assert ours[line.name] == pytest.approx(ratio, rel=0.03)


def test_lines_of_m_shells_agree_within_their_stated_uncertainty():
    ours = {line.name: line for line in excited_lines("W", 5e3)}
    for line, ratio in family("W Ma", 5e3):
        if line.name != "Ma":
            assert abs(ours[line.name].weight / ratio - 1.0) < ours[line.name].u_weight


def test_heavy_atoms_at_high_voltage_agree_with_the_database():
    ours = weights("Pt", 200e3)
    for line in element_lines("Pt"):
        if line.name in ("Lb1", "Lb2", "Ll", "Lg1"):
            assert ours[line.name] == pytest.approx(line.weight, rel=0.2)


def test_a_shell_near_its_edge_makes_fewer_photons():
    near, far = weights("Pt", 14e3), weights("Pt", 40e3)
    assert near["Lb3"] < 0.1 * far["Lb3"]
    assert near["Lb1"] < 0.6 * far["Lb1"]
    assert near["Ll"] == pytest.approx(far["Ll"])
    assert "Lb1" not in weights("Pt", 12e3)


def test_copper_has_a_beta_line_as_strong_as_its_shell_makes_it():
    cu = {line.name: line for line in excited_lines("Cu", 5e3)}
    assert 0.2 < cu["Lb1"].weight < 0.35
    assert cu["Lb1"].u_weight == 0.25
    assert (cu["La"].weight, cu["La"].u_weight) == (1.0, 0.0)
    assert next(line for line in element_lines("Cu") if line.name == "Lb1").weight < 0.05


def test_weights_that_nobody_else_has_stay_and_are_doubted():
    beta = next(line for line in excited_lines("Mg", 5e3) if line.name == "Kb")
    assert beta.weight == 0.01
    assert beta.u_weight == 1.0


def test_a_weight_is_no_part_of_a_lines_identity():
    assert excited_lines("Cu", 5e3)[2] == element_lines("Cu")[2]
    assert excited_lines("Li", 5e3) == ()


def test_what_is_not_excited_makes_nothing():
    made = generated(29, ("Ka", "La"), 5e3)
    assert made["Ka"] == 0.0
    assert made["La"] > 0.0


def test_the_law_of_gryzinski():
    """0 at the edge, largest at about three to five times it (classical), falling as ln(E) / E far above."""
    u = np.geomspace(1.0, 1000.0, 400)
    made = gryzinski(u * 1000.0, 1000.0)
    assert made[0] == 0.0
    assert 3.0 < u[made.argmax()] < 5.0
    assert made[-1] * u[-1] / (made[200] * u[200]) < 2.5
    assert gryzinski(np.array([500.0]), 1000.0)[0] == 0.0


def test_light_and_fast_electrons_lose_less():
    energy = np.geomspace(500.0, 30e3, 50)
    assert np.all(stopping(energy, 12) > 0.0)
    assert np.all(np.diff(stopping(energy[energy > 2e3], 29)) < 0.0)
