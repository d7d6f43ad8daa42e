"""Instrument width from silver, the Auger parameter, cropping and adding spectra."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from simple_spectra import carbon, leaf_of, silver, voigt

from imgpipe.errors import DataError
from imgpipe.steps.xps.auger import auger_parameter
from imgpipe.steps.xps.crop import crop_energy, sum_spectra
from imgpipe.steps.xps.width import instrument_width


def tree(**leaves: xr.Dataset) -> xr.DataTree:
    return xr.DataTree.from_dict({f"/{name.replace('_', ' ')}": leaf for name, leaf in leaves.items()})


@pytest.mark.parametrize("gauss", [0.35, 0.6, 1.2])
def test_width_of_silver_lines(gauss):
    found = instrument_width(tree(Ag_3d=silver(gauss), C_1s=carbon()))
    for name in ("Ag 3d", "C 1s"):
        width, u = float(found[name]["instrument_width"]), float(found[name]["u_instrument_width"])
        assert width == pytest.approx(gauss, abs=min(3.0 * u, 0.05))
        assert found[name]["instrument_width"].attrs["units"] == "eV"


def test_the_uncertainty_knows_that_the_natural_width_is_not_exact():
    sure = instrument_width(tree(Ag_3d=silver(0.5)), u_natural_width=0.0)["Ag 3d"]
    unsure = instrument_width(tree(Ag_3d=silver(0.5)), u_natural_width=0.1)["Ag 3d"]
    assert float(unsure["u_instrument_width"]) > float(sure["u_instrument_width"])


def test_another_pass_energy_gets_a_flag_and_no_number():
    found = instrument_width(tree(Ag_3d=silver(0.5, pass_energy=(40.0, "eV")), C_1s=carbon()))
    assert "instrument_width" not in found["C 1s"]
    assert "pass energy" in found["C 1s"].attrs["flags"]
    more = instrument_width(found, width=0.4, u_width=0.02, pass_energy=20.0)
    assert float(more["C 1s"]["instrument_width"]) == 0.4
    assert more["C 1s"].attrs["flags"] == ""
    assert float(more["Ag 3d"]["instrument_width"]) == pytest.approx(0.5, abs=0.03)


def test_without_a_standard_the_way_out_is_told():
    with pytest.raises(DataError, match=r"no region 'Ag 3d'.*there are C 1s.*pass_energy"):
        instrument_width(tree(C_1s=carbon()))


@pytest.mark.parametrize("seeds", [20, pytest.param(300, marks=pytest.mark.truth)])
def test_width_intervals_hold_with_the_natural_width_drawn(seeds):
    rng = np.random.default_rng(4)
    energy = np.round(np.arange(364.0, 379.0, 0.05), 6)
    inside, error = [], []
    for _ in range(seeds):
        lorentz = max(0.30 + 0.05 * rng.standard_normal(), 0.05)
        peaks = 2e4 * voigt(energy, 368.2, 0.5, lorentz) + 4e4 / 3.0 * voigt(energy, 374.2, 0.5, lorentz)
        counts = rng.poisson(peaks + 200.0 + 0.01 * np.cumsum(peaks) * 0.05).astype(float)
        found = instrument_width(tree(Ag_3d=leaf_of("Ag 3d", energy, counts, None)))["Ag 3d"]
        width, u = float(found["instrument_width"]), float(found["u_instrument_width"])
        inside.append(abs(width - 0.5) <= 1.96 * u)
        error.append(width - 0.5)
    assert np.mean(inside) >= 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / seeds)
    assert abs(np.mean(error)) < 0.01


def copper(kinetic: float, binding: float, charge: float = 0.0) -> dict[str, xr.Dataset]:
    photo = np.round(np.arange(925.0, 945.0, 0.1), 6)
    auger = np.round(np.arange(555.0, 590.0, 0.1), 6)
    top = 1486.6 - kinetic + charge
    curve = 4000.0 * np.exp(-0.5 * ((auger - top) / 1.1) ** 2) + 1500.0 * np.exp(
        -0.5 * ((auger - top - 3.0) / 2.0) ** 2
    )
    return {
        "Cu_2p": leaf_of("Cu 2p", photo, 9000.0 * voigt(photo, binding + charge, 0.8, 0.56) + 500.0),
        "Cu_LMM": leaf_of("Cu LMM", auger, curve + 800.0),
    }


@pytest.mark.parametrize("charge", [0.0, 1.4])
def test_auger_parameter_does_not_feel_charging(charge):
    fine = np.arange(-2.0, 2.0, 0.001)  # where the shoulder puts the top of the Auger line
    curve = 4000.0 * np.exp(-0.5 * (fine / 1.1) ** 2) + 1500.0 * np.exp(-0.5 * ((fine - 3.0) / 2.0) ** 2)
    top = 916.8 - fine[np.argmax(curve)]
    found = auger_parameter(tree(**copper(916.8, 932.4, charge)), photoelectron_energy=932.7)
    row = found["auger_parameter"].to_dataset().isel(region=0)
    u = float(row["u_auger_parameter"])
    assert float(row["auger_parameter"]) == pytest.approx(top + 932.4, abs=3.0 * u)
    assert 0.0 < u < 0.15
    assert row["nearest_state"].item().startswith("Cu2O")


def test_copper_metal_is_told_from_its_sulfide():
    metal = auger_parameter(tree(**copper(918.6, 932.6)))["auger_parameter"]
    assert metal["nearest_state"].values[0].split(", ")[0] == "Cu"


def test_auger_parameter_needs_both_regions_and_the_photon_energy():
    leaves = copper(918.6, 932.6)
    with pytest.raises(DataError, match="both Cu 2p and Cu LMM"):
        auger_parameter(tree(Cu_2p=leaves["Cu_2p"]))
    with pytest.raises(DataError, match="photon energy is unknown"):
        auger_parameter(tree(Cu_2p=leaves["Cu_2p"], Cu_LMM=leaves["Cu_LMM"].drop_vars("photon_energy")))


def test_crop_keeps_the_ends_and_everything_else():
    leaf = carbon()
    cut = crop_energy(leaf, low=281.0, high=291.0)
    assert float(cut["energy"][0]) == pytest.approx(281.0)
    assert float(cut["energy"][-1]) == pytest.approx(291.0)
    assert cut["energy"].attrs == leaf["energy"].attrs
    assert float(cut["photon_energy"]) == 1486.6


@pytest.mark.parametrize(
    ("low", "high", "said"), [(291.0, 281.0, "exchange"), (500.0, 510.0, "the axis runs from 279")]
)
def test_crop_refuses_empty_ranges(low, high, said):
    with pytest.raises(DataError, match=said):
        crop_energy(carbon(), low=low, high=high)


@pytest.mark.parametrize("lazy", [False, True])
def test_sums_keep_counts_and_count_sweeps(lazy):
    leaf = carbon(np.zeros(7)).assign_coords(charge=("cycle", np.arange(7.0), {"units": "mAh/cm**2"}))
    leaf = leaf.chunk(cycle=2) if lazy else leaf
    pairs = sum_spectra(leaf, every=2)
    assert (pairs["counts"].chunks is not None) is lazy
    assert pairs.sizes["cycle"] == 3
    np.testing.assert_array_equal(pairs["counts"][1], leaf["counts"][2] + leaf["counts"][3])
    np.testing.assert_array_equal(pairs["charge"], [0.5, 2.5, 4.5])
    assert float(pairs["sweeps"]) == 20.0
    assert pairs["charge"].attrs["units"] == "mAh/cm**2"
    assert pairs["counts"].dims == ("cycle", "energy")
    whole = sum_spectra(leaf)
    assert whole["counts"].dims == ("energy",)
    np.testing.assert_array_equal(whole["counts"], leaf["counts"].sum("cycle"))
    assert float(whole["sweeps"]) == 70.0


def test_sums_refuse_what_is_no_series():
    with pytest.raises(DataError, match="no dimension cycle"):
        sum_spectra(carbon())
    with pytest.raises(DataError, match="there are 3 spectra"):
        sum_spectra(carbon(np.zeros(3)), every=4)
