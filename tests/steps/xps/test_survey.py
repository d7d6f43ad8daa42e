"""Elements of surveys whose composition is known: phantoms and real files."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.model import quantity
from imgpipe.phantoms.xps import make
from imgpipe.readers import read
from imgpipe.steps.xps.line_table import AUGER, known_elements, line_table
from imgpipe.steps.xps.survey import identify_lines

REAL = {
    "pynxtools-xps/SnO2_10nm.spe": ("survey", {"Sn", "O", "C"}, {485.2: "Sn 3d5/2", 493.6: "Sn 3d3/2", 529.5: "O 1s"}),
    "lg4x/0-150W.vms": ("survey", {"W", "O", "C"}, {34.0: "W 4f", 528.5: "O 1s", 282.2: "C 1s"}),
    "pynxtools-xps/regular.vms": ("survey", {"Fe", "Mg", "O", "C"}, {1304.5: "Mg 1s", 711.8: "Fe 2p3/2"}),
    "pynxtools-xps/vms_txt_export.txt": ("Ni/survey", {"Ni", "O", "C"}, {853.8: "Ni 2p3/2", 641.0: "Ni LMM"}),
}  # fmt: skip
"""Leaf, elements, and peaks by energy. The wide scan of 0-150W holds no visible Ni: its Ni 2p is 144 counts at most."""
UNSURE = {"lg4x/0-150W.vms": {"N"}}
"""Elements found by a single line, flagged so."""


@pytest.mark.parametrize("name", REAL)
def test_elements_of_real_surveys(real_data, name):
    path, elements, peaks = REAL[name]
    found = identify_lines(read(real_data / "xps" / name))[path].to_dataset()
    assert set(found.attrs["elements_found"].split(", ")) - UNSURE.get(name, set()) == elements
    for energy, line in peaks.items():
        row = found.isel(peak=int(np.abs(found["peak_position"].values - energy).argmin()))
        assert row["assigned"] == line
        assert row["confidence"] > 0.8
    for element in UNSURE.get(name, set()):
        flags = found["peak_flag"].values[found["element"].values == element]
        assert all("ambiguous" in flag and "the only peak" in flag for flag in flags)


def test_rates_get_their_noise_from_the_survey(real_data):
    tree = read(real_data / "xps" / "pynxtools-xps" / "SnO2_10nm.spe")
    leaf = tree["survey"].to_dataset()
    rate = quantity(leaf["counts"].values / 0.12, "counts/s", "rate", "energy")
    rated = xr.DataTree.from_dict({"/survey": leaf.drop_vars("counts").assign(intensity=rate)})
    counted, found = (identify_lines(t)["survey"].to_dataset() for t in (tree, rated))
    assert found.attrs["elements_found"] == counted.attrs["elements_found"]
    assert found["peak_height"].attrs["units"] == "counts/s"
    assert "noise taken from the scatter" in found["peak_flag"].values[0]
    strong = counted["peak_height"].values.max()
    assert found["peak_height"].values.max() == pytest.approx(strong / 0.12, rel=0.01)


@pytest.mark.parametrize("seeds", [3, pytest.param(100, marks=pytest.mark.truth)])
def test_elements_of_argyrodite(seeds):
    there, missed, wrong = {"Li", "C", "O", "P", "S", "Cl"}, 0, 0
    for seed in range(seeds):
        tree, _ = make(seed, preset="argyrodite")
        found = identify_lines(tree)
        for sample in ("pristine", "cycled"):
            survey = found[f"{sample}/survey"].to_dataset()
            elements = set(survey.attrs["elements_found"].split(", "))
            missed, wrong = missed + bool(there - elements), wrong + bool(elements - there)
            lithium = survey.isel(peak=list(survey["assigned"].values).index("Li 1s"))
            assert "Fe 3p" in lithium["candidates"].item()
    assert missed <= 0.05 * 2 * seeds
    assert wrong <= 0.05 * 2 * seeds


def test_only_surveys_are_touched_and_what_was_known_stays():
    tree, _ = make(8, preset="argyrodite")
    found = identify_lines(tree)
    assert {node.path for node in found.leaves} == {"/pristine/survey", "/cycled/survey"}
    before, after = tree["pristine/survey"].to_dataset(), found["pristine/survey"].to_dataset()
    xr.testing.assert_identical(before["counts"], after["counts"])
    again = identify_lines(found)["pristine/survey"].to_dataset()
    assert again["assigned"].values.tolist() == after["assigned"].values.tolist()


def test_a_series_of_surveys_is_summed_and_a_charged_one_shifted_back():
    tree, _ = make(8, preset="argyrodite")
    leaf = tree["pristine/survey"].to_dataset()
    axis = quantity(np.array([1.0, 2.0]), "1", "cycle", "cycle")
    twice = xr.concat([leaf["counts"]] * 2, "cycle").assign_coords(cycle=axis).assign_attrs(leaf["counts"].attrs)
    moved = leaf.assign(counts=twice).assign_coords(energy=(leaf["energy"] + 8.0).assign_attrs(leaf["energy"].attrs))
    given = xr.DataTree.from_dict({"/survey": moved})
    found = identify_lines(given, largest_shift=12.0)["survey"].to_dataset()
    assert float(found["survey_shift"]) == pytest.approx(8.0, abs=1.5)
    assert {"S 2p", "S 2s", "Cl 2p", "C 1s", "O 1s"} <= set(found["assigned"].values)


def test_elements_may_be_named():
    tree, _ = make(8, preset="argyrodite")
    found = identify_lines(tree, elements=["S", "P", "Cl"])["pristine/survey"].to_dataset()
    assert found.attrs["elements_found"] == "S, P, Cl"
    unsure = identify_lines(tree)["pristine/survey"].to_dataset()
    sure = identify_lines(tree, expected=["Li"])["pristine/survey"].to_dataset()
    place = list(unsure["assigned"].values).index("Li 1s")
    assert sure["confidence"].values[place] > unsure["confidence"].values[place]


def test_without_peaks_the_table_is_empty_and_there():
    tree, _ = make(8, preset="argyrodite")
    leaf = tree["pristine/survey"].to_dataset()
    flat = np.random.default_rng(0).poisson(200.0, leaf.sizes["energy"]).astype(float)
    given = xr.DataTree.from_dict({"/survey": leaf.assign(counts=leaf["counts"].copy(data=flat))})
    found = identify_lines(given)["survey"].to_dataset()
    assert found.sizes["peak"] == 0
    assert found.attrs["elements_found"] == ""


def damaged(**change: object) -> xr.DataTree:
    tree, _ = make(8, preset="argyrodite")
    leaf = tree["pristine/survey"].to_dataset()
    if "counts" in change:
        leaf = leaf.assign(counts=leaf["counts"].copy(data=np.full(leaf.sizes["energy"], float(change["counts"]))))  # type: ignore[arg-type]
    return xr.DataTree.from_dict({"/survey": leaf.drop_vars("photon_energy") if "blind" in change else leaf})


@pytest.mark.parametrize(
    ("tree", "settings", "said"),
    [
        (damaged(counts=0.0), {}, "all-zero"),
        (damaged(counts=np.nan), {}, "missing"),
        (damaged(counts=-1.0), {}, "negative"),
        (damaged(blind=True), {}, "photon energy is unknown"),
        (damaged(), {"elements": ["Sx"]}, "'Sx' is no element"),
    ],
)
def test_what_can_not_be_searched_says_so(tree, settings, said):
    with pytest.raises(DataError, match=said):
        identify_lines(tree, **settings)


def test_without_a_survey_it_says_so():
    tree, _ = make(8, preset="argyrodite")
    one = xr.DataTree.from_dict({"/S 2p": tree["pristine/S 2p"].to_dataset()})
    with pytest.raises(DataError, match="no leaf is a survey"):
        identify_lines(one)


def test_the_table_holds_the_main_lines_of_the_field():
    table = line_table(1486.6, 0.0, 1400.0, None, [])
    place = dict(zip(table.names, table.lines.position, strict=True))
    wanted = {"C 1s": 284.8, "O 1s": 531.0, "S 2p": 163.5, "Li 1s": 55.0, "Cu 2p3/2": 932.6, "W 4f": 32.5,
              "Ni 2p3/2": 852.8, "Mg 1s": 1303.0, "Zr 3d": 180.0, "Ta 4f": 23.0}  # fmt: skip
    assert {name: place[name] for name in wanted} == pytest.approx(wanted, abs=4.5)
    assert not np.isfinite(table.lines.strength[table.names.index("Cu LMM")])


def test_auger_lines_stay_at_their_kinetic_energy():
    aluminium, magnesium = (line_table(hv, 0.0, hv, ["O"], []) for hv in (1486.6, 1253.6))
    shift = [t.lines.position[t.names.index("O KLL")] for t in (aluminium, magnesium)]
    assert shift[0] - shift[1] == pytest.approx(233.0)
    assert all(name.split()[0] in known_elements() for name in AUGER)
