"""Oxides on metals: intervals of shares and thickness over drawn films, and a real file with its scale off."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import xarray as xr
from fitted_leaves import fitted_leaf

from imgpipe.phantoms.xps import make_batch
from imgpipe.readers import read
from imgpipe.species.doubts import METALS
from imgpipe.steps.xps import energy_reference, fit_components
from imgpipe.steps.xps.overlayer import overlayer_thickness

FILMS = {"WO3": ("W 4f", "W", ("metal_W", "oxide_W")), "MgO": ("Mg 2p", "Mg", ("oxide_Mg",))}
LENGTHS = {"WO3": (2.5, 1.9, 63.1 / 18.6), "MgO": (2.9, 3.2, 43.1 / 53.5)}
"""Attenuation lengths of film and substrate in nm, and density ratio, of the phantom: only the fit errs."""


def drawn(count: int) -> dict[str, np.ndarray]:
    """Return what differs from film to film: thickness, energies, widths, tails and losses."""
    rng = np.random.default_rng(11)

    def normal(mean: float, sd: float) -> np.ndarray:
        return mean + sd * rng.standard_normal(count)

    return {
        "tungsten_oxide": rng.uniform(0.4, 4.0, count), "magnesium_oxide": rng.uniform(0.8, 6.0, count),
        "lithium": rng.uniform(5.0, 20.0, count), "loss_universal": rng.uniform(1.0, 2.0, count),
        "gap": rng.uniform(2.5, 8.0, count), "floor_slope": normal(0.003, 0.002), "charge": normal(0.0, 0.1),
        "tungsten": normal(31.4, 0.05), "tungsten_oxide_position": normal(35.7, 0.15),
        "tungsten_asymmetry": np.clip(normal(0.045, 0.012), 0.01, None),
        "magnesium": normal(49.6, 0.05), "magnesium_oxide_position": normal(50.95, 0.12),
        "magnesium_asymmetry": np.clip(normal(0.125, 0.02), 0.02, None), "lithium_position": normal(55.3, 0.15),
        "metal_fwhm": normal(0.55, 0.03), "oxide_fwhm": normal(1.15, 0.08),
    }  # fmt: skip


@functools.cache
def fitted(oxide: str, count: int) -> tuple[xr.DataTree, dict[str, xr.Dataset]]:
    """Return fits of `count` films, clean metal and oxide together where both are there, and the truth by sample."""
    region, _, samples = FILMS[oxide]
    made = {s: make_batch(range(count), preset="metal_oxide", sample=s, region=region, **drawn(count)) for s in samples}
    tree = xr.DataTree.from_dict({f"/{sample}/{region}": leaf for sample, (leaf, _) in made.items()})
    found = fit_components(tree, model="metal_oxide", sensitivity=False, curves="none")
    return found, {sample: truth for sample, (_, truth) in made.items()}


COUNTS = [6, pytest.param(300, marks=[pytest.mark.truth, pytest.mark.timeout(1800)])]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("oxide", FILMS)
def test_intervals_of_shares_and_thickness_cover(oxide, count):
    region, metal, samples = FILMS[oxide]
    found, truths = fitted(oxide, count)
    sample, truth = samples[-1], truths[samples[-1]]
    least = 0.90 - 3.0 * np.sqrt(0.09 / count) * (count < 300)
    leaf = found[f"{sample}/{region}"].to_dataset()
    for name in (oxide, metal):
        one, true = leaf.sel(component=name), truth["area_percent"].sel(component=name).values
        inside = (one["area_percent_low"].values <= true) & (true <= one["area_percent_high"].values)
        print(name, "shares covered", inside.mean(), "bias", (one["area_percent"].values - true).mean())
        assert inside.mean() >= least
    film, base, ratio = LENGTHS[oxide]
    layers = overlayer_thickness(
        found, oxide=[oxide], metal=[metal], attenuation_oxide=film, attenuation_metal=base, density_ratio=ratio,
        u_attenuation=0.0, u_density_ratio=0.0, u_emission_angle=0.0,
    )  # fmt: skip
    layer, true = layers[f"{sample}/overlayer"].to_dataset().isel(layer=0), truth["overlayer_thickness"].values
    high = layer["thickness_high"].values
    inside = (layer["thickness_low"].values <= true) & ((true <= high) | np.isnan(high))
    print("thickness covered", inside.mean(), "bias", np.nanmean(layer["thickness"].values - true), "nm")
    assert inside.mean() >= least


@pytest.mark.parametrize("count", COUNTS)
def test_clean_tungsten_gets_an_upper_bound(count):
    found, _ = fitted("WO3", count)
    layer = overlayer_thickness(found)["metal_W/overlayer"].to_dataset().isel(layer=0)
    bare = np.isnan(layer["thickness"].values)
    print("bounds only", bare.mean())
    assert bare.mean() >= 0.90
    assert (layer["thickness_low"].values[bare] == 0.0).all()
    assert (layer["thickness_high"].values[bare] < 0.2).all()
    assert {"film not detected: upper bound"} == set(layer["flag"].values[bare])


@pytest.mark.parametrize("shape", METALS)
def test_the_metal_line_may_have_either_shape(shape):
    leaf, _ = make_batch([1], preset="metal_oxide", sample="oxide_W", region="W 4f")
    found = fit_components(
        xr.DataTree.from_dict({"/W 4f": leaf}), model="tungsten_oxide", sensitivity=False, curves="none",
        alternatives=[name for name in METALS if name == shape],
    )["W 4f"].to_dataset()  # fmt: skip
    assert float(found["area_percent"].sel(component="W").item()) == pytest.approx(77.4, abs=6.0)


def shares_leaf(oxide: float, u: float) -> xr.Dataset:
    """Return W and WO3 with a suboxide in the same total."""
    areas = {"W": 9e4 - 1e3 * oxide, "WOx": 1e4, "WO3": 1e3 * oxide}
    leaf = fitted_leaf(
        "W 4f", areas, u_percent=dict.fromkeys(areas, u), positions={"W": 31.4, "WOx": 32.1, "WO3": 35.7},
        main="4f7/2", minor="4f5/2",
    )  # fmt: skip
    leaf["u_area"] = 1e-6 * leaf["area"]
    return leaf


def test_the_whole_u_of_the_shares_counts_when_the_total_holds_more():
    layer = overlayer_thickness(
        xr.DataTree.from_dict({"/W 4f": shares_leaf(30.0, 2.0)}), oxide=["WO3"], metal=["W"], u_attenuation=0.0,
        u_density_ratio=0.0, u_emission_angle=0.0,
    )["overlayer"].to_dataset().isel(layer=0)  # fmt: skip
    percent = 100.0 * 60.0 / 90.0
    u_percent = 100.0 * (30.0 * 2.0 + 60.0 * 2.0) / 90.0**2
    steps = []
    for moved in (u_percent, -u_percent):
        share = (percent + moved) / 100.0
        leaf = shares_leaf(30.0, 2.0)
        leaf["area"] = leaf["area"].copy(data=[1e5 * share, 1e4, 1e5 * (1.0 - share)])
        leaf["area_percent"] = 100.0 * leaf["area"] / leaf["area"].sum()
        row = overlayer_thickness(xr.DataTree.from_dict({"/W 4f": leaf}), oxide=["WO3"], metal=["W"])["overlayer"]
        steps.append(float(row.to_dataset()["thickness"].item()))
    assert float(layer["u_thickness_random"]) == pytest.approx(0.5 * (steps[1] - steps[0]), rel=0.02)


def test_a_film_whose_interval_reaches_zero_is_a_bound():
    layer = overlayer_thickness(
        xr.DataTree.from_dict({"/W 4f": shares_leaf(3.0, 1.8)}), oxide=["WO3"], metal=["W"]
    )["overlayer"].to_dataset().isel(layer=0)  # fmt: skip
    assert np.isnan(layer["thickness"])
    assert float(layer["thickness_low"]) == 0.0
    assert float(layer["thickness_high"]) > 0.0
    assert layer["flag"].item() == "film not detected: upper bound"


def test_a_real_film_of_tungsten_oxide(real_data):
    tree = read(real_data / "xps/lg4x/0-150W.vms").load()
    moved = energy_reference(tree, reference="C 1s", missing="leave")
    assert float(moved["W 4f"]["energy_shift"]) == pytest.approx(-2.5, abs=0.4)  # C 1s is at 282.3 eV: flood gun
    only = xr.DataTree.from_dict({"/W 4f": moved["W 4f"].to_dataset()})
    found = fit_components(only, model="metal_oxide", sensitivity=False)["W 4f"].to_dataset()
    oxide = found.sel(component="WO3")
    assert float(oxide["position"]) == pytest.approx(35.8, abs=0.4)  # NIST SRD 20: 35.7
    assert float(oxide["area_percent"]) > 97.0
    assert 0.9 < float(oxide["fwhm"]) < 1.5
    assert "no W is seen" in str(found["flag"].sel(component="W 5p3/2").item())
    layer = overlayer_thickness(xr.DataTree.from_dict({"/W 4f": found}))["overlayer"].to_dataset().isel(layer=0)
    assert float(layer["thickness_low"]) > 5.0
    assert layer["flag"].item() == "substrate not detected: lower bound"


def test_without_c_1s_the_energies_stay_and_say_so():
    leaf, _ = make_batch([0], preset="metal_oxide", sample="oxide_W", region="W 4f")
    kept = energy_reference(xr.DataTree.from_dict({"/W 4f": leaf}), reference="C 1s", missing="leave")["W 4f"]
    np.testing.assert_array_equal(kept["energy"].values, leaf["energy"].values)
    assert "not referenced" in kept.attrs["flags"]
