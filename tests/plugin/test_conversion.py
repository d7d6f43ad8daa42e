"""xarray to layers and back: places, units, gaps, handles, anchors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from imgpipe.edits import Anchor
from imgpipe.errors import DataError
from imgpipe.model import axis, quantity, texts
from imgpipe.napari.conversion import (
    anchors_of,
    bent_paths,
    colours_of,
    edge_layer,
    edges_of,
    handle_layer,
    image_layer,
)


def section(unit: str = "nm", step_y: float = 5.0, step_x: float = 4.0, columns: int = 60) -> xr.Dataset:
    """Return a leaf whose rows start at 100 (cropped), with two straight edges at y = 150 and 250."""
    y, x = axis("y", 50, step_y, unit, start=100.0), axis("x", columns, step_x, unit)
    names = texts(["Pt|Mg", "Mg|Cu"], "interface", "interface")
    rows = np.repeat([[150.0], [250.0]], columns, axis=1)
    image = quantity(np.arange(50 * columns).reshape(50, columns) % 251, "counts", "image", "y x", {"y": y, "x": x})
    edges = quantity(rows, unit, "edge", "interface x", {"interface": names, "x": x})
    return xr.Dataset({"image": image, "traced_position": edges})


def test_image_stands_where_its_coordinates_say() -> None:
    data, options, kind = image_layer(section(), "foil")
    assert kind == "image"
    assert (options["scale"], options["translate"], options["units"]) == ([5.0, 4.0], [100.0, 0.0], ["nm", "nm"])
    assert data.shape == (50, 60)
    assert options["axis_labels"] == ["y", "x"]


def test_without_a_scale_the_unit_is_the_pixel() -> None:
    _, options, _ = image_layer(section("px", 1.0, 1.0), "foil")
    assert options["units"] == ["pixel", "pixel"]
    layer = handle_layer(section("px", 1.0, 1.0), (), "handles")
    assert layer is not None
    assert layer[1]["metadata"]["unit"] == "px"


def test_edges_are_paths_in_the_unit_of_the_image_with_colours_of_their_own() -> None:
    leaf = section()
    layer = edge_layer(leaf, "edges")
    assert layer is not None
    paths, options, kind = layer
    assert kind == "shapes"
    np.testing.assert_array_equal(paths[1], np.stack([np.full(60, 250.0), leaf["x"].values], axis=1))
    assert options["features"]["interface"] == ["Pt|Mg", "Mg|Cu"]
    assert len(set(options["edge_color"])) == 2
    assert set(options["edge_color"]) <= {"#E69F00", "#56B4E9"}


def test_fitted_edges_are_shown_before_traced_ones() -> None:
    leaf = section()
    leaf["interface_position"] = leaf["traced_position"] + 3
    leaf["interface_position"].attrs = leaf["traced_position"].attrs
    found = edges_of(leaf)
    assert found is not None
    assert float(found[0, 0]) == 153


def test_a_gap_in_an_edge_stays_a_gap_and_a_missing_edge_is_not_drawn() -> None:
    leaf = section()
    leaf["traced_position"][0, 20:30] = np.nan
    leaf["traced_position"][1] = np.nan
    layer = edge_layer(leaf, "edges")
    assert layer is not None
    assert [len(path) for path in layer[0]] == [20, 30]
    handles = handle_layer(leaf, (), "handles")
    assert handles is not None
    assert set(handles[1]["features"]["interface"]) == {"Pt|Mg"}
    assert not ((handles[0][:, 1] >= 80) & (handles[0][:, 1] < 120)).any()


def test_a_long_edge_is_thinned_but_a_handle_stays_on_a_column() -> None:
    leaf = section(columns=4096)
    layer = edge_layer(leaf, "edges")
    assert layer is not None
    assert len(layer[0][0]) <= 1500
    handles = handle_layer(leaf, (), "handles")
    assert handles is not None
    assert np.isin(handles[0][:, 1], leaf["x"].values).all()


def test_a_stack_shows_edges_on_each_page_and_no_handles() -> None:
    leaf = xr.concat([section(), section()], axis("z", 2, 20.0, "nm"), data_vars="all").transpose("z", ...)
    leaf["traced_position"] = leaf["traced_position"].transpose("z", "interface", "x")
    layer = edge_layer(leaf, "edges")
    assert layer is not None
    assert [tuple(path[0]) for path in layer[0]] == [(0, 150, 0), (0, 250, 0), (20, 150, 0), (20, 250, 0)]
    assert handle_layer(leaf, (), "handles") is None
    assert image_layer(leaf, "stack")[1]["scale"] == [20.0, 5.0, 4.0]


def test_unmoved_handles_make_no_anchor_and_moved_ones_round_to_a_hundredth_of_a_pixel() -> None:
    layer = handle_layer(section(), (), "handles")
    assert layer is not None
    points, options, _ = layer
    features = pd.DataFrame(options["features"])
    assert anchors_of(points, features, options["metadata"]) == ()
    points = points.copy()
    points[20] = (237.12345, 99.98765)
    before, anchor, after = anchors_of(points, features, options["metadata"])
    assert anchor == Anchor(interface="Mg|Cu", x="99.99 nm", y="237.12 nm")
    assert {before.y, after.y} == {"250.00 nm"}  # the neighbours hold the edge where it is
    assert (before.x, after.x) == (f"{points[19, 1]:.2f} nm", f"{points[21, 1]:.2f} nm")


def test_anchors_come_back_as_handles_and_stay_anchors() -> None:
    kept = (Anchor(interface="Pt|Mg", x="101.00 nm", y="144.50 nm"),)
    layer = handle_layer(section(), kept, "handles")
    assert layer is not None
    points, options, _ = layer
    features = pd.DataFrame(options["features"])
    assert anchors_of(points, features, options["metadata"]) == kept
    alone = features["kept"].to_numpy()
    assert options["symbol"][int(alone.argmax())] == "diamond"
    assert np.abs(points[~alone & (features["interface"] == "Pt|Mg").to_numpy(), 1] - 101).min() > 6
    gone = anchors_of(points[~alone], features[~alone], options["metadata"])
    assert gone == ()


def test_the_drawn_edge_follows_a_handle_and_only_that_edge() -> None:
    leaf = section()
    layer = handle_layer(leaf, (), "handles")
    assert layer is not None
    points, options, _ = layer
    points = points.copy()
    points[7] += (-30, 4)
    first, second = bent_paths(leaf, points, pd.DataFrame(options["features"]), options["metadata"])
    assert abs(np.interp(points[7, 1], first[:, 1], first[:, 0]) - 120) < 1
    assert first[0, 0] == first[-1, 0] == 150
    np.testing.assert_array_equal(second[:, 0], 250)


def test_an_edit_of_before_does_not_bend_the_edge_again_nor_pin_more_of_it() -> None:
    leaf, kept = section(), (Anchor(interface="Pt|Mg", x="100.00 nm", y="120.00 nm"),)
    layer = handle_layer(leaf, kept, "handles")
    assert layer is not None
    points, options, _ = layer
    features = pd.DataFrame(options["features"])
    assert anchors_of(points, features, options["metadata"]) == kept
    np.testing.assert_array_equal(bent_paths(leaf, points, features, options["metadata"])[0][:, 0], 150)


def test_other_points_are_refused_as_edits() -> None:
    with pytest.raises(DataError, match="no edge handles"):
        anchors_of(np.zeros((1, 2)), pd.DataFrame(), {})


def test_no_edges_make_no_layers() -> None:
    leaf = section().drop_vars("traced_position")
    assert edge_layer(leaf, "edges") is None
    assert handle_layer(leaf, (), "handles") is None
    assert bent_paths(leaf, np.zeros((0, 2)), pd.DataFrame(), {}) == []


def test_colours_repeat_after_the_seventh_edge() -> None:
    many = xr.DataArray(np.zeros((8, 3)), dims=("interface", "x"), coords={"interface": [f"e{n}" for n in range(8)]})
    colours = colours_of(many)
    assert len(set(colours.values())) == 7
    assert colours["e0"] == colours["e7"]
