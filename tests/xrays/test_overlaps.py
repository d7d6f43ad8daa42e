"""The field's table of overlaps, and those found from the resolution."""

from __future__ import annotations

import pytest

from imgpipe.xrays.lines import element_lines, excited_lines, find_line
from imgpipe.xrays.overlaps import find_overlaps, known_pairs
from imgpipe.xrays.resolution import fwhm


def present(*elements, beam=10e3):
    return [line for element in elements for line in excited_lines(element, beam)]


@pytest.mark.parametrize(
    ("of", "other"),
    [
        ("Pt Ma", "P Ka"), ("Pt Ma", "Zr La"), ("S Ka", "Mo La"), ("Nb La", "P Kb"), ("Nb La", "Pt Mb"),
        ("W Ma", "Si Ka"), ("W Ma", "Ta Ma"), ("Mg Ka", "W Mz"), ("Mg Ka", "Ga La"), ("Cu La", "Na Ka"),
        ("Cu La", "Zn La"), ("Cu La", "Ga La"),
    ],
)  # fmt: skip
def test_pairs_of_the_field_are_known_both_ways(of, other):
    for one, two in ((of, other), (other, of)):
        found = find_overlaps([find_line(one)], present(two.split()[0]), 130.0)
        assert any(o.other == two and o.known and o.remedy for o in found), one


def test_no_known_pair_is_far_apart():
    for pair in known_pairs():
        one, two = (find_line(label) for label in pair)
        assert abs(one.energy - two.energy) < 2.5 * fwhm(0.5 * (one.energy + two.energy), 130.0)


def test_pairs_are_found_by_calculation():
    found = find_overlaps([find_line("Ti Ka")], present("V", "Ba"), 130.0)
    assert {o.other for o in found} >= {"Ba La"}
    assert not find_overlaps([find_line("Al Ka")], present("Ti"), 130.0)
    better = find_overlaps([find_line("Ti Ka")], present("Ba"), 25.0)
    assert len(better) < len(found)


def test_the_sum_peak_of_magnesium_between_sulfur_and_chlorine():
    lines = [find_line(label) for label in ("Mg Ka", "S Ka", "Cl Ka")]
    found = {(o.of, o.other): o for o in find_overlaps(lines, present("Mg", "S", "Cl"), 130.0)}
    assert found["S Ka", "2 x Mg Ka"].separation == pytest.approx(200.0, abs=1.0)
    assert found["Cl Ka", "2 x Mg Ka"].separation == pytest.approx(-115.2, abs=1.0)


def test_an_element_does_not_overlap_itself():
    assert not find_overlaps([find_line("W Ma")], element_lines("W"), 130.0)
