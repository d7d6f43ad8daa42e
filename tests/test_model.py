"""The vocabulary: units on everything, axes that rise, faults listed at once."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from imgpipe.errors import DataError, UnitError
from imgpipe.model import OBJECT_DIMS, axis, check, quantity, spacing, table_name, texts, unit_of


def sound() -> xr.Dataset:
    image = quantity(
        np.ones((3, 4)), "counts", "grey", "y x", {"y": axis("y", 3, 5.0, "nm"), "x": axis("x", 4, 5.0, "nm")}
    )
    return xr.Dataset({"image": image, "beam_energy": quantity(5000.0, "eV", "beam energy")})


def test_a_sound_dataset_has_no_faults():
    assert check(sound()) == []


def test_all_faults_are_listed_at_once():
    bad = sound().drop_vars("y").assign(height=(("x",), np.zeros(4)), other=(("wrong",), ["a"]))
    bad["x"] = ("x", [0.0, 2.0, 1.0, 3.0])
    faults = "\n".join(check(bad))
    for part in (
        "y: no coordinate",
        "height: no units",
        "wrong: unknown dimension",
        "x: coordinate without units",
        "not monotonic",
    ):
        assert part in faults


def test_a_coordinate_with_nan_is_a_fault():
    bad = sound()
    bad["x"] = ("x", [0.0, np.nan, 2.0, 3.0], {"units": "nm"})
    assert check(bad) == ["x: coordinate holds NaN or Inf"]


def test_a_falling_axis_is_monotonic_but_has_no_spacing():
    falling = sound().isel(x=slice(None, None, -1))
    assert check(falling) == []
    with pytest.raises(DataError, match="not evenly spaced and rising"):
        spacing(falling["x"])


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [0.0, 1.0, 2.5]])
def test_no_spacing(values):
    with pytest.raises(DataError, match="axis x"):
        spacing(xr.DataArray(values, dims="x", name="x"))


def test_spacing_of_a_regular_axis_is_its_step():
    assert spacing(axis("x", 4096, 12.326, "nm")) == pytest.approx(12.326, rel=1e-12)


def test_names_need_no_unit_and_numbers_do():
    named = sound().assign(flag=texts(["", "edited"], "flag", "layer"))
    assert check(named) == []
    assert named["flag"].dtype == object
    with pytest.raises(UnitError, match="carries no unit"):
        unit_of(xr.DataArray(1.0, name="bare"))


def test_quantity_refuses_unknown_units():
    with pytest.raises(UnitError, match="unknown unit"):
        quantity(1.0, "furlongs per nothing", "x")


def test_quantity_keeps_lazy_data_lazy():
    lazy = xr.DataArray(np.ones((4, 4)), dims=("y", "x")).chunk({"y": 2})
    assert quantity(lazy, "nm", "height", "y x").chunks == ((2, 2), (4,))


def test_every_object_dimension_has_a_table():
    assert table_name("layer") == "layers"
    assert table_name("boundary") == "boundaries"
    assert len({table_name(dim) for dim in OBJECT_DIMS}) == len(OBJECT_DIMS)
