"""What `fit_components` says against its own rows, and what it does with missing points."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from s2p_spectra import area_of, cycles, expected, leaf, names, tree

from imgpipe.errors import DataError
from imgpipe.model import quantity
from imgpipe.species import Component
from imgpipe.steps.xps import fit_components

TRUE = {"Li2S": 14.0, "Li6PS5Cl": 81.0, "SOx": 5.0}
PLAIN = {"background": "shirley", "alternatives": False, "sensitivity": False, "constants_exact": True}


def fitted(one: xr.Dataset, **settings: object) -> xr.Dataset:
    chosen = {"model": "published_s2p", **PLAIN, **settings}
    return fit_components(tree(S_2p=one), **chosen)["S 2p"].to_dataset()


def drawn(rng, count=None, **truth):
    curve = expected(TRUE, area=area_of(10_000.0, 1.0), **truth)
    return rng.poisson(curve, size=curve.shape if count is None else (count, curve.size)).astype(float)


def flags(found):
    return [str(flag) for flag in found["flag"].values.ravel()]


def referenced(one, u):
    return one.assign(energy_shift=quantity(0.4, "eV", "shift"), u_energy_shift=quantity(u, "eV", "u of the shift"))


def test_the_u_of_the_reference_is_carried(rng):
    one = leaf(drawn(rng))
    plain, found = fitted(one), fitted(referenced(one, 0.2))
    assert all("energies not referenced" in flag for flag in flags(plain))
    assert not any("energies not referenced" in flag for flag in flags(found))
    for name in ("u_position", "u_peak_position"):
        np.testing.assert_allclose(found[name], np.hypot(found[f"{name}_random"], 0.2))
    assert (found["u_position_random"] < 0.1).all()


def test_a_bad_misfit_and_an_improbable_charge_shift_stand_on_every_row(rng):
    curve = expected(TRUE, area=area_of(100_000.0, 1.0), slope=0.012)
    bad = fitted(leaf(rng.poisson(curve)))
    assert all("misfit" in flag for flag in flags(bad))
    moved = fitted(leaf(drawn(rng, charge=1.0)), charge_shift_prior=0.4)
    assert all("charge shift improbable" in flag for flag in flags(moved))


def test_a_component_outside_of_the_window_keeps_its_row(rng):
    found = fitted(leaf(drawn(rng)), window={"S 2p": [158.0, 165.0]})
    assert found["component"].values.tolist() == ["Li2S", "Li6PS5Cl", "SOx"]
    assert np.isnan(found["area_percent"].sel(component="SOx"))
    assert np.isnan(found["peak_area"].sel(peak="SOx 2p3/2"))
    assert all("outside of the window: SOx" in flag for flag in flags(found))


def test_missing_points_are_left_out_and_flagged(rng):
    rows = drawn(rng, 3)
    rows[0, 40:44] = np.nan
    rows[2] = np.nan
    found = fitted(leaf(rows, ("cycle", "energy"), cycle=cycles(3)), constants_exact=False)
    np.testing.assert_allclose(found["area_percent"][:2], [list(TRUE.values())] * 2, atol=2.0)
    assert found["area_percent"][2].isnull().all()
    assert found["u_area"][2].isnull().all()
    assert all("missing points" in str(flag) for flag in found["flag"].values[0])
    assert [str(flag).split("; ")[0] for flag in found["flag"].values[2]] == ["no data"] * 3
    assert found["reduced_chi_square"][0].item() == pytest.approx(1.0, abs=0.4)


def test_a_spectrum_without_points_is_refused(rng):
    with pytest.raises(DataError, match="141 of 141 points are NaN"):
        fitted(leaf(drawn(rng) * np.nan), window={"S 2p": [150.0, 180.0]})


def test_numbers_that_are_no_counts_take_their_noise_from_the_residuals(rng):
    one = leaf(drawn(rng) / 7.0)
    told = "counts already divided by dwell or otherwise corrected: they are not whole numbers"
    found = fitted(one.assign_attrs(flags=told))
    assert found["noise"].item() == "gaussian"
    assert all("noise from residuals" in flag for flag in flags(found))
    assert fitted(one)["noise"].item() == "poisson"


def test_one_component_alone_is_all_of_its_total_without_doubt(rng):
    own = [Component(name="A", line="S 2p", position=161.2, splitting=1.2)]
    found = fitted(leaf(drawn(rng)), model=None, components=own, constants_exact=False)
    assert found["area_percent"].item() == pytest.approx(100.0)
    assert found["u_area_percent"].item() == 0.0


def test_what_was_not_looked_up_is_not_verified(rng):
    found = fitted(leaf(drawn(rng)))
    guessed = [
        not bool(v) for s, v in zip(found["source"].values, found["verified"].values, strict=True) if "assumption" in s
    ]
    assert guessed
    assert all(guessed)


@pytest.mark.parametrize("noise", ["poisson", "gaussian"])
def test_a_sample_without_points_does_not_harm_the_others(rng, noise):
    rows = drawn(rng, 2)
    whole = fitted(leaf(rows[:1], ("sample", "energy"), sample=names("A")), noise=noise)
    rows[1] = np.nan
    found = fitted(leaf(rows, ("sample", "energy"), sample=names("A", "B")), noise=noise, constants_exact=False)
    np.testing.assert_allclose(found["area_percent"][0], whole["area_percent"][0], atol=0.5)
    assert found["area_percent"][1].isnull().all()
    assert found["difference"].isnull().all()
    assert found["envelope"][1].isnull().all()


def test_lazy_series_know_missing_points_too(rng):
    rows = drawn(rng, 6)
    rows[1], rows[4, 50] = np.nan, np.nan
    one = leaf(rows, ("cycle", "energy"), cycle=cycles(6))
    lazy = one.assign(counts=one["counts"].chunk({"cycle": 1}))
    found, again = fitted(one), fitted(lazy)
    xr.testing.assert_allclose(found["area_percent"], again["area_percent"])
    assert flags(found) == flags(again)
