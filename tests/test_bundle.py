"""The result folder: complete or visibly not, and every damage is seen (FAULTS 63, 66, 67, 68)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from imgpipe import bundle
from imgpipe.batch import run
from imgpipe.bundle import MARKER, open_bundle, part_folder
from imgpipe.errors import DataError, OutputError

pytestmark = pytest.mark.usefixtures("outside_package")
CHUNK = "data.zarr/image/image/c/0/0"


def test_a_finished_result_is_sound_and_readable(study):
    result = open_bundle(study / "out")
    assert result.verify() == []
    assert result.groups == ["a_1d", "b_2d", "c_3d"]
    assert result.failures == []
    image = result.load("a_1d")["image/image"]
    assert (image.shape, image.attrs["units"]) == ((48, 40), "counts")
    assert float(image.mean()) == pytest.approx(180, abs=3)  # three times brighter than 60
    assert result.group_info("a_1d")["fields"] == {"sample": "a", "day": 1}


def test_tables_keep_texts_that_look_like_something_else(study):
    table = open_bundle(study / "out").table("regions")
    assert list(table) == ["group", "sample", "day_d", "region", "grey_counts", "flag"]
    assert table["sample"].tolist() == ["a", "b", "c"]
    assert table["flag"].tolist() == ["", "", ""]
    np.testing.assert_allclose(table["grey_counts"], [180, 270, 360], atol=4)
    with pytest.raises(OutputError, match="no table 'layers'; there are regions"):
        open_bundle(study / "out").table("layers")


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))


def test_row_66_a_flipped_bit_is_an_error_that_names_the_chunk(study):
    flip_a_bit(study / "out" / "b_2d" / CHUNK)
    result = open_bundle(study / "out")
    with pytest.raises(OutputError, match=f"b_2d/{CHUNK}: changed"):
        result.load("b_2d")
    assert [str(d) for d in result.verify()] == [f"b_2d/{CHUNK}: changed since it was written"]
    assert float(result.load("a_1d")["image/image"].mean()) > 0


def test_row_67_a_missing_chunk_is_found(study):
    (study / "out" / "b_2d" / CHUNK).unlink()
    result = open_bundle(study / "out")
    assert [str(d) for d in result.verify()] == [f"b_2d/{CHUNK}: missing"]
    with pytest.raises(OutputError, match=f"b_2d/{CHUNK}: missing"):
        result.tree("b_2d")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda out: flip_a_bit(out / "tables" / "regions.csv"), "tables/regions.csv: changed"),
        (lambda out: flip_a_bit(out / "a_1d" / "tables" / "regions.parquet"), "a_1d/tables/regions.parquet: changed"),
        (lambda out: (out / "summary.csv").unlink(), "summary.csv: missing"),
        (lambda out: shutil.rmtree(out / "a_1d"), "a_1d: missing"),
        (lambda out: (out / "a_1d" / MARKER).unlink(), "a_1d: missing"),
        (lambda out: (out / "a_1d" / MARKER).write_text("{"), f"a_1d/{MARKER}: damaged"),
        (lambda out: (out / "a_1d" / "extra.txt").write_text("x"), "a_1d/extra.txt: is not part of the result"),
        (lambda out: (out / "d.part").mkdir(), "d.part: unfinished group"),
        (lambda out: (out / "run.json").unlink(), "run.json: missing"),
    ],
    ids=range(9),
)
def test_every_damage_is_seen(study, spoil, told):
    spoil(study / "out")
    faults = [str(d) for d in open_bundle(study / "out").verify()]
    assert any(fault.startswith(told) for fault in faults), faults


def test_figures_may_come_later(study):
    (study / "out" / "a_1d" / "figures").mkdir()
    (study / "out" / "a_1d" / "figures" / "edges.png").write_bytes(b"x")
    assert open_bundle(study / "out").verify() == []


@pytest.mark.parametrize("content", [None, "mine: 1\n", "imgpipe: 1\n"])
def test_another_folder_is_no_result(tmp_path, content):
    if content is not None:
        (tmp_path / "recipe.yaml").write_text(content)
        (tmp_path / "run.json").write_text("{}")
    with pytest.raises(OutputError, match="no result folder"):
        open_bundle(tmp_path)


@pytest.mark.parametrize("name", ["../../x", "/abs", "C:\\x", "a\0b", "CON", "..", "", "a/b", "tables"])
def test_row_59_a_group_of_such_a_name_is_never_written(tmp_path, name):
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    with pytest.raises(DataError):
        part_folder(out, name)
    assert list(tmp_path.rglob("*")) == [tmp_path / "deep", out]


@pytest.mark.parametrize("suffix", ["", ".part"])
def test_row_59_a_link_out_of_the_folder_is_refused(tmp_path, suffix):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    (out / f"a{suffix}").symlink_to(elsewhere)
    with pytest.raises(OutputError, match="a link stands where a result should go"):
        part_folder(out, "a")
    assert (elsewhere / "precious").exists()


def test_row_68_a_leftover_is_cleared(tmp_path):
    (tmp_path / "a.part" / "data.zarr").mkdir(parents=True)
    assert list(part_folder(tmp_path, "a").iterdir()) == []


def test_row_68_resume_clears_leftovers_of_groups_that_are_gone(study):
    out = study / "out"
    (out / "zzz.part").mkdir()
    (out / "zzz.part" / "error.txt").write_text("x")
    (out / "b_2d").rename(out / "b_2d.part")
    result = run(study / "recipe_of_study.yaml", [study / "images"], out, resume=True, report=False)
    assert result.verify() == []
    assert not list(out.glob("*.part"))


def test_the_marker_is_written_after_everything_else(study):
    folder = study / "out" / "a_1d"
    listed = set(json.loads((folder / MARKER).read_text())["files"])
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there - listed == {MARKER}


def test_json_is_whole_or_absent(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    bundle.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        bundle.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
