"""The dock in a real window: what stands on the screen, and a drag with a real mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from imgpipe import batch
from imgpipe.bundle import open_bundle
from imgpipe.edits import load_edits
from imgpipe.errors import ReadError

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("quick_technique")]
ORANGE, SKY = (230, 159, 0), (86, 180, 233)


@pytest.fixture
def measured(make_napari_viewer: Callable[..., Any], qtbot: Any, recipe_file: Path, image_file: Path) -> Iterator[Any]:
    """Give a dock in a shown window that has measured the small image with the stand-ins."""
    from imgpipe.napari.dock import SectionDock

    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1300, 900)
    dock = SectionDock(viewer)
    viewer.window.add_dock_widget(dock, area="right")
    qtbot.wait(100)
    dock.load_recipe(recipe_file)
    for act in (lambda: dock.open_image(image_file), dock.run):
        act()
        qtbot.waitUntil(lambda: dock.task is None, timeout=60_000)
    assert dock.bar.faults.text() == ""
    qtbot.wait(100)
    yield dock
    if dock.task is not None:
        dock.task.end()


def canvas_place(dock: Any, y: float, x: float) -> tuple[int, int]:
    """Return column and row on the canvas of a place in nm."""
    camera, native = dock.viewer.scene.camera, dock.viewer.window._qt_viewer.canvas.native
    right = (x - camera.center[-1]) * camera.zoom + native.width() / 2
    down = (y - camera.center[-2]) * camera.zoom + native.height() / 2
    return round(right), round(down)


def near(picture: np.ndarray, place: tuple[int, int], colour: tuple[int, int, int], reach: int = 3) -> bool:
    """Tell whether a colour stands within a few pixels of a place."""
    column, row = place
    part = picture[row - reach : row + reach + 1, column - reach : column + reach + 1, :3].astype(int)
    return bool((np.abs(part - colour).max(axis=2) < 30).any())


def drag(dock: Any, qtbot: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press on a place (y, x in nm), move in steps, release: real mouse events on the canvas."""
    from qtpy.QtCore import QPoint, Qt

    native = dock.viewer.window._qt_viewer.canvas.native
    path = [canvas_place(dock, *(np.array(start) + share * (np.array(end) - start))) for share in (0, 0.3, 0.6, 1)]
    qtbot.mouseMove(native, QPoint(*path[0]))
    qtbot.mousePress(native, Qt.MouseButton.LeftButton, pos=QPoint(*path[0]))
    for place in path[1:]:
        qtbot.mouseMove(native, QPoint(*place))
        qtbot.wait(30)  # moves that come too fast are thrown together
    qtbot.mouseRelease(native, Qt.MouseButton.LeftButton, pos=QPoint(*path[-1]))


def test_image_and_edges_stand_at_their_places_on_the_canvas(measured: Any, qtbot: Any) -> None:
    for layer in measured.viewer.layers[2:]:
        layer.visible = False  # handles
    qtbot.wait(100)
    picture = measured.viewer.window.screenshot(canvas_only=True, flash=False)
    for y, colour in ((0.25 * 119 * 4, ORANGE), (0.7 * 119 * 4, SKY)):
        for x in (100, 400, 700):
            assert near(picture, canvas_place(measured, y, x), colour)
            assert not near(picture, canvas_place(measured, y - 60, x), colour)
    bright = canvas_place(measured, 240, 300)
    dark = canvas_place(measured, 440, 300)
    assert picture[bright[1], bright[0], :3].min() > 200
    assert picture[dark[1], dark[0], :3].max() < 60
    assert picture[5, 5, :3].max() == 0


def test_pixels_keep_their_shape_and_unit(measured: Any) -> None:
    image, edges, handles = measured.viewer.layers
    assert [str(unit) for unit in image.units] == ["nanometer", "nanometer"]
    assert list(image.scale) == [4, 4]
    assert measured.viewer.canvas.overlays.scale_bar.visible
    assert list(edges.features["interface"]) == ["Pt|Mg", "Mg|Cu"]
    assert len(handles.data) == 30


