"""Tables: one row per object, columns that end in their unit, the same content as CSV and Parquet."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from imgpipe.model import quantity, texts
from imgpipe.tables import group_tables, leaf_tables, write_table


@pytest.fixture
def leaf() -> xr.Dataset:
    return xr.Dataset(
        {
            "thickness": quantity([140.0, np.nan], "nm", "thickness", "layer"),
            "thickness_px": quantity([28.0, 6.0], "px", "thickness", "layer"),
            "covered_fraction": quantity([1.0, 0.5], "1", "covered", "layer"),
            "flag": texts(["", "uncalibrated"], "flag", "layer"),
            "sigma": quantity([3.0], "nm", "edge width", "interface"),
            "traced": quantity(np.zeros((1, 4)), "nm", "edge", "interface x"),
            "energy": quantity(5.0, "eV", "energy"),
            "edited_x": quantity([1.0], "nm", "x", "edit"),
        },
        coords={"layer": texts(["Mg", "W"], "layer", "layer"), "interface": texts(["Pt|Mg"], "interface", "interface")},
    )


def test_one_table_per_object_dimension(leaf):
    tables = leaf_tables(leaf)
    assert set(tables) == {"layers", "interfaces"}
    assert list(tables["layers"]) == ["layer", "thickness_nm", "covered_fraction", "flag", "thickness_px"]
    assert list(tables["interfaces"]) == ["interface", "sigma_nm"]


def test_group_and_fields_stand_in_front(leaf):
    table = group_tables({"image": leaf}, "Cu_4d", {"sample": "007", "day": 4}, {"day": "d"})["layers"]
    assert list(table)[:4] == ["group", "sample", "day_d", "layer"]
    assert table["sample"].tolist() == ["007", "007"]


def test_several_leaves_are_told_apart(leaf):
    table = group_tables({"a": leaf, "b": leaf}, "g", {}, {})["layers"]
    assert table["leaf"].tolist() == ["a", "a", "b", "b"]


def test_row_55_no_objects_give_a_table_without_rows(leaf):
    table = group_tables({"image": leaf.isel(layer=slice(0, 0))}, "g", {"sample": "a"}, {})["layers"]
    assert len(table) == 0
    assert "thickness_nm" in table


def test_csv_and_parquet_hold_the_same(tmp_path, leaf):
    table = group_tables({"image": leaf}, "g", {"sample": 'a,"b"\né'}, {})["layers"]
    csv, parquet = write_table(table, tmp_path / "tables", "layers")
    assert csv.read_bytes().startswith(b"\xef\xbb\xbf")
    assert b"\r" not in csv.read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(parquet), table)
    from_csv = pd.read_csv(csv, encoding="utf-8-sig", keep_default_na=False, na_values={"thickness_nm": [""]})
    pd.testing.assert_frame_equal(from_csv, table, check_dtype=False)


def test_every_number_survives_the_csv(tmp_path, rng):
    table = pd.DataFrame({"value": rng.normal(size=200) * 10.0 ** rng.integers(-300, 300, 200)})
    csv, _ = write_table(table, tmp_path, "numbers")
    assert pd.read_csv(csv)["value"].tolist() == table["value"].tolist()


def test_a_series_makes_rows_of_its_own():
    charge = xr.DataArray([0.0, 0.5], dims=("cycle",), attrs={"units": "mAh/cm**2"})
    leaf = xr.Dataset(
        {
            "area_percent": quantity([[10.0, 90.0], [20.0, 80.0]], "percent", "share", "cycle component"),
            "area_percent_low": quantity([[9.0, 89.0], [19.0, 79.0]], "percent", "lower limit", "cycle component"),
            "line": texts(["2p", "2p"], "line", "component"),
        },
        {"cycle": [1, 2], "component": np.array(["Li2S", "PS4"], object), "charge": charge},
    )
    table = leaf_tables(leaf)["components"]
    shown = ["cycle", "charge_mAh_per_cm2", "component", "line", "area_percent", "area_percent_low"]
    assert list(table) == shown
    assert table["component"].tolist() == ["Li2S", "PS4", "Li2S", "PS4"]
    assert table["charge_mAh_per_cm2"].tolist() == [0.0, 0.0, 0.5, 0.5]
    assert table["area_percent"].tolist() == [10.0, 90.0, 20.0, 80.0]
    assert table["line"].tolist() == ["2p"] * 4


def test_profiles_stand_in_a_table_of_places_and_elements():
    places = xr.DataArray([0.0, 40.0, 80.0], dims=("position",), attrs={"units": "nm"})
    leaf = xr.Dataset(
        {
            "intensity": quantity([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "counts", "counts", "element position"),
            "exposure": quantity([1.0, 1.0, 0.5], "1", "exposure", "position"),
            "total_intensity": quantity([6.0, 15.0], "counts", "counts of all places", "element"),
            "interface_position": quantity([35.0], "nm", "position", "interface"),
        },
        {"position": places, "element": np.array(["Mg", "W"], object), "interface": np.array(["a"], object)},
    )
    tables = leaf_tables(leaf)
    assert sorted(tables) == ["elements", "interfaces", "profile"]
    assert list(tables["profile"]) == ["position_nm", "element", "intensity_counts"]
    assert tables["profile"]["position_nm"].tolist() == [0.0, 0.0, 40.0, 40.0, 80.0, 80.0]
    assert tables["profile"]["intensity_counts"].tolist() == [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]
    assert list(tables["interfaces"]) == ["interface", "position_nm"]
    assert list(tables["elements"]) == ["element", "total_intensity_counts"]
