"""The step xray_response: tables, flags, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from edxs_by_hand import run

from imgpipe.errors import DataError, RecipeError
from imgpipe.model import axis, quantity
from imgpipe.recipe import Recipe
from imgpipe.steps.edxs.response import xray_response

LAYERS = {
    "SE": {"formula": "Li6PS5Cl", "density": 1.86},
    "Mg": {"formula": "Mg", "density": 1.738},
    "W": {"formula": "W", "density": 19.25},
    "Cu": {"formula": "Cu", "density": 8.96},
}
INTENSITY = xr.DataArray(
    np.ones((4, 9)),
    dims=("element", "position"),
    coords={"element": ["S", "Mg", "W", "Cu"], "position": axis("position", 9, 30.0, "nm")},
    attrs={"units": "counts"},
)


def found(*variables: object, **settings: object) -> xr.Dataset:
    checked = xray_response.settings.model_validate({"layers": LAYERS, **settings})
    return xray_response(INTENSITY, *variables, **{n: getattr(checked, n) for n in type(checked).model_fields})


def test_ranges_are_those_of_the_field():
    """5 kV: Mg K 490 nm in Mg, Cu L 100 in Cu, W M 41 in W, S K 357 in the electrolyte (Anderson and Hasler)."""
    table = found(accelerating_energy=5000.0)
    own = [table["xray_range"].sel(layer=layer, element=e).item() for layer, e in zip(LAYERS, "S Mg W Cu".split())]  # noqa: B905, SIM905
    assert own == pytest.approx([357.0, 490.0, 41.0, 100.0], rel=0.01)
    assert table["electron_range"].values == pytest.approx([593.0, 620.0, 84.0, 144.0], rel=0.01)
    assert table["overvoltage"].sel(element="Mg").item() == pytest.approx(3.84, abs=0.02)


def test_spread_is_a_fraction_of_the_range_larger_in_heavy_solids():
    table = found(accelerating_energy="5 keV")
    part = table["response_sigma"] / table["xray_range"]
    assert 0.15 < part.sel(layer="Mg", element="Mg").item() < 0.2
    assert 0.25 < part.sel(layer="W", element="W").item() < 0.3
    assert (table["u_response"] >= 0.15).all()
    assert table["u_response"].sel(layer="W", element="W").item() > 0.18


def test_an_oblique_beam_pushes_along_its_lean_and_says_when_it_assumes_one():
    rising = found(accelerating_energy=5000.0, incidence="52 deg")
    falling = found(accelerating_energy=5000.0, incidence=52.0, lean="falling")
    assert (rising["response_shift"] > 0).all()
    assert falling["response_shift"].values == pytest.approx(-rising["response_shift"].values)
    assert "lean of the beam unknown" in rising["response_flag"].values[0, 0]
    assert falling["response_flag"].values[0, 0] == ""
    assert (found(accelerating_energy=5000.0)["response_shift"] == 0.0).all()


def test_values_of_the_file_are_used_and_settings_come_first():
    beam, angle = quantity(10000.0, "eV", "beam energy"), quantity(54.0, "deg", "face angle")
    file = found(None, beam, angle)
    assert file["xray_range"].sel(layer="Mg", element="Mg").item() == pytest.approx(1705.0, rel=0.01)
    assert (file["response_shift"] > 0).all()
    given = found(None, beam, angle, accelerating_energy=5000.0, incidence=90.0)
    assert given["response_sigma"].values == pytest.approx(found(accelerating_energy=5000.0)["response_sigma"].values)


def test_a_line_that_is_hardly_or_not_excited_is_flagged():
    """2 kV: the overvoltage of W M is 1.11; S K (2472 eV) is not excited."""
    lines = xr.DataArray(np.array(["S Ka", "Mg Ka", "W Ma", "Cu La"], dtype=object), dims="element")
    table = found(lines, accelerating_energy=2000.0)
    assert "overvoltage 1.1" in table["response_flag"].sel(layer="W", element="W").item()
    assert table["response_flag"].sel(layer="SE", element="S").item() == "not excited"
    assert np.isnan(table["response_sigma"].sel(element="S")).all()


def test_without_a_beam_energy_nothing_is_guessed():
    with pytest.raises(DataError, match="beam energy is unknown"):
        found()


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ({"formula": "Xx2", "density": 2.0}, "Xx"),
        ({"formula": "Mg", "density": 1738.0}, "g/cm3"),
    ],
)
def test_what_is_no_solid_is_refused(layer, said):
    with pytest.raises(DataError, match=said):
        found(layers={"Mg": layer}, accelerating_energy=5000.0)


RECIPE_FAULTS = {
    "formula": ("layers: {Mg: {formula: Mgx, density: 1.738}}", "layer Mg: .*'Mgx' is no chemical formula"),
    "element": ("layers: {SE: {formula: Li6PS5Xq, density: 1.86}}", "layer SE: .*Xq"),
    "density": ("layers: {W: {formula: W, density: 19250}}", "layer W: .*density of 19250 g/cm3 is that of no solid"),
    "energy": ("layers: {W: {formula: W, density: 19.25}}, accelerating_energy: 5", "5 eV looks like keV"),
    "no layers": ("layers: {}", "layers is empty"),
}  # fmt: skip


@pytest.mark.parametrize("fault", RECIPE_FAULTS)
def test_a_recipe_with_a_fault_fails_before_any_file_is_opened(fault):
    settings, said = RECIPE_FAULTS[fault]
    text = f'imgpipe: 1\ninputs: "{{name}}.elid"\nsteps:\n  - xray_response: {{{settings}}}\n'
    with pytest.raises(RecipeError, match=f"line 4: .*{said}"):
        Recipe.parse(text)


def test_on_a_sum_spectrum_one_is_told_to_choose_a_line():
    leaf = xr.Dataset({"intensity": INTENSITY.isel(position=0, drop=True)})
    with pytest.raises(DataError) as told:
        run(xray_response, {"sum": leaf}, None, layers=LAYERS, accelerating_energy=5000.0)
    assert "at: line" in told.value.remedy
    assert "select_signal" not in told.value.remedy
