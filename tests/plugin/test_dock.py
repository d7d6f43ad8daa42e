"""The dock without a window around it: runs, cancel, errors, forms, edits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from plugin.fake_layers import ENTERED, LEAVE
from typer.testing import CliRunner

from imgpipe import batch
from imgpipe.bundle import open_bundle
from imgpipe.edits import Anchor, load_edits
from imgpipe.napari.draft import Entry
from imgpipe.readers import formats
from imgpipe.recipe import Recipe

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("quick_technique")]


@pytest.fixture
def dock(qtbot: Any) -> Iterator[Any]:
    """Give a dock beside a viewer without a window."""
    from napari.components import ViewerModel

    from imgpipe.napari.dock import SectionDock

    widget = SectionDock(ViewerModel())
    qtbot.addWidget(widget)
    yield widget
    LEAVE.set()
    if widget.task is not None:
        widget.task.end()


@pytest.fixture
def wait(qtbot: Any) -> Callable[[Any], None]:
    """Wait until a dock is idle."""
    return lambda dock: qtbot.waitUntil(lambda: dock.task is None, timeout=60_000)


@pytest.fixture
def measured(dock: Any, wait: Callable[[Any], None], recipe_file: Path, image_file: Path) -> Any:
    """Give a dock that has measured the small image with the stand-ins."""
    dock.load_recipe(recipe_file)
    dock.open_image(image_file)
    wait(dock)
    dock.run()
    wait(dock)
    assert dock.bar.faults.text() == ""
    return dock


def test_table_shows_layer_with_unit_and_interval(measured: Any) -> None:
    shown = [measured.results.table.item(0, column).text() for column in range(4)]
    assert shown == ["Mg", "214.2 ± 1.0 nm", "212.2 to 216.2 nm", ""]


def test_a_saved_result_takes_new_edits_and_keeps_its_other_images(
    measured: Any, wait: Callable[[Any], None], image_file: Path, tmp_path: Path, recipe_file: Path
) -> None:
    (image_file.parent / "other.tif").write_bytes(image_file.read_bytes())
    batch.run(recipe_file, [image_file.parent], tmp_path / "out", report=False)
    points = measured.handles.data.copy()
    points[20] += (30, 0)
    measured.handles.data = points
    measured.save_to(tmp_path / "out")
    wait(measured)
    assert measured.bar.faults.text() == ""
    result = open_bundle(tmp_path / "out")
    assert list(result.table("layers")["flag"]) == ["edited", ""]
    assert result.groups == ["foil", "other"]
    assert set(load_edits(tmp_path / "out" / "edits.yaml").groups) == {"foil"}


def test_a_saved_recipe_brings_its_edits_back_into_the_dock(
    measured: Any, wait: Callable[[Any], None], tmp_path: Path
) -> None:
    points = measured.handles.data.copy()
    points[4] -= (20, 0)
    measured.handles.data = points
    measured.save_to(tmp_path / "out")
    wait(measured)
    saved, edits = measured.results.table.table, measured.draft.edits
    measured.discard_edits()
    wait(measured)
    assert list(measured.results.table.table["flag"]) == [""]
    measured.load_recipe(tmp_path / "out" / "recipe.yaml")
    assert measured.draft.edits == edits
    measured.run()
    wait(measured)
    pd.testing.assert_frame_equal(measured.results.table.table, saved)
    assert measured.handles.features["kept"].sum() == 3


def test_discarding_edits_gives_the_first_table_again(measured: Any, wait: Callable[[Any], None]) -> None:
    before = measured.results.table.table
    points = measured.handles.data.copy()
    points[3] -= (25, 0)
    measured.handles.data = points
    measured.run()
    wait(measured)
    assert list(measured.results.table.table["flag"]) == ["edited"]
    measured.discard_edits()
    wait(measured)
    pd.testing.assert_frame_equal(measured.results.table.table, before)


def test_a_handle_can_be_added_to_a_missed_edge(measured: Any, wait: Callable[[Any], None]) -> None:
    measured.results.edge_names.setCurrentText("Mg|Cu")
    measured.results.ask_for_handle()
    measured.handles.add([[350.0, 222.0]])
    measured.run()
    wait(measured)
    anchors = measured.draft.edits.groups["foil"]
    assert Anchor(interface="Mg|Cu", x="222.00 nm", y="350.00 nm") in anchors
    assert {anchor.interface for anchor in anchors} == {"Mg|Cu"}


def test_cancel_stops_before_the_next_step(
    dock: Any, qtbot: Any, wait: Callable[[Any], None], image_file: Path
) -> None:
    ENTERED.clear()
    LEAVE.clear()
    dock.draft.entries.insert(0, Entry("wait_fake"))
    dock.open_image(image_file)
    wait(dock)
    dock.run()
    qtbot.waitUntil(ENTERED.is_set, timeout=30_000)
    qtbot.waitUntil(lambda: dock.bar.progress.value() == 1, timeout=5000)
    assert dock.bar.cancel.isEnabled()
    assert not dock.bar.run.isEnabled()
    dock.cancel()
    LEAVE.set()
    wait(dock)
    assert dock.bar.news.text() == "cancelled"
    assert dock.results.table.rowCount() == 0
    assert dock.bar.run.isEnabled()
    dock.run()
    wait(dock)
    assert dock.results.table.rowCount() == 1


@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_a_broken_file_leaves_the_viewer_alive_with_the_text_of_the_command_line(
    measured: Any, wait: Callable[[Any], None], image_file: Path, recipe_file: Path, tmp_path: Path, damage: str
) -> None:
    broken = image_file.with_name("broken.tif")
    whole = image_file.read_bytes()
    broken.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "text": b"no image\n" * 50}[damage])
    measured.open_image(broken)
    wait(measured)
    out = tmp_path / "cli"
    told = CliRunner().invoke(_app(), ["run", str(recipe_file), str(broken), "-o", str(out)])
    assert told.exit_code == 4
    assert measured.bar.faults.text() == (out / "broken.part" / "error.txt").read_text(encoding="utf-8").strip()
    assert "broken.tif" in measured.bar.faults.text()
    assert measured.path == image_file
    measured.run()
    wait(measured)
    assert measured.bar.faults.text() == ""


@pytest.fixture
def misbehaving(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Give a function that makes a file whose reader misbehaves in the named way."""

    def write(how: str) -> Path:
        form = formats.Format("test", (".bad",), ((0, b"BAD!"),), f"readers.bad_readers:{how}", "numpy")
        monkeypatch.setattr(formats, "FORMATS", [*formats.FORMATS, form])
        path = tmp_path / "file.bad"
        path.write_bytes(b"BAD!" + bytes(100))
        return path

    return write


