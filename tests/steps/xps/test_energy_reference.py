"""Energy scales: known shifts come back, series are aligned in whole channels, and C 1s on lithium is doubted."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import xarray as xr
from simple_spectra import carbon, fermi_edge, leaf_of, voigt

from imgpipe.errors import DataError
from imgpipe.kernels.energy_alignment import alignment, moved
from imgpipe.phantoms.xps import make, make_batch
from imgpipe.steps.xps.energy import NOT_ON_LITHIUM, energy_reference
from imgpipe.steps.xps.line_shift import measure_shift
from imgpipe.steps.xps.references import find_reference
from imgpipe.steps.xps.samples import samples_of


def tree(**leaves: xr.Dataset) -> xr.DataTree:
    return xr.DataTree.from_dict({f"/{name.replace('_', ' ')}": leaf for name, leaf in leaves.items()})


def oxygen(shift: float = 0.0) -> xr.Dataset:
    energy = np.round(np.arange(525.0, 540.0, 0.1), 6)
    return leaf_of("O 1s", energy, 5000.0 * voigt(energy, 531.7 + shift, 1.4, 0.16) + 200.0)


@pytest.mark.parametrize("shift", [-1.7, 0.0, 0.63, 3.2])
def test_carbon_gives_the_shift_to_all_regions(shift):
    found = energy_reference(tree(C_1s=carbon(shift), O_1s=oxygen(shift)), reference="C 1s")
    for name in ("C 1s", "O 1s"):
        leaf = found[name].to_dataset()
        assert float(leaf["energy_shift"]) == pytest.approx(shift, abs=0.03)
        assert float(leaf["u_energy_shift"]) == pytest.approx(0.2, abs=0.01)
        assert float(leaf["u_energy_shift_random"]) < 0.03
        assert leaf["energy"].attrs["energy_type"] == "binding"
    peak = found["O 1s"]["counts"].idxmax("energy")
    assert float(peak) == pytest.approx(531.7, abs=0.15)
    assert "284.8" in found["O 1s"].attrs["energy_referenced_to"]


def test_carbonate_higher_than_the_hydrocarbons_is_no_reference():
    leaf = carbon(0.3, seed=None)
    energy = leaf["energy"].values
    leaf["counts"] = leaf["counts"] + 12000.0 * voigt(energy, 289.9 + 0.3 - 1.0, 1.1, 0.09)
    found = energy_reference(tree(C_1s=leaf), reference="C 1s")["C 1s"]
    assert float(found["energy_shift"]) == pytest.approx(0.3, abs=0.05)


def test_the_fermi_edge_is_zero():
    found = energy_reference(tree(VB=fermi_edge(0.43)), reference="Fermi edge")["VB"]
    assert float(found["energy_shift"]) == pytest.approx(0.43, abs=0.02)
    assert float(found["u_energy_shift"]) < 0.05


def test_any_line_by_its_energy():
    settings = {"reference": "line", "leaf": "O 1s", "energy": 530.2, "u_energy": 0.1}
    found = energy_reference(tree(O_1s=oxygen()), **settings)["O 1s"]
    assert float(found["energy_shift"]) == pytest.approx(1.5, abs=0.02)
    with pytest.raises(DataError, match="needs a region and an energy"):
        energy_reference(tree(O_1s=oxygen()), reference="line")


def test_implanted_argon():
    energy = np.round(np.arange(236.0, 250.0, 0.1), 6)
    lines = 3000.0 * voigt(energy, 242.6, 0.9, 0.12) + 1500.0 * voigt(energy, 244.72, 0.9, 0.12)
    leaf = leaf_of("Ar 2p", energy, lines + 150.0)
    found = energy_reference(tree(Ar_2p=leaf), reference="Ar 2p", energy=241.9)["Ar 2p"]
    assert float(found["energy_shift"]) == pytest.approx(0.7, abs=0.03)
    assert float(found["u_energy_shift"]) >= 0.3


@pytest.mark.parametrize("region", ["P 2p", "S 2p"])
@pytest.mark.parametrize("sample", ["pristine", "cycled"])
def test_thiophosphate_of_the_phantom(region, sample):
    true = {"P 2p": 131.9, "S 2p": 161.6}[region]
    leaf, truth = make_batch(range(12), preset="argyrodite", region=region, sample=sample, u_differential=0.0)
    found = measure_shift(
        samples_of(xr.DataTree.from_dict({f"/{region}": leaf}))[0], find_reference("PS4", region, true, 0.0), 5.0
    )
    deviation = found.value - float(truth["energy_shift"][0])
    assert np.abs(deviation).max() < 0.04
    assert (np.abs(deviation) <= 3.0 * found.u).all()


def test_thiophosphate_is_taken_from_phosphorus_where_it_is_there():
    spectra, truth = make(8, preset="argyrodite", u_differential=0.0)
    found = energy_reference(spectra, reference="PS4", energy=131.9)
    for sample in ("pristine", "cycled"):
        leaf = found[f"{sample}/S 2p"].to_dataset()
        assert float(leaf["energy_shift"]) == pytest.approx(float(truth["energy_shift"].sel(sample=sample)), abs=0.04)
        assert "P 2p3/2 of PS4" in leaf.attrs["energy_referenced_to"]
    only = xr.DataTree.from_dict({"/S 2p": spectra["pristine/S 2p"].to_dataset()})
    assert "highest line" in energy_reference(only, reference="PS4")["S 2p"].attrs["flags"]


@pytest.mark.parametrize(
    ("extra", "specimen", "doubted"),
    [
        ("", "unknown", False),
        ("Li_1s", "unknown", True),
        ("Li_1s", "air exposed", False),
        ("", "lithium metal", True),
        ("", "fresh SEI", True),
    ],
)
def test_carbon_on_lithium_is_doubted(extra, specimen, doubted, caplog):
    leaves = {"C_1s": carbon(0.2)}
    if extra:
        leaves[extra] = oxygen().assign_attrs(region="Li 1s")
    with caplog.at_level(logging.WARNING):
        found = energy_reference(tree(**leaves), reference="C 1s", specimen=specimen)
    assert (NOT_ON_LITHIUM in str(found["C 1s"].attrs.get("flags", ""))) is doubted
    assert bool(caplog.records) is doubted


def test_without_a_reference_the_scale_stays_and_says_so():
    leaf = carbon(0.4)
    found = energy_reference(tree(C_1s=leaf), reference="none")["C 1s"].to_dataset()
    np.testing.assert_array_equal(found["energy"], leaf["energy"])
    assert "not referenced" in found.attrs["flags"]
    assert "u_energy_shift" not in found


def test_a_missing_region_is_named():
    with pytest.raises(DataError, match=r"no region C 1s.*there are O 1s"):
        energy_reference(tree(O_1s=oxygen()), reference="C 1s")


def test_a_region_without_the_line_is_refused():
    flat = leaf_of("C 1s", np.arange(279.0, 295.0, 0.1), np.full(160, 300.0))
    with pytest.raises(DataError, match="not seen within"):
        energy_reference(tree(C_1s=flat), reference="C 1s")


def test_kinetic_energies_are_refused():
    leaf = carbon()
    leaf["energy"].attrs["energy_type"] = "kinetic"
    with pytest.raises(DataError, match="kinetic"):
        energy_reference(tree(C_1s=leaf), reference="C 1s")


def test_a_drifting_series_is_aligned_in_whole_channels():
    drift = np.linspace(-0.4, 0.7, 12)
    leaf = carbon(drift)
    found = energy_reference(tree(C_1s=leaf, O_1s=oxygen()), reference="C 1s")
    aligned = found["C 1s"].to_dataset()
    assert aligned["energy_shift"].dims == ("cycle",)
    assert aligned.sizes["energy"] < leaf.sizes["energy"]
    np.testing.assert_array_equal(aligned["counts"].values % 1.0, 0.0)
    assert set(np.unique(aligned["counts"][3])) <= set(np.unique(leaf["counts"][3]))
    again = measure_shift(samples_of(found)[0], find_reference("C 1s", None, None, None), 5.0)
    assert np.abs(again.value).max() < 0.05 + 0.03  # half a channel and noise
    np.testing.assert_allclose(aligned["energy_shift"] + again.value, drift, atol=0.04)
    assert float(found["O 1s"]["energy_shift"]) == pytest.approx(drift.mean(), abs=0.03)
    assert float(found["O 1s"]["u_energy_shift_random"]) == pytest.approx(drift.std(), rel=0.1)


def test_a_lazy_series_stays_lazy_and_gives_the_same():
    leaf = carbon(np.linspace(-0.4, 0.7, 12))
    eager = energy_reference(tree(C_1s=leaf), reference="C 1s")["C 1s"].to_dataset()
    lazy = energy_reference(tree(C_1s=leaf.chunk(cycle=5)), reference="C 1s")["C 1s"].to_dataset()
    assert lazy["counts"].chunks is not None
    xr.testing.assert_identical(lazy.compute(), eager)


def test_referencing_twice_adds_up():
    once = energy_reference(tree(C_1s=carbon(0.5)), reference="C 1s")
    twice = energy_reference(once, reference="C 1s", energy=285.0)["C 1s"]
    assert float(twice["energy_shift"]) == pytest.approx(0.3, abs=0.03)


def test_a_lost_spectrum_takes_the_shift_of_the_others_and_says_so():
    leaf = carbon(np.full(5, 0.3))
    leaf["counts"][2] = 300.0
    found = energy_reference(tree(C_1s=leaf), reference="C 1s")["C 1s"].to_dataset()
    assert "not seen in some" in found.attrs["flags"]
    assert np.isfinite(found["energy_shift"]).all()


def test_alignment_is_exact_for_whole_channels():
    energy = np.arange(0.0, 10.0, 0.1)
    shift = np.array([0.0, 0.2, -0.3]) + 1.0
    spectra = np.stack([np.exp(-((energy - 5.0 - s) ** 2)) for s in shift])
    plan = alignment(shift, energy)
    lined = moved(spectra, plan.channels, plan.first, plan.last)
    np.testing.assert_allclose(plan.channels * 0.1 + plan.left + plan.common, shift)
    assert np.ptp(np.argmax(lined, axis=1)) == 0
    with pytest.raises(ValueError, match="less than half the axis"):
        alignment(np.array([0.0, 8.0]), energy)


@pytest.mark.parametrize("seeds", [40, pytest.param(1000, marks=pytest.mark.truth)])
@pytest.mark.parametrize(("sample", "region"), [("pristine", "C 1s"), ("cycled", "C 1s"), ("cycled", "P 2p")])
def test_u_of_the_shift_covers_the_phantom(seeds, sample, region):
    leaf, truth = make_batch(range(seeds), preset="argyrodite", region=region, sample=sample, u_differential=0.0)
    kind, energy = {"C 1s": ("C 1s", 284.8), "P 2p": ("PS4", 131.9)}[region]
    found = measure_shift(
        samples_of(xr.DataTree.from_dict({f"/{region}": leaf}))[0], find_reference(kind, region, energy, 0.0), 5.0
    )
    true = float(truth["carbon_shift" if region == "C 1s" else "energy_shift"][0])
    inside = (np.abs(found.value - true) <= 1.96 * found.u).mean()
    assert inside >= 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / seeds)
