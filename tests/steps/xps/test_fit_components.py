"""What `fit_components` gives: shares with intervals, flags, tables, joint fits; and what it refuses."""

from __future__ import annotations

import json

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from s2p_spectra import ENERGY, area_of, cycles, expected, leaf, names, tree

from imgpipe.errors import DataError
from imgpipe.model import check, quantity
from imgpipe.species import Component
from imgpipe.steps.xps import fit_components

TRUE = {"Li2S": 14.0, "Li6PS5Cl": 81.0, "SOx": 5.0}
PLAIN = {"background": "shirley", "alternatives": False, "sensitivity": False, "constants_exact": True}


def fitted(one: xr.Dataset, **settings: object) -> xr.Dataset:
    chosen = {"model": "published_s2p", **PLAIN, **settings}
    return fit_components(tree(S_2p=one), **chosen)["S 2p"].to_dataset()


def drawn(rng, count=None, peak=10_000.0, share=TRUE, fwhm=1.0, **truth):
    curve = expected(share, area=area_of(peak, fwhm), fwhm=fwhm, **truth)
    return rng.poisson(curve, size=curve.shape if count is None else (count, curve.size))


def test_one_spectrum_gives_its_shares_positions_and_tables(rng):
    found = fitted(leaf(drawn(rng, charge=0.3)), alternatives=True, sensitivity=True, constants_exact=False)
    assert check(found) == []
    for name, percent in TRUE.items():
        one = found.sel(component=name)
        assert one["area_percent_low"] <= percent <= one["area_percent_high"]
        assert abs(one["area_percent"] - percent) < 1.5
        assert one["denominator"] == "S 2p area of Li2S + Li6PS5Cl + SOx"
    np.testing.assert_allclose(found["position"], [160.7, 161.5, 167.2], atol=0.02)
    np.testing.assert_allclose(found["fwhm"], 1.0, atol=0.03)
    assert found["area_percent"].sum() == pytest.approx(100.0)
    assert found["peak_position"].sel(peak="Li2S 2p1/2") - found["peak_position"].sel(
        peak="Li2S 2p3/2"
    ) == pytest.approx(1.2)
    assert found["peak_area"].sel(peak="SOx 2p3/2") == pytest.approx(2 * found["peak_area"].sel(peak="SOx 2p1/2"))
    assert found["reduced_chi_square"].item() == pytest.approx(1.0, abs=0.4)
    assert found.sizes["sensitivity"] == 3 * int(found["largest_effect"].notnull().sum())
    assert json.loads(found.attrs["fit_model"])["title"].startswith("published three-doublet")


def test_curves_add_up_and_the_height_is_that_of_the_curve(rng):
    found = fitted(leaf(drawn(rng)))
    total = found["background"] + found["component_curve"].sum("component")
    np.testing.assert_allclose(total, found["envelope"], rtol=1e-9)
    alone = found["component_curve"].sel(component="SOx")
    second = found["peak_height"].sel(peak="SOx 2p3/2").item()
    assert alone.max().item() == pytest.approx(second, rel=0.12)  # the other half adds its flank
    residual = (found["counts"] - found["envelope"]) / np.sqrt(found["envelope"])
    np.testing.assert_allclose(residual, found["residual"], rtol=1e-9)


def test_every_constraint_stands_in_the_table_with_its_doubt(rng):
    found = fitted(leaf(drawn(rng)), constants_exact=False, sensitivity=True)
    table = found[["kind", "value", "u", "unit", "verified", "preferred_value", "largest_effect"]].to_dataframe()
    shift = table.loc["chemical shift Li2S - Li6PS5Cl"]
    assert (shift["kind"], shift["value"], shift["u"]) == ("fixed", pytest.approx(-0.8), 0.1)
    assert shift["preferred_value"] == pytest.approx(-0.8, abs=0.08)
    assert shift["largest_effect"] > 1.0
    assert table.loc["splitting S 2p 1.2 eV", "value"] == 1.2
    assert table.loc["ratio 2p1/2/2p3/2 S 2p 0.5", "value"] == 0.5
    assert table.loc["width Li2S / Li6PS5Cl", "kind"] == "linked"
    assert (found["u_area_percent"] >= found["u_area_percent_random"]).all()
    assert found["u_constants"].sel(component="Li2S") > 0