def test_a_reader_that_crashes_leaves_the_viewer_alive(
    measured: Any, wait: Callable[[Any], None], misbehaving: Callable[[str], Path]
) -> None:
    measured.open_image(misbehaving("segfault"))
    wait(measured)
    assert "reader crashed (SIGSEGV)" in measured.bar.faults.text()
    assert "file.bad" in measured.bar.faults.text()
    measured.run()
    wait(measured)
    assert measured.bar.faults.text() == ""


def test_a_reader_that_hangs_is_stopped_after_its_time(
    measured: Any, wait: Callable[[Any], None], misbehaving: Callable[[str], Path]
) -> None:
    measured.steps.select(0).widgets["timeout"].value = "0.5 s"
    measured.open_image(misbehaving("hang"))
    wait(measured)
    assert "no answer within 0.5 s" in measured.bar.faults.text()


def test_cancel_gives_up_a_reader_that_hangs_at_once(
    measured: Any, wait: Callable[[Any], None], misbehaving: Callable[[str], Path]
) -> None:
    measured.steps.select(0).widgets["timeout"].value = "3"
    measured.open_image(misbehaving("hang"))
    hanging = measured.task
    measured.cancel()
    assert measured.bar.news.text() == "cancelled"
    measured.run()
    wait(measured)
    assert measured.results.table.rowCount() == 1
    assert hanging.wait(30_000)
    assert measured.bar.faults.text() == ""


