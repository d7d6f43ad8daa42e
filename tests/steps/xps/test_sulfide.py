"""Excess sulfide: known shares, the check against P 2p, and a pristine solid that must not show Li2S."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from fitted_leaves import fitted_leaf

from imgpipe.errors import DataError
from imgpipe.kernels.attenuation import relative_length
from imgpipe.kernels.sulfide import Ratio, beyond_lattice, measured_ratio
from imgpipe.phantoms.xps import make_batch
from imgpipe.steps.xps.photoelectrons import cross_section
from imgpipe.steps.xps.sulfide import excess_sulfide

HALVES = {"main": "2p3/2", "minor": "2p1/2"}


def sulfur(sulfide: float, ps4: float, rest: float = 0.0, *, u: float = 1.0, sample: str = "") -> xr.Dataset:
    areas = {"PS4": 1e3 * ps4, "S2-": 1e3 * sulfide, "SOx": 1e3 * rest}
    return fitted_leaf(
        "S 2p", areas, {"PS4": 10.0, "S2-": 10.0}, u_percent=dict.fromkeys(areas, u), sample=sample,
        positions={"PS4": 161.6, "S2-": 160.3, "SOx": 167.0}, **HALVES,
    )  # fmt: skip


def phosphorus(ps4: float) -> xr.Dataset:
    """Return P 2p of as many PS4 units as `ps4` / 4 atoms of sulfur."""
    ratio = cross_section("P 2p") / cross_section("S 2p")
    ratio *= float(relative_length(1486.6 - 131.9) / relative_length(1486.6 - 161.6))
    return fitted_leaf("P 2p", {"PS4": 1e3 * ps4 / 4.0 * ratio}, {"PS4": 5.0}, positions={"PS4": 131.9}, **HALVES)


def measured(tree: dict[str, xr.Dataset], path: str = "S 2p", **settings: object) -> xr.Dataset:
    result = excess_sulfide(xr.DataTree.from_dict({f"/{p}": leaf for p, leaf in tree.items()}), **settings)
    return result[path].to_dataset().isel(region=0)


def test_excess_is_what_the_lattice_does_not_explain():
    row = measured({"S 2p": sulfur(30.0, 60.0, 10.0)})
    assert row["sulfide_percent"] == pytest.approx(30.0)
    assert row["lattice_sulfide"] == pytest.approx(15.0)
    assert row["excess_sulfide"] == pytest.approx(15.0)
    assert row["excess_sulfide_low"] < 15.0 < row["excess_sulfide_high"]
    assert row["probability_excess"] > 0.99
    assert "PS4 + S2- + SOx" in row["sulfide_of"].item()


def test_a_pristine_solid_shows_none():
    row = measured({"S 2p": sulfur(20.0, 80.0)})
    assert row["excess_sulfide"] == pytest.approx(0.0, abs=1e-9)
    assert row["probability_excess"] == pytest.approx(0.5)
    assert "no Li2S shown" in row["sulfide_flag"].item()


def test_less_than_the_lattice_is_flagged_and_not_cut_off():
    row = measured({"S 2p": sulfur(2.0, 98.0, u=0.3)})
    assert row["excess_sulfide_high"] < 0
    assert "does not fit" in row["sulfide_flag"].item()


def test_a_measured_reference_replaces_the_stoichiometric_ratio():
    tree = {"new/S 2p": sulfur(15.0, 85.0, sample="new"), "aged/S 2p": sulfur(30.0, 60.0, 10.0, sample="aged")}
    row = measured(tree, "aged/S 2p", pristine="new")
    assert row["lattice_ratio"] == pytest.approx(15.0 / 85.0)
    assert row["excess_sulfide"] == pytest.approx(30.0 - 60.0 * 15.0 / 85.0)
    assert "measured on new" in row["sulfide_of"].item()
    with pytest.raises(DataError, match=r"no pristine sample 'old'.*there are new, aged"):
        measured(tree, "aged/S 2p", pristine="old")


def test_the_reference_is_named_so():
    tree = {"new/S 2p": sulfur(15.0, 85.0, sample="new"), "aged/S 2p": sulfur(30.0, 60.0, 10.0, sample="aged")}
    assert "is the reference" in measured(tree, "new/S 2p", pristine="new")["sulfide_flag"].item()
    assert "is the reference" not in measured(tree, "aged/S 2p", pristine="new")["sulfide_flag"].item()
    new, aged = (tree[path].drop_attrs(deep=False) for path in ("new/S 2p", "aged/S 2p"))
    stacked = xr.concat(
        [new, aged],
        dim=xr.Variable("sample", ["new", "aged"]),
        data_vars=[name for name, values in new.items() if values.dtype.kind == "f"],
        coords="minimal",
        compat="override",
    )
    flags = measured({"S 2p": stacked}, pristine="new")["sulfide_flag"].values.ravel()
    assert ["is the reference" in flag for flag in flags] == [True, False]


def test_phosphorus_checks_the_thiophosphate():
    good = measured({"S 2p": sulfur(20.0, 80.0), "P 2p": phosphorus(80.0)})
    assert good["ps4_ratio"] == pytest.approx(0.25)
    assert "1 : 4" not in good["sulfide_flag"].item()
    bad = measured({"S 2p": sulfur(20.0, 80.0), "P 2p": phosphorus(40.0)})
    assert bad["ps4_ratio"] == pytest.approx(0.125)
    assert "P : S of PS4 is not 1 : 4" in bad["sulfide_flag"].item()


def test_components_by_other_names_are_asked_for():
    with pytest.raises(DataError, match="model: argyrodite"):
        measured({"S 2p": sulfur(20.0, 80.0)}, sulfide="sulfide")


def test_measured_ratio_without_thiophosphate_is_refused():
    with pytest.raises(ValueError, match="shows PS4"):
        measured_ratio(*(np.zeros(2) for _ in range(4)))


@pytest.mark.parametrize("others", [0.2, 1.0, 3.0])
def test_intervals_hold_with_the_ratio_drawn(others):
    """S2- trades with PS4, PS4 also with something else, of `others` times the sd."""
    rng = np.random.default_rng(int(10 * others))
    seeds, ratio = 20000, Ratio(0.25, 0.025)
    true_ratio = ratio.value + ratio.u * rng.standard_normal(seeds)
    ps4 = 70.0
    sulfide = true_ratio * ps4
    shift, other = rng.standard_normal(seeds), others * rng.standard_normal(seeds)
    u_ps4 = np.full(seeds, np.hypot(1.0, others))
    found = beyond_lattice(sulfide + shift, np.ones(seeds), ps4 - shift - other, u_ps4, ratio)
    inside = ((found.low <= 0) & (found.high >= 0)).mean()
    assert abs(inside - 0.95) <= 3.0 * np.sqrt(0.95 * 0.05 / seeds)
    assert (found.high - found.low).mean() <= 1.25 * 3.92 * np.sqrt((found.value**2).mean())


@pytest.mark.parametrize("seeds", [24, pytest.param(400, marks=pytest.mark.truth)])
def test_pristine_argyrodite_shows_no_excess(seeds):
    from imgpipe.steps.xps import fit_components

    leaf, _ = make_batch(range(seeds), preset="argyrodite", region="S 2p")
    u = 0.2  # eV, charge shift left after referencing: the fit must find it
    leaf = leaf.assign_coords(energy=(leaf["energy"] - 0.42).assign_attrs(leaf["energy"].attrs))
    tree = xr.DataTree.from_dict({"/S 2p": leaf})
    fitted = fit_components(tree, model="argyrodite", sensitivity=seeds < 100, charge_shift_prior=u)
    row = excess_sulfide(fitted)["S 2p"].to_dataset().isel(region=0)
    off = (
        0.025
        * np.random.default_rng(seeds).standard_normal(seeds)
        * fitted["S 2p"]["area_percent"].sel(component="PS4")
    )
    inside = ((row["excess_sulfide_low"] <= off) & (row["excess_sulfide_high"] >= off)).mean()
    assert inside >= 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / seeds)