def test_a_wrong_constant_is_seen_by_the_data_and_enters_the_interval(rng):
    one = leaf(drawn(rng, shifts={"Li2S": -0.2}))
    exact = fitted(one).sel(component="Li2S")
    honest = fitted(one, constants_exact=False).sel(component="Li2S")
    assert abs(exact["area_percent"] - 14.0) > 1.96 * exact["u_area_percent"]
    assert honest["area_percent_low"] <= 14.0 <= honest["area_percent_high"]
    assert honest["preferred_value"].sel(constraint="chemical shift Li2S - Li6PS5Cl") < -0.9


def test_samples_share_widths_and_their_order_has_a_probability(rng):
    percents = {"A": 14.0, "B": 19.0, "C": 43.0}
    rows = [
        drawn(rng, share={"Li2S": p, "Li6PS5Cl": 95.0 - p, "SOx": 5.0}, fwhm=1.1, charge=c)
        for p, c in zip(percents.values(), (0.1, -0.3, 0.2), strict=True)
    ]
    found = fitted(leaf(np.array(rows), ("sample", "energy"), sample=names(*percents)), constants_exact=False)
    assert found["area_percent"].dims == ("sample", "component")
    assert np.ptp(found["fwhm"].values) < 1e-12
    assert "width shared by samples (S 2p)" in found["constraint"].values
    np.testing.assert_allclose(found["position"].sel(component="Li2S"), [160.5, 160.1, 160.6], atol=0.03)
    order = found["probability_greater"].sel(pair="Li2S: A > B").item()
    assert order < 0.05
    assert found["probability_greater"].sel(pair="Li2S: B > C").item() < 1e-3
    apart = found["u_difference"].sel(pair="Li2S: A > C")
    separate = np.hypot(*(found["u_area_percent"].sel(component="Li2S", sample=s) for s in ("A", "C")))
    assert apart < 1.5 * separate


def test_leaves_of_samples_are_fitted_jointly_and_others_are_left_alone(rng):
    other = leaf(drawn(rng)).assign_attrs(region="C 1s")
    parts = {f"/{s}/S 2p": leaf(drawn(rng)).assign_attrs(sample=s) for s in ("A", "B")}
    given = xr.DataTree.from_dict({**parts, "/A/C 1s": other})
    result = fit_components(given, model="published_s2p", **PLAIN)
    assert sorted(node.path for node in result.leaves) == ["/A/S 2p", "/B/S 2p"]
    one, two = (result[f"{s}/S 2p"].to_dataset() for s in ("A", "B"))
    assert one["fwhm"].values[0] == two["fwhm"].values[0]
    assert one["pair"].values.tolist() == ["Li2S: A > B", "Li6PS5Cl: A > B", "SOx: A > B"]
    assert "pair" not in two.dims
    free = fit_components(given, model="published_s2p", share=[], **PLAIN)
    assert free["A/S 2p"]["fwhm"].values[0] != free["B/S 2p"]["fwhm"].values[0]


def test_a_series_is_fitted_spectrum_by_spectrum_in_the_order_of_its_dims(rng):
    rows = np.stack([drawn(rng, 3, fwhm=1.0), drawn(rng, 3, fwhm=1.0, charge=0.2)])
    one = leaf(rows, ("sample", "cycle", "energy"), sample=names("A", "B"), cycle=cycles(3))
    found = fitted(one)
    assert found["area_percent"].dims == ("sample", "cycle", "component")
    assert found["component_curve"].dims == ("sample", "cycle", "component", "energy")
    turned = fitted(one.transpose("cycle", "sample", "energy"))
    assert turned["area_percent"].dims == ("cycle", "sample", "component")
    xr.testing.assert_allclose(turned["area_percent"].transpose(*found["area_percent"].dims), found["area_percent"])
    np.testing.assert_allclose(found["position"].sel(sample="B") - found["position"].sel(sample="A"), 0.2, atol=0.03)