def test_dragged_edge_is_measured_saved_and_replayed(
    measured: Any, qtbot: Any, image_file: Path, tmp_path: Path
) -> None:
    before = measured.results.table.table
    y, x = measured.handles.data[7]
    drag(measured, qtbot, (y, x), (y - 40, x + 8))
    moved = measured.handles.data[7]
    np.testing.assert_allclose(moved, (y - 40, x + 8), atol=3)
    path = measured.viewer.layers[1].data[0]
    assert abs(path[:, 0].min() - moved[0]) < 1  # the drawn edge follows at once
    measured.run()
    qtbot.waitUntil(lambda: measured.task is None, timeout=60_000)
    assert list(measured.results.table.table["flag"]) == ["edited"]
    assert measured.results.table.table["thickness_nm"][0] > before["thickness_nm"][0] + 1

    measured.save_to(tmp_path / "out")
    qtbot.waitUntil(lambda: measured.task is None, timeout=60_000)
    assert measured.bar.faults.text() == ""
    anchors = load_edits(tmp_path / "out" / "edits.yaml").groups["foil"]
    assert [anchor.interface for anchor in anchors] == ["Pt|Mg"] * 3  # it and its neighbours, which hold the edge
    again = batch.run(tmp_path / "out" / "recipe.yaml", [image_file], tmp_path / "again", report=False)
    replayed = pd.read_parquet(again.path / "foil" / "tables" / "layers.parquet")
    pd.testing.assert_frame_equal(measured.results.table.table, replayed)
    assert list(replayed["flag"]) == ["edited"]
    assert open_bundle(tmp_path / "out").verify() == []


@pytest.fixture
def installed(npe2pm: Any) -> None:
    """Let napari know the plugin, as it does once the package is installed."""
    from npe2 import PluginManifest

    npe2pm.register(PluginManifest.from_file(files("imgpipe.napari") / "napari.yaml"))


def test_napari_itself_opens_docks_samples_and_saves(
    installed: None, make_napari_viewer: Callable[..., Any], qtbot: Any, image_file: Path, tmp_path: Path
) -> None:
    viewer = make_napari_viewer()
    (layer,) = viewer.open(str(image_file), plugin="imgpipe")
    assert layer.metadata["path"] == str(image_file)
    _, dock = viewer.window.add_plugin_dock_widget("imgpipe", "Layer thickness")
    qtbot.waitUntil(lambda: dock.task is None, timeout=60_000)
    assert dock.path == image_file  # what was open is taken over
    dock.draft.inputs["pixel_size"] = "4 nm"
    dock.run()
    qtbot.waitUntil(lambda: dock.task is None, timeout=60_000)
    assert dock.bar.faults.text() == ""
    viewer.layers["foil edges"].save(str(tmp_path / "layers.csv"), plugin="imgpipe")
    assert pd.read_csv(tmp_path / "layers.csv", encoding="utf-8-sig")["thickness_nm"][0] > 100
    viewer.layers["foil handles"].save(str(tmp_path / "edits.yaml"), plugin="imgpipe")
    assert load_edits(tmp_path / "edits.yaml").groups == {}
    (sample,) = viewer.open_sample("imgpipe", "cross_section")
    assert [str(unit) for unit in sample.units] == ["nanometer", "nanometer"]
    qtbot.waitUntil(lambda: dock.task is None, timeout=60_000)
    assert dock.path == Path(sample.metadata["path"])


def test_napari_tells_of_a_broken_file_and_lives_on(
    installed: None, make_napari_viewer: Callable[..., Any], image_file: Path
) -> None:
    viewer = make_napari_viewer()
    broken = image_file.with_name("broken.tif")
    broken.write_bytes(image_file.read_bytes()[:3000])
    with pytest.raises(ReadError, match=r"broken\.tif"):
        viewer.open(str(broken), plugin="imgpipe")
    viewer.open(str(image_file), plugin="imgpipe")
    assert len(viewer.layers) == 1
