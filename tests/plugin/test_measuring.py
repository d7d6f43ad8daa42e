"""Runs of the dock are runs of the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from imgpipe import batch
from imgpipe.edits import Anchor, Edits, load_edits
from imgpipe.errors import ImgpipeError, RecipeError
from imgpipe.napari.measuring import Room, look, measure, save, with_anchors
from imgpipe.recipe import Recipe

ANCHOR = Anchor(interface="Pt|Mg", x="400.00 nm", y="150.00 nm")


def silent(what: str, done: int, total: int) -> None:
    """Hear nothing."""


def test_looking_reads_with_the_settings_of_the_recipe(recipe_file: Path, image_file: Path) -> None:
    view = look(Recipe.load(recipe_file), image_file)
    assert float(view.leaf["x"][1]) == 4.0
    assert view.leaf["sample"].item() == "foil"
    assert view.tables == {}


def test_measuring_gives_the_table_of_the_command_line(recipe_file: Path, image_file: Path, tmp_path: Path) -> None:
    view = measure(Recipe.load(recipe_file), image_file, Room(), silent)
    batch.run(recipe_file, [image_file], tmp_path / "out", report=False)
    expected = pd.read_parquet(tmp_path / "out" / "foil" / "tables" / "layers.parquet")
    pd.testing.assert_frame_equal(view.tables["layers"], expected)
    assert "traced_position" in view.leaf


def test_edits_are_saved_and_replayed(recipe_file: Path, image_file: Path, tmp_path: Path) -> None:
    recipe = replace(Recipe.load(recipe_file), edits=Edits({"foil": (ANCHOR,)}))
    shown = measure(recipe, image_file, Room(), silent).tables["layers"]
    saved = save(recipe, image_file, tmp_path / "out", silent).tables["layers"]
    assert load_edits(tmp_path / "out" / "edits.yaml") == recipe.edits
    again = batch.run(tmp_path / "out" / "recipe.yaml", [image_file], tmp_path / "again", report=False)
    replayed = pd.read_parquet(again.path / "foil" / "tables" / "layers.parquet")
    pd.testing.assert_frame_equal(shown, saved)
    pd.testing.assert_frame_equal(shown, replayed)
    assert list(replayed["flag"]) == ["edited"]


def test_saving_into_a_result_of_another_recipe_is_refused(recipe_file: Path, image_file: Path, tmp_path: Path) -> None:
    save(Recipe.load(recipe_file), image_file, tmp_path / "out", silent)
    other = Recipe.load(recipe_file, ["trace_fake.depth=0.5"])
    with pytest.raises(RecipeError, match="must not mix"):
        save(other, image_file, tmp_path / "out", silent)


def test_a_failure_is_told_as_on_the_command_line(recipe_file: Path, image_file: Path, tmp_path: Path) -> None:
    image_file.write_bytes(image_file.read_bytes()[:200])
    with pytest.raises(ImgpipeError) as told:
        measure(Recipe.load(recipe_file), image_file, Room(), silent)
    batch.run(recipe_file, [image_file], tmp_path / "out", report=False)
    assert str(told.value) == (tmp_path / "out" / "foil.part" / "error.txt").read_text(encoding="utf-8").strip()


def test_a_tell_that_stops_leaves_nothing_half_done(recipe_file: Path, image_file: Path) -> None:
    class Stop(BaseException):
        pass

    heard = []

    def tell(what: str, done: int, total: int) -> None:
        heard.append(what)
        if what == "trace_fake":
            raise Stop

    room = Room()
    with pytest.raises(Stop):
        measure(Recipe.load(recipe_file), image_file, room, tell)
    assert heard == ["read", "denoise", "trace_fake"]
    assert measure(Recipe.load(recipe_file), image_file, room, silent).tables["layers"]["layer"][0] == "Mg"


def test_a_room_keeps_the_last_two_good_runs_and_goes_with_its_owner() -> None:
    room = Room()
    first, failed = room.fresh(), room.fresh()
    first.mkdir()
    room.keep(first)
    failed.mkdir()
    second = room.fresh()
    second.mkdir()
    room.keep(second)
    assert (first.exists(), failed.exists(), second.exists()) == (True, False, True)
    third = room.fresh()
    third.mkdir()
    room.keep(third)
    assert (first.exists(), second.exists(), third.exists()) == (False, True, True)
    place = room.path
    del room
    assert not place.exists()


def test_edits_of_other_groups_stay() -> None:
    edits = Edits({"a": (ANCHOR,), "b": (ANCHOR,)})
    assert dict(with_anchors(edits, "a", ()).groups) == {"b": (ANCHOR,)}
    assert dict(with_anchors(edits, "c", (ANCHOR,)).groups) == {"a": (ANCHOR,), "b": (ANCHOR,), "c": (ANCHOR,)}
