"""The presets: shares, chemistry and thickness as said, counts that are Poisson, equal seeds that are equal."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr

from imgpipe.model import check
from imgpipe.phantoms.xps import (
    MATCHED,
    MATCHED_ARGYRODITE,
    MATCHED_SERIES,
    PRESETS,
    draw_systematics,
    make,
    make_batch,
    of_region,
)
from imgpipe.phantoms.xps.argyrodite import CARBON_LENGTH, SULFIDE_LENGTH
from imgpipe.phantoms.xps.argyrodite_atoms import atoms_of, excess_sulfide
from imgpipe.phantoms.xps.core_lines import cross_section
from imgpipe.phantoms.xps.metal_oxide import LENGTH
from imgpipe.phantoms.xps.region import noise_free
from imgpipe.phantoms.xps.series import Series
from imgpipe.phantoms.xps.specimen import Draws
from imgpipe.phantoms.xps.spectrometer import PHOTON_ENERGY, Spectrometer, attenuation_length


@pytest.fixture(scope="module", params=sorted(PRESETS))
def made(request: pytest.FixtureRequest) -> tuple[xr.DataTree, xr.Dataset]:
    return make(3, preset=request.param)


def test_leaves_are_what_readers_give(made: tuple[xr.DataTree, xr.Dataset]) -> None:
    tree, _ = made
    for node in tree.leaves:
        leaf = node.to_dataset()
        assert check(leaf) == []
        energy, counts = leaf["energy"], leaf["counts"]
        assert (np.diff(energy.values) > 0).all()
        assert energy.attrs == {"units": "eV", "long_name": "binding energy", "energy_type": "binding"}
        assert counts.dims[-1] == "energy"
        assert (counts.dtype, counts.attrs["units"]) == (np.float64, "counts")
        assert (counts.values == np.round(counts.values)).all()
        assert leaf.attrs["region"] == node.name
        assert {"photon_energy", "pass_energy", "dwell_time", "sweeps", "emission_angle"} <= set(leaf.data_vars)
        assert json.loads(leaf.attrs["provenance"]) == []


def test_truth_is_whole(made: tuple[xr.DataTree, xr.Dataset]) -> None:
    _, truth = made
    for region in truth["region"].values:
        found = of_region(truth, str(region))
        assert (found["area"].fillna(0) >= 0).all()
        assert (found["fwhm"].fillna(1) > 0.3).all()
        assert all("units" in found[name].attrs for name in found.data_vars if found[name].dtype.kind == "f")


def test_equal_seeds_are_equal(made: tuple[xr.DataTree, xr.Dataset]) -> None:
    first, second = (make(5, preset="published") for _ in range(2))
    assert first[0].identical(second[0])
    assert first[1].identical(second[1])
    assert not first[0]["Cu/S 2p"]["counts"].equals(make(6, preset="published")[0]["Cu/S 2p"]["counts"])


@pytest.mark.parametrize("preset", ["published", "argyrodite", "metal_oxide"])
def test_primary_areas_are_the_truth(preset: str) -> None:
    for specimen in PRESETS[preset]().specimens(Draws([0])):
        for region in specimen.regions:
            curves = noise_free(region)
            whole = sum(np.atleast_1d(peak.area) for peak in region.peaks) * curves.scale
            seen = np.trapezoid(curves.elastic[0], region.energy)
            assert seen == pytest.approx(float(whole[0]), rel=0.02)  # Lorentzian and metal tails leave the window
            assert seen < float(whole[0]) * 1.0001


def test_published_shares_positions_and_widths() -> None:
    _, truth = make(0, u_charge=0.0, u_differential=0.0)
    sulfur = of_region(truth, "S 2p").sel(component=["Li2S", "Li6PS5Cl", "SOx"])
    np.testing.assert_allclose(sulfur["area_percent"].sel(component="Li2S"), [14.0, 19.0, 27.0, 43.0])
    np.testing.assert_allclose(sulfur["area_percent"].sum("component"), 100.0)
    np.testing.assert_allclose(sulfur["position"], [[160.4, 161.2, 166.9]] * 4)
    np.testing.assert_allclose(sulfur["splitting"], 1.2)
    np.testing.assert_allclose(sulfur["fwhm"], 1.1)


def test_published_counts_are_enough() -> None:
    for sample in ("MgW-Cu", "Mg-Cu", "W-Cu", "Cu"):
        leaf, _ = make_batch([0], sample=sample)
        assert leaf.sizes["energy"] == 141
        counts = leaf["counts"].values[0]
        assert counts.max() - counts[:5].mean() > 10_000


def test_charging_shifts_all_lines_of_a_sample() -> None:
    _, truth = make(2, u_differential=0.0)
    shift = truth["energy_shift"].values
    assert shift.std() > 0.05
    places = of_region(truth, "S 2p")["position"].sel(component="Li2S")
    np.testing.assert_allclose(places - 160.4, shift)
    np.testing.assert_allclose(of_region(truth, "C 1s")["position"].sel(component="C-C") - 284.8, shift)


def test_counts_are_poisson() -> None:
    leaf, truth = make_batch(range(2000), sample="Cu", **MATCHED)
    expected, counts = truth["expected"].values, leaf["counts"].values
    assert expected.shape == (1, 141)
    deviation = (counts - expected) / np.sqrt(expected)
    assert deviation.mean() == pytest.approx(0.0, abs=4 / np.sqrt(deviation.size))
    assert deviation.var() == pytest.approx(1.0, abs=4 * np.sqrt(2 / deviation.size))
    neighbours = (deviation[:, 1:] * deviation[:, :-1]).mean()
    assert neighbours == pytest.approx(0.0, abs=4 / np.sqrt(deviation.size))


def test_a_batch_is_made_of_single_spectra() -> None:
    leaf, truth = make_batch([4, 9], sample="Cu")
    for row, seed in enumerate((4, 9)):
        tree, one = make(seed)
        np.testing.assert_array_equal(leaf["counts"].values[row], tree["Cu/S 2p"]["counts"].values)
        names = truth["component"].values
        alone = of_region(one, "S 2p").sel(sample="Cu", component=names)
        np.testing.assert_allclose(truth["position"].values[row], alone["position"].values)


def test_batch_draws_one_value_per_seed() -> None:
    seeds = range(300)  # more than one chunk
    drawn = draw_systematics(seeds)
    leaf, truth = make_batch(seeds, sample="MgW-Cu", **drawn)
    assert leaf["counts"].shape == truth["expected"].shape == (300, 141)
    np.testing.assert_allclose(truth["position"].sel(component="Li2S"), drawn["li2s"] + drawn["charge"])
    np.testing.assert_allclose(truth["splitting"].sel(component="Li6PS5Cl"), drawn["splitting"])
    np.testing.assert_allclose(truth["area_percent"].sel(component="Li2S"), 14.0)
    np.testing.assert_allclose(truth["energy_shift"], drawn["charge"])
    again = draw_systematics([7])
    assert again["li2s"][0] == drawn["li2s"][7]


@pytest.mark.parametrize(
    ("preset", "matched"),
    [("published", MATCHED), ("argyrodite", MATCHED_ARGYRODITE), ("series", MATCHED_SERIES)],
)
def test_matched_losses_are_a_running_integral(preset: str, matched: dict[str, Any]) -> None:
    specimen = PRESETS[preset](**matched).specimens(Draws([0]))[0]
    region = next(window for window in specimen.regions if window.name == "S 2p")
    curves = noise_free(region)
    steps = 0.5 * (curves.elastic[:, 1:] + curves.elastic[:, :-1]) * 0.1
    np.testing.assert_allclose(np.diff(curves.inelastic), 0.02 * steps, atol=2e-3 * curves.inelastic.max())
    np.testing.assert_array_equal(specimen.scan("S 2p").transmission(region.energy), 1.0)
    assert np.ptp(curves.floor, axis=-1).max() == 0.0


def test_batch_names_what_there_is() -> None:
    with pytest.raises(ValueError, match="there are MgW-Cu, Mg-Cu, W-Cu, Cu"):
        make_batch([0], sample="Ni")
    with pytest.raises(ValueError, match="there are S 2p, C 1s"):
        make_batch([0], region="N 1s")


@pytest.mark.parametrize(("reduced", "oxidised"), [(0.0, 0.0), (0.12, 0.08), (1.0, 0.0), (0.0, 1.0)])
def test_reactions_keep_the_atoms(reduced: float, oxidised: float) -> None:
    atoms = atoms_of(reduced, oxidised, 0.0, 0.0)
    number = {line: sum(species.values()) for line, species in atoms.items()}
    assert number["S 2p"] == pytest.approx(5.0)
    assert number["P 2p"] == pytest.approx(1.0)
    assert number["Cl 2p"] == pytest.approx(1.0)
    assert number["Li 1s"] == pytest.approx(6.0 + 8.0 * reduced - 5.0 * oxidised)


def test_one_sulfur_in_five_is_free_and_not_in_excess() -> None:
    atoms = atoms_of(0.0, 0.0, 0.0, 0.0)
    assert atoms["S 2p"]["S2-"] / sum(atoms["S 2p"].values()) == pytest.approx(0.2)
    assert excess_sulfide(atoms) == 0.0
    assert excess_sulfide(atoms_of(0.1, 0.0, 0.0, 0.0)) == pytest.approx(10.0)


def test_areas_of_argyrodite_are_stoichiometric() -> None:
    angle = 30.0
    _, truth = make(0, preset="argyrodite", emission_angle=angle, survey=False)
    truth = truth.sel(sample="pristine")
    cosine = np.cos(np.radians(angle))

    def atoms(region: str, component: str, position: float, sweeps: float) -> float:
        carbon, solid = (float(attenuation_length(position, x)) for x in (CARBON_LENGTH, SULFIDE_LENGTH))
        sensitivity = cross_section(region, PHOTON_ENERGY) * float(Spectrometer().transmission(position))
        through = solid * np.exp(-0.8 / (carbon * cosine))
        return float(of_region(truth, region)["area"].sel(component=component)) / (sensitivity * through * sweeps)

    phosphorus = atoms("P 2p", "PS4", 131.9, 2.0)
    assert atoms("S 2p", "PS4", 161.6, 1.0) / phosphorus == pytest.approx(4.0, rel=1e-3)
    assert atoms("S 2p", "S2-", 160.3, 1.0) / phosphorus == pytest.approx(1.0, rel=1e-3)
    assert atoms("Cl 2p", "Cl-", 198.6, 1.0) / phosphorus == pytest.approx(1.0, rel=1e-3)
    assert atoms("Li 1s", "Li+", 55.4, 4.0) / phosphorus == pytest.approx(6.1, rel=1e-3)  # 0.05 Li2SO4 in addition


def test_cycled_argyrodite_has_excess_sulfide() -> None:
    _, truth = make(0, preset="argyrodite", survey=False)
    np.testing.assert_allclose(truth["excess_sulfide"].sel(sample="pristine"), 0.0, atol=1e-12)
    shares = of_region(truth, "S 2p")["area_percent"].sel(sample="cycled")
    excess = shares.sel(component="S2-") - 0.25 * shares.sel(component="PS4")
    assert float(truth["excess_sulfide"].sel(sample="cycled")) == pytest.approx(float(excess), abs=0.05)
    composition = truth["atomic_percent"]
    np.testing.assert_allclose(composition.sum("element"), 100.0)


@pytest.mark.parametrize("angle", [0.0, 45.0])
@pytest.mark.parametrize(("sample", "oxide", "metal"), [("oxide_W", "WO3", "W"), ("oxide_Mg", "MgO", "Mg")])
def test_thickness_follows_from_the_areas(sample: str, oxide: str, metal: str, angle: float) -> None:
    _, truth = make(0, preset="metal_oxide", emission_angle=angle, tungsten_oxide=1.7, magnesium_oxide=2.4)
    region = "W 4f" if metal == "W" else "Mg 2p"
    area = of_region(truth, region)["area"].sel(sample=sample)
    ratio = float(area.sel(component=oxide) / area.sel(component=metal) * truth["density_ratio"].sel(sample=sample))
    length = LENGTH[oxide] * np.cos(np.radians(angle))
    thickness = length * np.log1p(ratio * LENGTH[metal] / LENGTH[oxide])
    assert thickness == pytest.approx(float(truth["overlayer_thickness"].sel(sample=sample)), rel=1e-3)


def test_clean_tungsten_is_clean_and_suboxide_lies_between() -> None:
    _, truth = make(0, preset="metal_oxide", suboxide=0.3)
    area = of_region(truth, "W 4f")["area"]
    assert float(area.sel(sample="metal_W", component="WO3")) == 0.0
    assert float(area.sel(sample="metal_W", component="WOx")) == 0.0
    assert float(area.sel(sample="oxide_W", component="WOx")) > 0.0
    position = of_region(truth, "W 4f")["position"].sel(sample="oxide_W")
    assert float(position.sel(component="WOx") - position.sel(component="W")) == pytest.approx(0.7)


def test_plasmons_of_magnesium_lie_under_lithium() -> None:
    (specimen,) = (s for s in PRESETS["metal_oxide"](lithium=0.0).specimens(Draws([0])) if s.name == "oxide_Mg")
    region = specimen.regions[0]
    lost, energy = noise_free(region).inelastic[0], region.energy
    assert (region.low, region.high) == (45.0, 65.0)
    assert energy[lost.argmax()] == pytest.approx(49.6 + 10.6, abs=0.3)
    without = PRESETS["metal_oxide"](lithium=0.0, surface_plasmon_number=0.0).specimens(Draws([0]))[2].regions[0]
    surface = lost - noise_free(without).inelastic[0]
    assert energy[surface.argmax()] == pytest.approx(49.6 + 7.5, abs=0.3)


def test_series_grows_from_its_onset() -> None:
    tree, truth = make(1, preset="series")
    assert tree["S 2p"]["counts"].shape == (200, 141)
    settings = Series()
    before = truth["charge"] <= settings.onset
    excess = truth["excess_sulfide"]
    assert (excess.values[before.values] == 0).all()
    assert (np.diff(excess.values[~before.values]) > 0).all()
    shares = of_region(truth, "S 2p")["area_percent"]
    lattice = 0.25 * shares.sel(component="PS4")
    np.testing.assert_allclose(shares.sel(component="S2-") - lattice, excess, atol=1e-9)
    assert {"time", "charge"} <= set(tree["S 2p"].to_dataset().coords)


def test_doublets_are_a_full_factorial_design() -> None:
    tree, truth = make(0, preset="doublets", repeats=2)
    assert truth.sizes["cycle"] == 4 * 3 * 3 * 2 == tree["C 1s"].sizes["cycle"]
    lines = of_region(truth, "C 1s")
    np.testing.assert_allclose(np.diff(lines["position"].values, axis=1)[:, 0], truth["separation"])
    area = lines["area"]
    np.testing.assert_allclose(area.sel(component="second") / area.sel(component="first"), truth["ratio"])
