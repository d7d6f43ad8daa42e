"""Film thickness from a stack summed slice by slice, with every systematic term drawn."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from fitted_leaves import fitted_leaf

from imgpipe.errors import DataError
from imgpipe.kernels.overlayer import Film, from_attenuation, from_shares
from imgpipe.phantoms.xps import make
from imgpipe.phantoms.xps.layers import Layer, emission
from imgpipe.steps.xps.overlayer import overlayer_thickness

FILM = Film(2.5, 1.9, 63.1 / 18.6, np.radians(30.0), 0.15, 0.15, 0.05, np.radians(2.0))


def share(thickness: float, film: Film = FILM) -> float:
    """Return the substrate's share in percent by explicit sums over depth."""
    stack = (
        Layer("film", thickness, 1.0, film.length_film),
        Layer("substrate", float("inf"), film.density_ratio, film.length_substrate),
    )
    seen = emission(stack, float(np.degrees(film.angle)))
    return float(100.0 * seen["substrate"][0] / (seen["substrate"][0] + seen["film"][0]))


def tungsten(thickness: float, *, u: float = 0.3, **numbers: tuple[float, str]) -> xr.Dataset:
    metal = share(thickness)
    areas = {"W": 1e4 * metal, "WO3": 1e4 * (100.0 - metal)}
    return fitted_leaf(
        "W 4f",
        areas,
        u_percent={"W": u, "WO3": u},
        positions={"W": 31.4, "WO3": 35.7},
        main="4f7/2",
        minor="4f5/2",
        emission_angle=(30.0, "deg"),
        **numbers,
    )


def given(leaf: xr.Dataset, **settings: object) -> xr.Dataset:
    choice = {
        "oxide": ["WO3"], "metal": ["W"], "attenuation_oxide": 2.5, "attenuation_metal": 1.9,
        "density_ratio": 63.1 / 18.6, **settings,
    }  # fmt: skip
    result = overlayer_thickness(xr.DataTree.from_dict({"/W 4f": leaf}), **choice)
    return result["overlayer"].to_dataset().isel(layer=0)


@pytest.mark.parametrize("thickness", [0.3, 1.4, 4.0])
def test_the_thickness_of_a_summed_stack(thickness):
    row = given(tungsten(thickness))
    assert row["thickness"] == pytest.approx(thickness, rel=2e-3)
    assert row["thickness"].attrs["units"] == "nm"
    assert row["thickness_low"] < thickness < row["thickness_high"]
    assert row["u_thickness"] == pytest.approx(np.hypot(row["u_thickness_random"], row["u_thickness_shared"]))


def test_tpp2m_is_used_where_no_length_is_given():
    row = given(tungsten(1.4), attenuation_oxide=None, attenuation_metal=None, density_ratio=None)
    assert row["thickness"] == pytest.approx(1.4, rel=0.2)
    assert "TPP-2M" in row["shared_id"].item()


def test_without_film_there_is_an_upper_bound_only():
    row = given(tungsten(1e-9))
    assert np.isnan(row["thickness"])
    assert row["thickness_low"] == 0.0
    assert 0.0 < row["thickness_high"] < 0.1
    assert "upper bound" in row["flag"].item()


def test_without_substrate_there_is_a_lower_bound_only():
    row = given(tungsten(30.0))
    assert np.isnan(row["thickness"])
    assert np.isnan(row["thickness_high"])
    assert 3.0 < row["thickness_low"] < 30.0
    assert "lower bound" in row["flag"].item()


def test_the_substrate_alone_against_a_clean_one():
    film = tungsten(1.4)
    scale = np.exp(1.4 / (2.5 * np.cos(np.radians(30.0))))
    bare = fitted_leaf(
        "W 4f",
        {"W": float(film["area"].sel(component="W")) * scale},
        positions={"W": 31.4},
        main="4f7/2",
        minor="4f5/2",
    )
    tree = xr.DataTree.from_dict({"/film/W 4f": film, "/clean/W 4f": bare})
    result = overlayer_thickness(
        tree, oxide=["WO3"], metal=["W"], attenuation_oxide=2.5, attenuation_metal=1.9, clean="clean", density_ratio=1.0
    )
    assert float(result["film/overlayer"]["thickness"][0]) == pytest.approx(1.4, rel=1e-6)


def test_missing_components_are_named():
    with pytest.raises(DataError, match=r"no region has the components WO2, W.*there are W, WO3"):
        given(tungsten(1.0), oxide=["WO2"])


def test_known_pairs_need_no_names():
    row = given(tungsten(1.4), oxide=None, metal=None)
    assert row["thickness"] == pytest.approx(1.4, rel=2e-3)
    assert row["layer"].item() == "WO3"


def test_an_unknown_solid_is_named():
    with pytest.raises(DataError, match="nothing is known of the solid 'WO2'"):
        given(tungsten(1.0), oxide_material="WO2", attenuation_oxide=None)


def test_true_areas_of_the_phantom_give_its_thickness():
    _, truth = make(3, preset="metal_oxide")
    areas = truth["area"].sel(sample="oxide_W", region="W 4f")
    film = Film(2.5, 1.9, 63.1 / 18.6)
    metal = 100.0 * areas.sel(component="W") / (areas.sel(component="W") + areas.sel(component="WO3"))
    found = from_shares(np.array(float(metal)), np.array(0.1), film)
    assert float(found.value) == pytest.approx(float(truth["overlayer_thickness"].sel(sample="oxide_W")), rel=0.01)


def draw(rng: np.random.Generator) -> Film:
    factor = 1.0 + np.array([FILM.u_film, FILM.u_substrate, FILM.u_density_ratio]) * rng.standard_normal(3)
    angle = FILM.angle + FILM.u_angle * rng.standard_normal()
    return Film(FILM.length_film * factor[0], FILM.length_substrate * factor[1], FILM.density_ratio * factor[2], angle)


@pytest.mark.parametrize("seeds", [1000, pytest.param(4000, marks=pytest.mark.truth)])
@pytest.mark.parametrize("thickness", [0.5, 2.0, 5.0])
def test_intervals_hold_with_lengths_densities_and_angle_drawn(seeds, thickness):
    rng = np.random.default_rng(seeds + int(10 * thickness))
    u = 0.5
    seen = np.array([share(thickness, draw(rng)) for _ in range(seeds)]) + u * rng.standard_normal(seeds)
    found = from_shares(seen, np.full(seeds, u), FILM)
    inside = (found.low <= thickness) & ((thickness <= found.high) | np.isnan(found.high))
    slack = 3.0 * np.sqrt(0.95 * 0.05 / seeds)
    assert abs(inside.mean() - 0.95) <= slack, inside.mean()
    width = np.nanmean(found.high - found.low) / (3.92 * np.sqrt(np.nanmean((found.value - thickness) ** 2)))
    assert width <= 1.25


def test_attenuation_intervals_hold():
    rng = np.random.default_rng(0)
    seeds, thickness, clean = 2000, 2.0, 1e5
    reach = FILM.length_film * (1.0 + FILM.u_film * rng.standard_normal(seeds)) * np.cos(
        FILM.angle + FILM.u_angle * rng.standard_normal(seeds)
    )  # fmt: skip
    seen = clean * np.exp(-thickness / reach) * (1.0 + 0.02 * rng.standard_normal(seeds))
    found = from_attenuation(seen, 0.02 * seen, clean, 0.0, FILM)
    inside = (found.low <= thickness) & (thickness <= found.high)
    assert abs(inside.mean() - 0.95) <= 3.0 * np.sqrt(0.95 * 0.05 / seeds)
