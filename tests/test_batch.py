"""Many groups: one bad file stays alone, resume redoes only what is missing, equal runs give equal bytes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from small_runs import RECIPE, make_study, numbers_of, write_image

from imgpipe import bundle
from imgpipe.batch import Watch, exit_code, plan, run
from imgpipe.errors import ImgpipeError, LockedError, OutputError, RecipeError
from imgpipe.recipe import Recipe

pytestmark = pytest.mark.usefixtures("outside_package")


def with_step(step: str) -> str:
    return RECIPE.replace("  - brighten: {by: 3}\n", f"  - {step}\n  - brighten: {{by: 3}}\n")


def go(folder: Path, out: str = "out", **words):
    return run(folder / "recipe_of_study.yaml", [folder / "images"], folder / out, report=False, **words)


def times(out: Path) -> dict[str, int]:
    return {p.parent.name: p.stat().st_mtime_ns for p in out.glob("*/COMPLETE")}


def test_row_80_the_same_run_twice_gives_the_same_bytes(study):
    assert numbers_of(go(study, "again").path) == numbers_of(study / "out")


def test_row_80_at_another_place_and_time_too(study, tmp_path, monkeypatch):
    moved = Path(shutil.copytree(study, tmp_path / "moved to another place"))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    assert numbers_of(go(moved, "again").path) == numbers_of(study / "out")
    monkeypatch.undo()
    time.tzset()


def test_the_saved_recipe_runs_again_as_it_is(study):
    again = run(study / "out" / "recipe.yaml", out=study / "again", report=False)
    assert numbers_of(again.path) == numbers_of(study / "out")


def test_overrides_are_part_of_the_saved_recipe(study):
    changed = go(study, "changed", overrides=["brighten.by=1"])
    again = run(changed.path / "recipe.yaml", out=study / "again", report=False)
    assert numbers_of(again.path) == numbers_of(changed.path) != numbers_of(study / "out")


@pytest.mark.parametrize("step", ["fail_above: {grey: 130}", "raise_strange: {grey: 130}"])
def test_a_step_that_fails_takes_only_its_group(tmp_path, step):
    make_study(tmp_path, recipe=with_step(step))
    result = go(tmp_path)
    assert result.groups == ["a_1d", "b_2d"]
    assert exit_code(result) == 3
    (failure,) = result.failures
    assert (failure["group"], failure["files"], failure["file"]) == ("c_3d", ["c_3d.tif"], "c_3d.tif")
    assert "too bright" in failure["cause"] or "never heard of" in failure["cause"]
    part = result.path / "c_3d.part"
    assert sorted(p.name for p in part.iterdir()) == ["error.txt", "log.txt"]
    assert "Traceback" in (part / "log.txt").read_text()
    summary = pd.read_csv(result.path / "summary.csv", encoding="utf-8-sig")
    assert summary["status"].tolist() == ["done", "done", "failed"]
    assert set(result.table("regions")["group"]) == {"a_1d", "b_2d"}


def test_a_broken_file_stays_alone_and_is_done_when_mended(study):
    path = study / "images" / "b_2d.tif"
    sound = path.read_bytes()
    path.write_bytes(sound[: len(sound) // 2])
    broken = go(study, "second")
    assert exit_code(broken) == 3
    assert [f["files"] for f in broken.failures] == [["b_2d.tif"]]
    assert "b_2d.tif" in broken.failures[0]["file"]
    before = times(broken.path)
    path.write_bytes(sound)
    mended = go(study, "second", resume=True)
    assert exit_code(mended) == 0
    assert mended.verify() == []
    assert times(mended.path) | before == times(mended.path)
    assert numbers_of(mended.path) == numbers_of(study / "out")


@pytest.mark.parametrize("spoil", ["missing", "empty", "folder", "no permission", "loop"])
def test_a_file_that_cannot_be_opened_says_why(study, spoil):
    path = study / "images" / "b_2d.tif"
    path.unlink()
    if spoil == "empty":
        path.touch()
    elif spoil == "folder":
        path.mkdir()
    elif spoil == "loop":
        path.symlink_to(path)
    elif spoil == "no permission":
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        write_image(path).chmod(0)
    if spoil == "missing":
        path.symlink_to(study / "nowhere.tif")
    failure = go(study, "second").failures[0]
    assert failure["type"] == "ReadError"
    assert failure["remedy"]
    assert "unexpected" not in failure["cause"]


def test_all_failed_is_4(tmp_path):
    make_study(tmp_path, recipe=with_step("fail_above: {grey: 1}"))
    result = go(tmp_path)
    assert exit_code(result) == 4
    assert result.groups == []
    assert len(result.failures) == 3


def test_fail_fast_stops_at_the_first(tmp_path):
    make_study(tmp_path, levels=(120, 60, 90), recipe=with_step("fail_above: {grey: 130}"))
    result = go(tmp_path, fail_fast=True)
    states = [one["status"] for one in result.info["groups"].values()]
    assert sorted(states) == ["failed", "not run", "not run"]


def test_row_60_an_existing_output_is_refused(study):
    before = numbers_of(study / "out")
    with pytest.raises(RecipeError, match=r"exists already.*--resume, --overwrite"):
        go(study)
    with pytest.raises(RecipeError, match="exclude each other"):
        go(study, resume=True, overwrite=True)
    assert numbers_of(study / "out") == before


@pytest.mark.parametrize("override", ["brighten.by=2", "mean_grey.name=other"])
def test_row_60_another_recipe_is_refused_on_resume(study, override):
    with pytest.raises(RecipeError, match="differs from the recipe of this result"):
        go(study, resume=True, overrides=[override])
    assert go(study, resume=True).verify() == []


def test_row_60_other_inputs_are_refused_on_resume(study):
    recipe = study / "recipe_of_study.yaml"
    with pytest.raises(RecipeError, match="holds a_1d, c_3d, which these inputs do not give"):
        run(recipe, [study / "images" / "b_2d.tif"], study / "out", resume=True, report=False)


def test_resume_keeps_what_is_complete_and_adds_what_is_new(study):
    before = times(study / "out")
    write_image(study / "images" / "d_4d.tif", 70)
    heard: list[tuple[int, int]] = []
    result = go(study, resume=True, watch=Watch(started=lambda total, already: heard.append((total, already))))
    assert heard == [(4, 3)]
    assert {name: times(result.path)[name] for name in before} == before
    assert len(result.table("regions")) == 4


def test_resume_redoes_a_changed_file(study):
    before = times(study / "out")
    write_image(study / "images" / "b_2d.tif", 30)
    after = times(go(study, resume=True).path)
    assert {name for name in after if after[name] != before[name]} == {"b_2d"}


def test_resume_redoes_all_when_the_pixel_size_changes(study):
    recipe = study / "recipe_of_study.yaml"
    recipe.write_text(recipe.read_text().replace("5 nm", "6 nm"))
    before = times(study / "out")
    after = times(go(study, resume=True).path)
    assert all(after[name] != before[name] for name in before)


def test_overwrite_starts_anew(study):
    before = times(study / "out")
    result = go(study, overwrite=True, overrides=["brighten.by=2"])
    assert all(times(result.path)[name] != before[name] for name in before)
    assert result.verify() == []


def test_overwrite_deletes_nothing_that_is_not_ours(study):
    out = study / "out"
    (out / "photo.tif").write_bytes(b"precious")
    with pytest.raises(RecipeError, match=r"imgpipe did not write: photo\.tif"):
        go(study, overwrite=True)
    assert len(numbers_of(out)) > 10
    # a project folder with a recipe of the same name is no result either
    (study / "recipe.yaml").write_text(RECIPE)
    for words in ({"overwrite": True}, {"resume": True}, {}):
        with pytest.raises(RecipeError):
            run(study / "recipe.yaml", [study / "images"], study, report=False, **words)
    assert (study / "images" / "a_1d.tif").exists()


def test_overwrite_follows_no_link(study):
    (study / "out" / "c_3d.part").symlink_to(study / "images")
    result = go(study, overwrite=True)
    assert result.verify() == []
    assert len(list((study / "images").iterdir())) == 3


def test_row_61_an_output_that_cannot_be_made(tmp_path):
    make_study(tmp_path)
    (tmp_path / "file").write_text("")
    for out in ("file/out", "x" * 300):
        with pytest.raises(OutputError, match="can't write here"):
            go(tmp_path, out)
    with pytest.raises(RecipeError, match="exists already"):
        go(tmp_path, "file")


def test_row_61_no_permission(tmp_path, monkeypatch):
    make_study(tmp_path)

    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match=r"no permission.*another -o"):
        go(tmp_path)


WRITERS = {
    "arrays": (xr.Dataset, "to_zarr"), "csv": (pd.DataFrame, "to_csv"), "parquet": (pd.DataFrame, "to_parquet"),
    "flush": (bundle, "_flush"), "marker": (Path, "replace"),
}  # fmt: skip


@pytest.mark.parametrize("place", WRITERS)
def test_row_62_a_full_disk_stops_the_run_and_keeps_what_is_finished(tmp_path, monkeypatch, place):
    make_study(tmp_path)
    where, name = WRITERS[place]
    plain = getattr(where, name)

    def fill(*args, **kwargs):
        if any("b_2d" in str(one) for one in args[:2]):
            raise OSError(errno.ENOSPC, "No space left on device")
        return plain(*args, **kwargs)

    monkeypatch.setattr(where, name, fill)
    with pytest.raises(OutputError, match=r"the disk is full.*--resume"):
        go(tmp_path)
    out = tmp_path / "out"
    assert bundle.Bundle(out).groups == ["a_1d"]
    assert not list(out.glob("*.part"))
    assert not list((out / ".scratch").glob("*"))
    assert not (out / ".lock").exists()
    monkeypatch.setattr(where, name, plain)
    finished = go(tmp_path, resume=True)
    assert finished.verify() == []
    assert numbers_of(finished.path) == numbers_of(go(tmp_path, "whole").path)


def test_row_65_a_second_run_on_the_same_output_is_locked_out(study):
    from imgpipe.lock import locked

    with locked(study / "out"):
        for words in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(LockedError, match=f"process {os.getpid()}"):
                go(study, **words)


def test_row_38_a_file_that_changes_during_the_run_is_detected(tmp_path):
    make_study(tmp_path)

    def change(group: str, what: str, done: int, total: int) -> None:
        if group == "b_2d" and what == "write":
            write_image(tmp_path / "images" / "b_2d.tif", 33)

    result = go(tmp_path, watch=Watch(stage=change))
    assert [f["group"] for f in result.failures] == ["b_2d"]
    assert "changed while it was read" in result.failures[0]["cause"]
    assert go(tmp_path, resume=True).verify() == []


def test_a_watch_may_stop_a_group(tmp_path):
    make_study(tmp_path)

    class StoppedError(ImgpipeError):
        pass

    def stop(group: str, what: str, done: int, total: int) -> None:
        if group == "b_2d":
            raise StoppedError("stopped by hand.")

    result = go(tmp_path, watch=Watch(stage=stop))
    assert [f["cause"] for f in result.failures] == ["stopped by hand."]


def test_a_plan_opens_nothing(tmp_path):
    recipe, images = make_study(tmp_path)
    (images / "a_1d.tif").write_bytes(b"garbage")
    found = plan(Recipe.load(recipe), [images])
    assert [group.name for group in found.groups] == ["a_1d", "b_2d", "c_3d"]
    assert found.tasks == 3 * 4
    assert not (tmp_path / "out").exists()


def test_run_records_say_what_ran(study):
    record = json.loads((study / "out" / "a_1d" / "run.json").read_text())
    assert [one.get("step") for one in record["steps"]["image"]] == ["read", "brighten", "mean_grey"]
    assert record["inputs"][0]["path"] == "a_1d.tif"
    assert str(study) not in json.dumps(record)
    info = json.loads((study / "out" / "run.json").read_text())
    assert info["versions"]["numpy"]
    assert list(info["groups"]) == ["a_1d", "b_2d", "c_3d"]


def test_nothing_of_the_machine_stands_in_the_numbers(study):
    for name, content in numbers_of(study / "out").items():
        assert str(study.parent).encode() not in content, name


def test_edits_of_a_group_that_is_not_there_are_noted(study):
    anchor = "{interface: a|b, x: 5 nm, y: 5 nm}"
    (study / "edits.yaml").write_text(f"imgpipe_edits: 1\ngroups:\n  a_1d: [{anchor}]\n  tpyo: [{anchor}]\n")
    recipe = study / "recipe_of_study.yaml"
    recipe.write_text(recipe.read_text() + "edits: edits.yaml\n")
    result = go(study, "edited")
    assert result.info["notes"] == ["moved edges of tpyo were not used: there is no such group."]
    assert (study / "edited" / "edits.yaml").exists()
    again = run(study / "edited" / "recipe.yaml", out=study / "again", report=False)
    assert numbers_of(again.path) == numbers_of(result.path)
    assert result.tree("a_1d")["image/edited_x"].values.tolist() == [5.0]
    assert "edited_x" not in result.tree("b_2d")["image"]


def test_changed_edits_redo_only_their_group(study):
    before = times(study / "out")
    (study / "edits.yaml").write_text(
        "imgpipe_edits: 1\ngroups: {b_2d: [{interface: a|b, x: 5 nm, y: 5 nm}]}\n", encoding="utf-8"
    )
    recipe = study / "recipe_of_study.yaml"
    recipe.write_text(recipe.read_text() + "edits: edits.yaml\n")
    after = times(go(study, resume=True).path)
    assert {name for name in after if after[name] != before[name]} == {"b_2d"}