def test_a_step_that_fails_says_so_in_the_dock(
    dock: Any, wait: Callable[[Any], None], image_file: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "wrong.yaml"
    recipe.write_text('imgpipe: 1\ninputs: "*.tif"\nsteps:\n- crop: {top: 119}\n', encoding="utf-8")
    dock.load_recipe(recipe)
    dock.open_image(image_file)
    wait(dock)
    dock.run()
    wait(dock)
    batch.run(recipe, [image_file], tmp_path / "out", report=False)
    assert dock.bar.faults.text() == (tmp_path / "out" / "foil.part" / "error.txt").read_text(encoding="utf-8").strip()
    assert "step crop" in dock.bar.faults.text()


def test_recipe_faults_have_the_text_of_the_command_line(dock: Any, tmp_path: Path) -> None:
    recipe = tmp_path / "typo.yaml"
    recipe.write_text('imgpipe: 1\ninputs: "*.tif"\nsteps:\n- denoise: {sigmma: 2}\n', encoding="utf-8")
    dock.load_recipe(recipe)
    told = CliRunner().invoke(_app(), ["check", str(recipe)])
    assert str(told.exception) == dock.bar.faults.text()
    assert "line 4" in dock.bar.faults.text()
    assert "sigma" in dock.bar.faults.text()


def test_a_setting_out_of_range_is_framed_and_stops_the_run(measured: Any) -> None:
    form = measured.steps.select(2)
    form.widgets["depth"].value = "1.5"
    assert "depth" in measured.bar.faults.text()
    assert not measured.bar.run.isEnabled()
    assert form.mark() == ["depth"]
    form.widgets["depth"].value = "0.4"
    assert measured.bar.faults.text() == ""
    assert measured.bar.run.isEnabled()


def test_units_can_be_written_in_a_form(measured: Any) -> None:
    form = measured.steps.select(0)
    assert form.fields["pixel_size"].unit == "nm"
    form.widgets["pixel_size"].value = "0.008 um"
    assert measured.draft.recipe().inputs["image"].pixel_size == 8.0


def test_steps_can_be_switched_moved_added_and_removed(dock: Any) -> None:
    from qtpy.QtCore import Qt

    names = lambda: [entry.name for entry in dock.draft.entries]  # noqa: E731
    dock.steps.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert [call.step.name for call in dock.draft.recipe().steps] == ["trace_fake", "measure_fake"]
    dock.steps.select(3)
    dock.steps.move_step(-1)
    assert names() == ["denoise", "measure_fake", "trace_fake"]
    assert "which trace_fake gives only later" in dock.bar.faults.text()
    dock.steps.move_step(1)
    assert dock.bar.faults.text() == ""
    dock.steps.select(1)
    dock.steps.add_step("crop")
    assert names() == ["denoise", "crop", "trace_fake", "measure_fake"]
    dock.steps.remove()
    assert names() == ["denoise", "trace_fake", "measure_fake"]
    assert isinstance(dock.draft.recipe(), Recipe)


def test_every_step_builds_a_form_whose_values_are_valid(qtbot: Any) -> None:
    from imgpipe.napari.draft import new_entry
    from imgpipe.napari.form import Form
    from imgpipe.steps import load_step, step_table

    for name in step_table():
        step, given = load_step(name), new_entry(name).settings
        form = Form(step.settings, given, step.summary)
        qtbot.addWidget(form)
        assert list(form.widgets) == list(step.settings.model_fields)
        assert form.values() == given
        for setting, unit in step.setting_units.items():
            assert form.fields[setting].unit == ("" if unit == "1" else unit)
        lacking = {key for key, one in step.settings.model_fields.items() if one.is_required()}
        assert set(form.mark()) == lacking


def test_a_file_of_another_pattern_is_opened_and_the_change_told(
    measured: Any, wait: Callable[[Any], None], image_file: Path
) -> None:
    other = image_file.with_suffix(".tiff")
    image_file.rename(other)
    measured.open_image(other)
    wait(measured)
    assert measured.bar.news.text() == "ready; the file pattern of the recipe is now *.tiff"
    measured.run()
    wait(measured)
    assert measured.results.table.rowCount() == 1


def test_an_image_opened_by_napari_is_taken_over(dock: Any, wait: Callable[[Any], None], image_file: Path) -> None:
    from imgpipe.napari.reading import read_layers

    ((data, options, _),) = read_layers(str(image_file))
    dock.viewer.add_image(data, **options)
    wait(dock)
    assert dock.path == image_file
    assert [layer.name for layer in dock.viewer.layers] == ["foil"]


def _app() -> Any:
    from imgpipe.cli import app

    return app
