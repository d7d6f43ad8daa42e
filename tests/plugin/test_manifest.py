"""The plugin as napari finds it: manifest, reader, writers, sample data."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from npe2 import PluginManager, PluginManifest
from plugin.test_conversion import section

from imgpipe.edits import Anchor, load_edits
from imgpipe.errors import DataError, ReadError
from imgpipe.napari import reading, sample, writing
from imgpipe.napari.conversion import handle_layer
from imgpipe.recipe import Recipe

PLACE = Path(str(files("imgpipe.napari") / "napari.yaml"))


@pytest.fixture
def manifest() -> PluginManifest:
    """Read the manifest; npe2 validates it."""
    return PluginManifest.from_file(PLACE)


def test_every_command_of_the_manifest_can_be_imported(manifest: PluginManifest) -> None:
    gui = {"imgpipe.section_dock"}
    for command in manifest.contributions.commands:
        assert command.python_name is not None
        module, name = command.python_name.split(":")
        assert (PLACE.parent / f"{module.rpartition('.')[2]}.py").exists()
        if command.id not in gui:
            assert callable(getattr(__import__(module, fromlist=[name]), name))


@pytest.mark.gui
def test_the_dock_of_the_manifest_is_a_widget(manifest: PluginManifest) -> None:
    manifest.validate_imports()


def test_npe2_finds_the_manifest_sound() -> None:
    told = subprocess.run([sys.executable, "-m", "npe2", "validate", str(PLACE)], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


def test_importing_imgpipe_leaves_napari_and_qt_alone() -> None:
    asked = "[m for m in ('napari', 'qtpy', 'magicgui') if m in sys.modules]"
    code = f"import sys, imgpipe, imgpipe.cli, imgpipe.batch; print({asked})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "ours"),
    [("a.tif", True), ("A.TIFF", True), ("a.dm4", True), ("a.png", True), ("a.bcf", True), ("a.jpg", False)],
)
def test_the_reader_takes_what_the_manifest_says(name: str, ours: bool) -> None:
    assert (reading.reader_for(name) is not None) == ours
    assert reading.reader_for([name]) is None


def test_the_reader_gives_scale_and_path(image_file: Path) -> None:
    ((data, options, kind),) = reading.read_layers(str(image_file))
    assert (kind, data.shape, options["units"]) == ("image", (120, 200), ["pixel", "pixel"])
    assert options["metadata"]["path"] == str(image_file)


def test_the_reader_refuses_a_broken_file_by_name(image_file: Path) -> None:
    image_file.write_bytes(b"II*\0")
    with pytest.raises(ReadError, match=r"foil\.tif"):
        reading.read_layers(str(image_file))


def test_npe2_reads_by_our_reader(manifest: PluginManifest, image_file: Path) -> None:
    manager = PluginManager()
    manager.register(manifest)
    assert [one.command for one in manager.iter_compatible_readers([str(image_file)])] == ["imgpipe.read_image"]


def test_edits_saved_from_the_menu_are_edits_of_a_recipe(tmp_path: Path) -> None:
    anchor = Anchor(interface="Pt|Mg", x="100.00 nm", y="140.00 nm")
    layer = handle_layer(section(), (anchor,), "handles")
    assert layer is not None
    points, options, _ = layer
    options["metadata"]["group"] = "foil"
    assert writing.write_edits(str(tmp_path / "edits.yaml"), points, options) == [str(tmp_path / "edits.yaml")]
    assert load_edits(tmp_path / "edits.yaml").groups == {"foil": (anchor,)}
    text = 'imgpipe: 1\ninputs: "*.tif"\nsteps: [trace_fake]\nedits: edits.yaml\n'
    assert Recipe.parse(text, folder=tmp_path).edits.groups == {"foil": (anchor,)}


def test_the_table_saved_from_the_menu_is_that_of_the_result(tmp_path: Path) -> None:
    table = pd.DataFrame({"layer": ["Mg"], "thickness_nm": [140.123456789], "flag": [""]})
    meta: dict[str, Any] = {"metadata": {"tables": {"layers": table}}}
    writing.write_layers(str(tmp_path / "layers.csv"), [], meta)
    read = pd.read_csv(tmp_path / "layers.csv", encoding="utf-8-sig", keep_default_na=False)
    pd.testing.assert_frame_equal(read, table)
    with pytest.raises(DataError, match="no table"):
        writing.write_layers(str(tmp_path / "layers.csv"), [], {})
    with pytest.raises(DataError, match="no edge handles"):
        writing.write_edits(str(tmp_path / "edits.yaml"), [], {})


def test_the_sample_is_an_image_with_a_scale() -> None:
    ((data, options, kind),) = sample.cross_section()
    assert kind == "image"
    assert options["units"] == ["nm", "nm"]
    assert data.shape == sample.SHAPE
    assert Path(options["metadata"]["path"]).exists()