def test_dask_gives_the_same_numbers_and_lazy_curves(rng):
    rows = drawn(rng, 40)
    whole = fitted(leaf(rows, ("cycle", "energy"), cycle=cycles(40)))
    lazy = leaf(rows, ("cycle", "energy"), cycle=cycles(40))
    lazy["counts"] = lazy["counts"].copy(data=da.from_array(rows.astype(float), chunks=(13, 60)))
    found = fitted(lazy, curves="all")
    assert found["envelope"].chunks is not None
    for name in ("area_percent", "u_area_percent", "position", "area_percent_low", "envelope", "residual"):
        xr.testing.assert_allclose(found[name].compute(), whole[name], rtol=1e-6)


def test_a_component_that_is_not_there_is_flagged_with_a_one_sided_interval(rng):
    share = {"Li2S": 0.0, "Li6PS5Cl": 95.0, "SOx": 5.0}
    found = fitted(leaf(drawn(rng, 60, share=share), ("cycle", "energy"), cycle=cycles(60))).sel(component="Li2S")
    zero = found["area_percent"] == 0.0
    assert 0.25 < zero.mean() < 0.75
    flags = np.array(["area is zero, interval one-sided" in str(flag) for flag in found["flag"].values])
    np.testing.assert_array_equal(flags, zero.values)
    assert (found["area_percent_low"].where(zero, 0.0) == 0.0).all()
    assert (found["area_percent_high"] > 0).all()
    assert (found["area_percent_low"] <= 0.0).mean() > 0.9
    assert any("below detection" in str(flag) for flag in found["flag"].values[~zero.values])


def test_flags_name_what_speaks_against_a_component(rng):
    found = fitted(leaf(drawn(rng, fwhm=1.3)), model="argyrodite", leave_out=["Cu-S"])
    flag = str(found["flag"].sel(component="S2-").values)
    assert "unverified energy" in flag
    assert "overlap: lattice S2- and Li2S together" in flag
    assert "resolution: PS4 is closer than 0.849 FWHM" in flag
    assert not found["verified"].sel(constraint="chemical shift S2- - PS4")


def test_a_misfit_is_flagged_and_widens_the_interval(rng):
    curve = expected(TRUE, area=area_of(20_000, 1.0), slope=0.012)
    found = fitted(leaf(rng.poisson(curve)))
    better = fitted(leaf(rng.poisson(curve)), background="shirley_linear")
    assert "misfit" in str(found["fit_flag"].values)
    assert "misfit" not in str(better["fit_flag"].values)
    assert found["u_area"].sel(component="SOx") > 1.3 * better["u_area"].sel(component="SOx")


def test_sox_can_be_left_out_of_the_percents(rng):
    found = fitted(leaf(drawn(rng)), exclude_from_percent=["SOx"])
    assert np.isnan(found["area_percent"].sel(component="SOx"))
    assert found["area_percent"].sel(component=["Li2S", "Li6PS5Cl"]).sum() == pytest.approx(100.0)
    assert found["denominator"].sel(component="Li2S").item() == "S 2p area of Li2S + Li6PS5Cl"


def test_components_of_the_recipe_are_enough(rng):
    own = [Component(name="A", line="S 2p", position=161.2, splitting=1.2),
           Component(name="B", species="SOx S 2p", u_shift=0.3)]  # fmt: skip
    share = {"Li2S": 0.0, "Li6PS5Cl": 90.0, "SOx": 10.0}
    found = fitted(leaf(drawn(rng, share=share)), model=None, components=own)
    np.testing.assert_allclose(found["area_percent"], [90.0, 10.0], atol=1.5)


@pytest.mark.parametrize("shape", ["gl_sum", "gl_product"])
def test_other_shapes_give_near_the_same_shares(rng, shape):
    found = fitted(leaf(drawn(rng)), shape=shape)
    np.testing.assert_allclose(found["area_percent"], list(TRUE.values()), atol=2.0)
    assert set(found["peak_shape"].values) == {shape}


