"""k-ratios: per dose, never normalised, flagged where something is unknown."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from edxs_by_hand import intensities, run
from pydantic import ValidationError

from imgpipe.errors import DataError
from imgpipe.model import check, quantity
from imgpipe.steps.edxs.k_ratios import k_ratios

MADE = {"counts": 40000.0, "live_time": 100.0, "beam_current": 1e-9, "beam_energy": 5000.0}


def specimen(time: float = 50.0, current: float | None = 2e-9, energy: float | None = 5000.0) -> xr.Dataset:
    """Return Mg and W of a specimen."""
    known = {"live_time": (time, "s"), "beam_current": (current, "A"), "beam_energy": (energy, "eV")}
    numbers = {name: one for name, one in known.items() if one[0] is not None}
    return intensities({"Mg": (10000.0, 110.0), "W": (2000.0, 60.0)}, ["Mg Ka", "W Ma"], **numbers)


def measured(leaf: xr.Dataset, standards: dict[str, dict[str, object]], **settings: object) -> xr.Dataset:
    return run(k_ratios, {"sum": leaf}, standards=standards, **settings)["sum"].to_dataset()


def test_intensity_per_dose_over_that_of_the_standard():
    found = measured(specimen(), {"Mg": MADE, "W": {**MADE, "counts": 1000.0, "u": 5.0}})
    np.testing.assert_allclose(found["k_ratio"], [0.25, 2.0])  # the doses are equal: 100 s nA
    assert float(found["k_ratio_total"]) == pytest.approx(2.25)  # not normalised
    relative = np.hypot([110.0 / 10000.0, 60.0 / 2000.0], [1.0 / 200.0, 5.0 / 1000.0])
    np.testing.assert_allclose(found["u_k_ratio_random"], relative * found["k_ratio"], rtol=1e-6)
    np.testing.assert_allclose(found["u_k_ratio_shared"], 0.01 * found["k_ratio"])
    assert (found["element_flag"].values == "").all()
    assert check(found) == []
    assert "no composition" in found["k_ratio"].attrs["long_name"]


def test_time_and_current_divide():
    one = measured(specimen(time=100.0), {"Mg": MADE})
    np.testing.assert_allclose(one["k_ratio"].sel(element="Mg"), 0.125)
    two = measured(specimen(current=4e-9), {"Mg": MADE})
    np.testing.assert_allclose(two["k_ratio"].sel(element="Mg"), 0.125)
    assert np.isnan(one["k_ratio"].sel(element="W"))


def test_texts_with_units_are_read():
    said = {"counts": 40000, "live_time": "100 s", "beam_current": "1 nA", "beam_energy": "5 keV"}
    found = measured(specimen(), {"Mg": said})
    np.testing.assert_allclose(found["k_ratio"].sel(element="Mg"), 0.25)
    np.testing.assert_allclose(found["u_k_ratio_random"].sel(element="Mg"), 0.25 * np.hypot(0.011, 0.005))


def test_beam_energies_must_agree():
    with pytest.raises(DataError, match=r"standard Mg was measured at 10 keV, the specimen at 5 keV"):
        measured(specimen(), {"Mg": {**MADE, "beam_energy": "10 keV"}})


def test_unknown_current_time_and_energy_are_flagged():
    found = measured(specimen(current=None), {"Mg": MADE})
    assert "beam current unknown, taken as equal" in str(found["element_flag"].values[0])
    np.testing.assert_allclose(found["k_ratio"].sel(element="Mg"), 0.5)  # per live time alone
    found = measured(specimen(energy=None), {"Mg": {"counts": 4e4, "beam_current": 1e-9}})
    assert "not compared" in str(found["element_flag"].values[0])
    assert "no k-ratio: live time unknown" in str(found["element_flag"].values[0])
    assert np.isnan(found["k_ratio"]).all()
    assert np.isnan(found["k_ratio_total"])


def test_another_leaf_serves_as_standard():
    standard = intensities(
        {"W": (1.0, 1.0), "Mg": (40000.0, 200.0)}, ["W Ma", "Mg Ka"],
        live_time=(100.0, "s"), beam_current=(1e-9, "A"), beam_energy=(5000.0, "eV"),
    )  # fmt: skip
    tree = run(k_ratios, {"sum": specimen(), "sum 2": standard}, standards={"Mg": {"leaf": "sum 2"}})
    np.testing.assert_allclose(tree["sum"]["k_ratio"].sel(element="Mg"), 0.25)
    assert "k_ratio" not in tree["sum 2"]
    np.testing.assert_allclose(tree["sum"]["u_k_ratio_random"][0], 0.25 * np.hypot(0.011, 0.005))
    with pytest.raises(DataError, match="no leaf 'Mg standard'"):
        run(k_ratios, {"sum": specimen()}, standards={"Mg": {"leaf": "Mg standard"}})
    with pytest.raises(DataError, match="all leaves serve"):
        run(k_ratios, {"sum 2": standard}, standards={"Mg": {"leaf": "sum 2"}})


def test_the_live_time_of_a_line_is_that_of_each_of_its_points():
    position = xr.DataArray(np.arange(5.0), dims=("position",), attrs={"units": "nm", "long_name": "position"})
    line = specimen(time=10.0).assign_coords(position=position)
    np.testing.assert_allclose(measured(line, {"Mg": MADE})["k_ratio"].sel(element="Mg"), 0.25)


def test_not_seen_gives_an_upper_bound():
    leaf = specimen()
    leaf["total_intensity"] = leaf["total_intensity"].copy(data=np.array([5.0, 2000.0]))
    found = measured(leaf, {"Mg": MADE}).sel(element="Mg")
    assert float(found["k_ratio_low"]) == 0.0
    assert float(found["k_ratio_high"]) == pytest.approx((5.0 + 1.645 * 110.0) / 40000.0, rel=0.02)
    assert "upper bound" in str(found["element_flag"].item())


def test_lithium_leaves_the_total_without_it():
    found = measured(specimen(), {"Mg": MADE}, lithium=True)
    assert "lithium not measured" in found["k_ratio_total"].attrs["long_name"]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"counts": 10, "volts": 3}, "volts"),
        ({}, "either `counts` or `leaf`"),
        ({"counts": 10, "leaf": "sum 2"}, "either"),
        ({"counts": -3}, "not above zero"),
        ({"counts": 10, "live_time": "3 nm"}, "live_time"),
    ],
)
def test_a_wrong_standard_is_told_before_anything_runs(said, text):
    with pytest.raises(ValidationError, match=text):
        k_ratios.settings(standards={"Mg": said})


def test_an_empty_list_of_standards_is_refused():
    with pytest.raises(DataError, match="at least one"):
        k_ratios.check(k_ratios.settings(standards={}))
    with pytest.raises(DataError, match="no intensity of 'Cu'"):
        measured(specimen(), {"Cu": MADE})
    bare = intensities({"Mg": (0.0, 1.0)}, ["Mg Ka"])
    with pytest.raises(DataError, match="0 counts"):
        run(k_ratios, {"sum": specimen(), "sum 2": bare}, standards={"Mg": {"leaf": "sum 2"}})


def test_intervals_hold_with_drawn_doses():
    generator, covered, n = np.random.default_rng(8), 0, 80
    for _ in range(n):
        leaf = specimen()
        counts = float(generator.poisson(10000.0 * (1.0 + 0.01 * generator.standard_normal())))
        leaf["total_intensity"] = quantity([counts, 2000.0], "counts", "i", "element", leaf.coords)
        leaf["u_total_intensity"] = quantity([np.sqrt(counts), 60.0], "counts", "u", "element", leaf.coords)
        one = measured(leaf, {"Mg": {**MADE, "counts": float(generator.poisson(40000.0))}}).sel(element="Mg")
        covered += bool(one["k_ratio_low"] <= 0.25 <= one["k_ratio_high"])
    assert abs(covered / n - 0.95) <= 3.0 * np.sqrt(0.95 * 0.05 / n)
