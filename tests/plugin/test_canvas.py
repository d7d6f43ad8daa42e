"""What is drawn, on a viewer without a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from plugin.test_conversion import section

from imgpipe.edits import Anchor
from imgpipe.napari import canvas
from imgpipe.napari.measuring import View


@pytest.fixture
def view() -> View:
    """Give a view of two straight edges."""
    return View(Path("foil.tif"), "foil", section(), {})


def test_a_view_replaces_what_was_drawn_and_nothing_else(view: View) -> None:
    viewer = ViewerModel()
    mine = viewer.add_image(np.zeros((4, 4)), name="mine")
    canvas.draw(viewer, view)
    canvas.draw(viewer, view)
    assert [layer.name for layer in viewer.layers] == ["mine", "foil", "foil edges", "foil handles"]
    assert viewer.layers[0] is mine


def test_the_handles_are_ready_to_be_dragged(view: View) -> None:
    viewer = ViewerModel()
    handles = canvas.draw(viewer, view)
    assert handles is not None
    assert viewer.layers.selection.active is handles
    assert handles.mode == "select"
    assert not viewer.layers["foil edges"].editable


def test_the_camera_stays_with_the_same_file_and_moves_with_another(view: View) -> None:
    viewer = ViewerModel()
    canvas.draw(viewer, view)
    viewer.scene.camera.zoom = 7.5
    canvas.draw(viewer, view)
    assert viewer.scene.camera.zoom == 7.5
    canvas.draw(viewer, View(Path("other.tif"), "other", section(), {}))
    assert viewer.scene.camera.zoom != 7.5


def test_lines_and_handles_keep_their_size_on_the_screen(view: View) -> None:
    viewer = ViewerModel()
    canvas.draw(viewer, view)
    viewer.scene.camera.zoom = 8.0
    canvas.keep_screen_size(viewer)
    assert viewer.layers["foil edges"].edge_width == [canvas.LINE / 8] * 2
    np.testing.assert_allclose(viewer.layers["foil handles"].size, canvas.HANDLE / 8)


def test_an_added_handle_is_an_anchor_of_its_edge(view: View) -> None:
    viewer = ViewerModel()
    handles = canvas.draw(viewer, view)
    assert handles is not None
    canvas.add_handles_to(handles, "Mg|Cu", "#56B4E9")
    assert handles.mode == "add"
    handles.add([[240.0, 32.0]])
    canvas.follow(viewer, view, handles)
    anchors = canvas.handle_anchors(handles)
    assert Anchor(interface="Mg|Cu", x="32.00 nm", y="240.00 nm") in anchors
    assert {anchor.interface for anchor in anchors} == {"Mg|Cu"}
    path = viewer.layers["foil edges"].data[1]
    assert abs(np.interp(32.0, path[:, 1], path[:, 0]) - 240) < 1.5
    assert list(viewer.layers["foil edges"].edge_color[0][:3]) == list(viewer.layers["foil handles"].face_color[0][:3])
