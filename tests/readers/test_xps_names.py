"""Canonical names of regions."""

from __future__ import annotations

import pytest

from imgpipe.readers.xps_names import RegionName, canonical, path_part, region_name


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("S2p", "S 2p"), ("S 2p", "S 2p"), ("S 2p3/2", "S 2p"), ("s2p", "S 2p"), ("Scan S2p", "S 2p"),
        ("S2p Scan_1", "S 2p"), ("S_2p", "S 2p"), ("Sn3d5", "Sn 3d"), ("W 4f", "W 4f"), ("Cl2p", "Cl 2p"),
        ("Fe2p_FeO", "Fe 2p"), ("Li1s", "Li 1s"), ("Mg 2p + Li 1s", "Mg 2p"), ("0-150W_NiWW4f_W4f", "W 4f"),
        ("Su1s", "survey"), ("Wide", "survey"), ("wide", "survey"), ("XPS Survey", "survey"), ("Survey_2", "survey"),
        ("VB", "VB"), ("Valence Band", "VB"), ("Cu LMM", "Cu LMM"), ("CuLMM", "Cu LMM"), ("O KVV", "O KVV"),
        ("Fermi edge", "Fermi edge"), ("Counts per Second", None), ("SnO2_10nm", None), ("1 as-loaded", None),
        ("Xx 2p", None), ("", None),
    ],
)  # fmt: skip
def test_canonical(label, name):
    found = canonical(label)
    assert (found.name if found else None) == name


def test_element_and_line():
    assert canonical("S 2p3/2") == RegionName("S 2p", "S", "2p")
    assert canonical("Mg KLL") == RegionName("Mg KLL", "Mg", "KLL")
    assert canonical("survey") == RegionName("survey")


def test_first_label_that_names_a_region_wins():
    assert region_name("Counts per Second", "", "Survey").name == "survey"
    assert region_name("", "detail 3").name == "detail 3"
    assert region_name("", " ").name == "spectrum"


@pytest.mark.parametrize(
    ("text", "part"), [("a/b\\c", "a_b_c"), (" .hidden. ", "hidden"), ("\n", "_"), ("..", "spectrum")]
)
def test_parts_of_leaf_names(text, part):
    assert path_part(text) == part
