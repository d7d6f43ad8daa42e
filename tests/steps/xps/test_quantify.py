"""Sensitivities to the digits of the reference, and atomic fractions of samples with a known composition."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from fitted_leaves import fitted_leaf

from imgpipe.errors import DataError
from imgpipe.kernels.atomic_fractions import fractions
from imgpipe.kernels.attenuation import SOLIDS, Solid, mean_free_path
from imgpipe.kernels.region_area import region_area
from imgpipe.phantoms.xps import make
from imgpipe.steps.xps.photoelectrons import angular_factor, cross_section, relative_sensitivity
from imgpipe.steps.xps.quantify import quantify_regions

REFERENCE = {
    "Li 1s": ".0568", "N 1s": "1.798", "O 1s": "2.931", "F 1s": "4.428", "Mg 2p": ".334", "P 2p": "1.191",
    "P 2p3/2": ".789", "S 2p": "1.675", "S 2p3/2": "1.109", "Cl 2p": "2.288", "Cl 2p3/2": "1.513",
    "Ni 2p3/2": "14.62", "Cu 2p3/2": "16.76", "Zr 3d": "7.04", "Zr 3d5/2": "4.168", "La 3d": "47.57",
    "La 3d5/2": "28.10", "Ta 4f": "8.617", "Ta 4f7/2": "4.820", "W 4f": "9.808", "W 4f7/2": "5.487",
}  # fmt: skip
"""Relative to C 1s, Al K-alpha, as computed with xraylib 4.3.0; one unit of the last digit is allowed."""


def tree(**leaves: xr.Dataset) -> xr.DataTree:
    return xr.DataTree.from_dict(
        {f"/{name.replace('__', '/').replace('_', ' ')}": leaf for name, leaf in leaves.items()}
    )


def composed(amounts: dict[str, float], **settings: float) -> dict[str, xr.Dataset]:
    """Return regions whose areas are those of a homogeneous sample seen by an ideal instrument."""
    energies = {"S 2p": 161.0, "P 2p": 132.0, "Cl 2p": 198.0, "Li 1s": 55.0, "C 1s": 285.0}
    leaves = {}
    for line, amount in amounts.items():
        kinetic = 1486.6 - energies[line]
        area = 1e4 * amount * cross_section(line) * (kinetic / 1000.0) ** 0.75 * settings.get("time", 2.0)
        halves = {"main": "2p3/2", "minor": "2p1/2"} if "2p" in line else {}
        leaves[line.replace(" ", "_")] = fitted_leaf(
            line, {"all": area}, {"all": 0.01 * area}, positions={"all": energies[line]}, **halves
        )
    return leaves


@pytest.mark.parametrize("line", REFERENCE)
def test_sensitivities_to_the_digits_of_the_reference(line):
    text = REFERENCE[line]
    last_digit = 10.0 ** -len(text.partition(".")[2])
    assert relative_sensitivity(line, 1486.6) == pytest.approx(float(text), abs=last_digit)


def test_the_two_halves_make_the_whole():
    assert cross_section("W 4f5/2") + cross_section("W 4f7/2") == pytest.approx(cross_section("W 4f"))
    assert cross_section("S 2p3/2") / cross_section("S 2p1/2") == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize("line", ["S2p", "S 2p5/2", "Xx 1s", "S 7p"])
def test_what_is_no_line_says_so(line):
    with pytest.raises(DataError, match=r"no photoelectron line|has no j|no cross-section"):
        cross_section(line)


def test_angular_factor_is_one_at_the_magic_angle():
    assert angular_factor(1.4, 54.7356) == pytest.approx(1.0, abs=1e-6)
    assert angular_factor(2.0, 90.0) == pytest.approx(1.5)
    assert angular_factor(2.0, 0.0) == pytest.approx(0.0)


def test_mean_free_path_follows_the_formula():
    # glassy numbers: Nv rho / M = 0.25 makes Ep = 14.4 eV, and rho = 1 makes gamma = 0.191
    solid = Solid(1.0, 4.0, 1.0)
    beta = -0.10 + 0.944 / 14.4 + 0.069
    c, d = 1.97 - 0.91 * 0.25, 53.4 - 20.8 * 0.25
    wanted = 0.1 * 1000.0 / (14.4**2 * (beta * np.log(191.0) - c / 1000.0 + d / 1e6))
    assert mean_free_path(solid, 1000.0) == pytest.approx(wanted, rel=1e-12)
    lengths = {name: float(mean_free_path(one, 1000.0)) for name, one in SOLIDS.items()}
    assert all(1.0 < length < 6.0 for length in lengths.values()), lengths
    assert lengths["W"] < lengths["WO3"] < lengths["MgO"] < lengths["Mg"] < lengths["Li"]


def test_a_homogeneous_sample_gives_its_composition():
    leaves = composed({"Li 1s": 6.0, "P 2p": 1.0, "S 2p": 5.0, "Cl 2p": 1.0})
    table = quantify_regions(tree(**leaves))["quantification"].to_dataset()
    found = table["atomic_percent"].to_series()
    assert found.to_dict() == pytest.approx({"Li": 600 / 13, "P": 100 / 13, "S": 500 / 13, "Cl": 100 / 13}, rel=1e-6)
    assert set(table["denominator"].values) == {"Li + P + S + Cl"}
    assert (table["u_atomic_percent_shared"] > table["u_atomic_percent_random"]).all()
    assert list(table["element_line"].values) == ["Li 1s", "P 2p", "S 2p", "Cl 2p"]


def test_half_a_doublet_has_the_sensitivity_of_the_half():
    leaves = composed({"S 2p": 1.0, "P 2p": 1.0})
    share = cross_section("S 2p3/2") / cross_section("S 2p")
    area = float(leaves["S_2p"]["area"].values[0]) * share
    leaves["S_2p"] = fitted_leaf("S 2p", {"all": area}, positions={"all": 161.0}, main="2p3/2")
    table = quantify_regions(tree(**leaves))["quantification"].to_dataset()
    np.testing.assert_allclose(table["atomic_percent"], 50.0, rtol=1e-6)
    assert table["element_line"].values[0] == "S 2p3/2"


def test_sweeps_and_dwell_are_taken_out():
    leaves = composed({"S 2p": 1.0, "P 2p": 1.0})
    leaves["S_2p"]["area"] = leaves["S_2p"]["area"] * 5.0
    leaves["S_2p"]["sweeps"] = leaves["S_2p"]["sweeps"] * 5.0
    table = quantify_regions(tree(**leaves))["quantification"].to_dataset()
    np.testing.assert_allclose(table["atomic_percent"], 50.0, rtol=1e-6)


def test_losses_and_foreign_lines_are_no_part_of_the_element():
    leaves = composed({"S 2p": 1.0, "P 2p": 1.0})
    area = float(leaves["S_2p"]["area"].values[0])
    leaves["S_2p"] = fitted_leaf(
        "S 2p", {"all": area, "plasmon": 3 * area}, positions={"all": 161.0}, main="2p3/2", minor="2p1/2",
        kinds={"plasmon": "loss"},
    )  # fmt: skip
    table = quantify_regions(tree(**leaves))["quantification"].to_dataset()
    np.testing.assert_allclose(table["atomic_percent"], 50.0, rtol=1e-6)


def test_without_a_listed_region_there_is_no_total():
    leaves = composed({"S 2p": 1.0, "P 2p": 1.0})
    table = quantify_regions(tree(**leaves), regions=["S 2p", "P 2p", "Cl 2p"])["quantification"].to_dataset()
    assert table["atomic_percent"].isnull().all()
    assert all("Cl 2p is missing" in flag for flag in table["flag"].values)


def test_an_element_at_zero_gets_a_bound():
    leaves = composed({"S 2p": 1.0, "P 2p": 1.0})
    leaves["Cl_2p"] = fitted_leaf(
        "Cl 2p", {"Cl-": 0.0}, {"Cl-": 50.0}, positions={"Cl-": 198.0}, main="2p3/2", minor="2p1/2"
    )
    row = quantify_regions(tree(**leaves))["quantification"].to_dataset().sel(element="Cl")
    assert row["atomic_percent_low"] == 0.0
    assert 0.0 < row["atomic_percent_high"] < 1.0
    assert "not detected" in row["flag"].item()


def test_mixed_halves_and_wholes_are_refused():
    both = fitted_leaf("S 2p", {"a": 1.0, "b": 1.0}, main="2p3/2", minor="2p1/2")
    described = both.attrs["fit_model"].replace('["b 2p3/2", "b 2p1/2"]', '["b 2p3/2"]')
    with pytest.raises(DataError, match="whole doublets and some are halves"):
        quantify_regions(tree(S_2p=both.assign_attrs(fit_model=described)))


def test_unknown_counting_time_of_one_region_is_refused():
    leaves = composed({"S 2p": 1.0, "P 2p": 1.0})
    leaves["P_2p"] = leaves["P_2p"].drop_vars(["dwell_time", "sweeps"])
    with pytest.raises(DataError, match="counting time of P 2p"):
        quantify_regions(tree(**leaves))


def test_off_the_magic_angle_the_asymmetry_is_asked_for():
    leaves = composed({"S 2p": 1.0, "P 2p": 1.0})
    with pytest.raises(DataError, match=r"asymmetry parameter of S 2p.*Yeh"):
        quantify_regions(tree(**leaves), source_angle=90.0)
    table = quantify_regions(tree(**leaves), source_angle=90.0, asymmetry={"S 2p": 1.2, "P 2p": 1.2})
    np.testing.assert_allclose(table["quantification"]["atomic_percent"], 50.0, rtol=1e-6)


def test_a_missing_transmission_is_refused_with_the_way_out():
    leaves = {name: leaf.drop_vars("transmission") for name, leaf in composed({"S 2p": 1.0, "P 2p": 1.0}).items()}
    with pytest.raises(DataError, match="transmission: power"):
        quantify_regions(tree(**leaves))
    assert "quantification" in quantify_regions(tree(**leaves), transmission="none").children


def test_area_above_the_background_of_a_known_peak():
    energy = np.linspace(0.0, 20.0, 201)
    peak = 1000.0 * np.exp(-4 * np.log(2) * (energy - 10.0) ** 2)
    step = 0.02 * np.concatenate([[0.0], np.cumsum(0.5 * (peak[1:] + peak[:-1]) * 0.1)])
    found = region_area(energy, (peak + step + 50.0)[None])
    assert found.area[0] == pytest.approx(np.trapezoid(peak, energy), rel=0.01)
    assert found.u_counting[0] > 0


def test_spectra_of_the_argyrodite_phantom_without_a_fit():
    spectra, truth = make(8, preset="argyrodite")
    regions = ["S 2p", "P 2p", "Cl 2p", "Li 1s"]
    table = quantify_regions(spectra["pristine"], regions=regions)["pristine/quantification"].to_dataset()
    wanted = truth["atomic_percent"].sel(sample="pristine", element=["S", "P", "Cl", "Li"])
    wanted = 100.0 * wanted / wanted.sum()
    deviation = np.abs(table["atomic_percent"].values - wanted.values)
    assert (deviation <= 1.96 * table["u_atomic_percent"].values).all()


def coverage(seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how often the intervals hold the truth, and their mean width over 3.92 rms, per element."""
    truth, u_relative = np.array([46.0, 8.0, 38.0, 8.0]), np.full(4, 0.15)
    rng = np.random.default_rng(1)
    noise = np.array([0.03, 0.04, 0.01, 0.03])
    factors = np.exp(u_relative * rng.standard_normal((seeds, 4)))
    amount = truth * factors * (1.0 + noise * rng.standard_normal((seeds, 4)))
    found = fractions(amount, noise * amount, u_relative)
    inside = (found.low <= truth) & (truth <= found.high)
    rms = np.sqrt(((found.value - truth) ** 2).mean(axis=0))
    return inside.mean(axis=0), (found.high - found.low).mean(axis=0) / (3.92 * rms)


@pytest.mark.parametrize("seeds", [2000, pytest.param(20000, marks=pytest.mark.truth)])
def test_intervals_hold_when_sensitivities_are_drawn(seeds):
    inside, width = coverage(seeds)
    slack = 3.0 * np.sqrt(0.95 * 0.05 / seeds)
    assert (inside >= 0.95 - slack).all(), inside
    assert (width <= 1.25).all(), width


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"attenuation": "tpp2m"}, "needs a known material"), ({"asymmetry": {"S2p": 1.2}}, "no photoelectron line")],
)
def test_recipes_are_refused_before_a_file_is_opened(settings, said):
    with pytest.raises(DataError, match=said):
        quantify_regions.check(quantify_regions.settings(**settings))