def test_spectra_without_counts_are_nan_and_flagged_among_good_ones(rng):
    rows = drawn(rng, 3)
    rows[1] = 0
    found = fitted(leaf(rows, ("cycle", "energy"), cycle=cycles(3)))
    assert found["area_percent"].isnull().all("component").values.tolist() == [False, True, False]
    assert "all-zero spectrum" in str(found["fit_flag"].values[1])


def test_rates_are_fitted_with_an_empirical_noise_when_asked(rng):
    counts = drawn(rng, peak=40_000.0)
    rates = leaf(counts).drop_vars("counts").assign(intensity=quantity(counts / 7.0, "counts/s", "rate", "energy"))
    found = fitted(rates, noise="gaussian")
    counted = fitted(leaf(counts))
    np.testing.assert_allclose(found["area_percent"], counted["area_percent"], atol=1.0)
    ratio = found["u_area_percent"] / counted["u_area_percent"]
    assert ((ratio > 0.5) & (ratio < 2.0)).all()


REFUSED = {
    "counts already divided": (
        lambda one: one.rename(counts="intensity").assign(intensity=one["counts"].assign_attrs(units="counts/s")),
        r"already divided by the dwell time \(counts/s\).*Remedy: give dwell_time and sweeps",
    ),
    "all zero": (lambda one: one.assign(counts=one["counts"] * 0.0), "zero everywhere"),
    "nan": (lambda one: one.assign(counts=one["counts"].where(one["energy"] > 162.0)), r"41 of 141 points are NaN"),
    "negative": (lambda one: one.assign(counts=one["counts"] - 1e6), "below zero"),
    "falling": (lambda one: one.isel(energy=slice(None, None, -1)), "does not rise.*Remedy: sort it"),
    "keV values": (lambda one: axis(one, ENERGY / 1000.0), "looks like keV.*Remedy: multiply it by 1000"),
    "keV unit": (lambda one: axis(one, ENERGY / 1000.0, "keV"), "is in keV, not in eV"),
    "kinetic": (lambda one: axis(one, ENERGY, energy_type="kinetic"), "kinetic energies.*photon energy"),
    "other region": (lambda one: one.assign_attrs(region="C 1s"), "no leaf is a region of the model published_s2p"),
    "beside the window": (lambda one: axis(one, ENERGY + 14.0), "11 points lie between 157 and 173 eV; the axis runs"),
}  # fmt: skip


def axis(one, values, units="eV", **attrs):
    described = one["energy"].attrs | {"units": units} | attrs
    return one.assign_coords(energy=xr.DataArray(values, dims="energy", attrs=described))


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_with_a_remedy(rng, case):
    change, message = REFUSED[case]
    one = leaf(drawn(rng))
    with pytest.raises(DataError, match=message) as caught, xr.set_options(keep_attrs=True):
        fitted(change(one))
    assert caught.value.remedy


def test_a_window_without_any_component_is_refused(rng):
    one = leaf(drawn(rng))
    with pytest.raises(DataError, match=r"no component of the model lies between 169 and 172 eV"):
        fitted(one, window={"S 2p": [169.0, 172.0]})
    found = fitted(one, window={"S 2p": [158.0, 165.0]})
    assert found["component"].values.tolist() == ["Li2S", "Li6PS5Cl", "SOx"]
    assert "outside of the window: SOx" in str(found["fit_flag"].values)


def test_wrong_settings_are_refused_with_the_nearest_name(rng):
    one = leaf(drawn(rng))
    with pytest.raises(DataError, match="did you mean 'Li2S'"):
        fitted(one, exclude_from_percent=["LiS"])
    with pytest.raises(DataError, match="did you mean 'linear'"):
        fitted(one, alternatives=["lineal"])
    with pytest.raises(DataError, match="either a model or components"):
        fitted(one, model=None)
    with pytest.raises(DataError, match="wrong way round"):
        fitted(one, model=None, components=[Component(name="A", line="S 2p", position=161.0, ratio=2.0)])


def test_monte_carlo_agrees_with_the_covariance(rng):
    found = fitted(leaf(drawn(rng)), monte_carlo=300)
    ratio = found["u_area_percent_monte_carlo"] / found["u_area_percent_random"]
    assert ((ratio > 0.85) & (ratio < 1.15)).all()
