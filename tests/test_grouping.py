"""Files become groups; names of results can't collide, escape or be reserved (FAULTS 37, 39, 40, 59)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgpipe.errors import DataError, RecipeError
from imgpipe.grouping import find_groups, safe_name
from imgpipe.recipe import Recipe

pytestmark = pytest.mark.usefixtures("outside_package")


@pytest.fixture(autouse=True)
def only_outside_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgpipe.recipe.STEPS", {})


def recipe(inputs: str, folder: Path = Path()) -> Recipe:
    return Recipe.parse(f"imgpipe: 1\ninputs: {inputs}\nsteps: [brighten]\n", folder=folder)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")


def names_of(groups) -> list[str]:
    return [group.name for group in groups]


def test_fields_come_from_the_names(tmp_path):
    touch(tmp_path, "Cu_1d.tif", "Cu_10d.tif", "notes.txt", ".hidden_1d.tif")
    groups = find_groups(recipe('{image: {files: "{sample}_{day:d}d.tif", units: {day: d}}}'), [tmp_path])
    assert [(g.name, g.fields) for g in groups] == [
        ("Cu_10d", {"sample": "Cu", "day": 10}), ("Cu_1d", {"sample": "Cu", "day": 1}),
    ]  # fmt: skip
    assert groups[0].units == {"day": "d"}
    assert groups[0].files[0].shown == "Cu_10d.tif"


def test_without_inputs_the_patterns_are_relative_to_the_recipe(tmp_path):
    touch(tmp_path, "raw/a.tif", "a.tif")
    assert [g.files[0].path for g in find_groups(recipe('"raw/{s}.tif"', tmp_path))] == [
        str(tmp_path / "raw" / "a.tif")
    ]
    with pytest.raises(RecipeError, match="no such folder"):
        find_groups(recipe('"other/{s}.tif"', tmp_path))


def test_a_file_named_twice_is_one_group(tmp_path, monkeypatch):
    touch(tmp_path, "a/x.tif")
    monkeypatch.chdir(tmp_path)
    given = [tmp_path, "a", "a/x.tif", "a/../a/x.tif", "*/x.t?f", tmp_path / "a" / "x.tif"]
    assert names_of(find_groups(recipe('"{s}.tif"'), given[1:])) == ["x"]
    assert names_of(find_groups(recipe('"a/{s}.tif"'), given[1:])) == ["x"]


def test_row_39_equal_stems_get_names_of_their_own(tmp_path):
    touch(tmp_path, "one/x.tif", "two/x.tif")
    assert names_of(find_groups(recipe('"{f}/{s}.tif"'), [tmp_path])) == ["one__x", "two__x"]
    touch(tmp_path / "flat", "x.tif", "x.png", "X.bmp")
    found = names_of(find_groups(recipe('"{s}.{suffix}"'), [tmp_path / "flat"]))
    assert len({name.casefold() for name in found}) == 3
    touch(tmp_path / "odd", "a:b.tif", "a;b.tif")
    with pytest.raises(RecipeError, match="same name"):
        find_groups(recipe('"{s}.tif"'), [tmp_path / "odd"])


def test_row_39_joined_groups_of_one_name_are_refused(tmp_path):
    touch(tmp_path, "a_b-c-1.tif", "a-b_c-1.tif")
    with pytest.raises(RecipeError, match="2 groups of files would all be named 'a_b_c'"):
        find_groups(recipe('{image: {files: "{s}-{t}-{z:d}.tif", stack: z}}'), [tmp_path])


def test_planes_of_a_stack_are_in_the_order_of_their_numbers(tmp_path):
    touch(tmp_path, *(f"a_{n}.tif" for n in (1, 2, 10, 9)))
    (group,) = find_groups(recipe('{image: {files: "{s}_{z:d}.tif", stack: z}}'), [tmp_path])
    assert [file.place for file in group.files] == [1, 2, 9, 10]
    assert group.fields == {"s": "a"}


def test_roles_meet_by_their_common_fields(tmp_path):
    touch(tmp_path, "a_se.tif", "a_bse.tif", "b_se.tif")
    groups = find_groups(recipe('{se: "{s}_se.tif", bse: "{s}_bse.tif"}'), [tmp_path])
    assert [(g.name, [f.role for f in g.files], g.lacking) for g in groups] == [
        ("a", ["bse", "se"], ()),
        ("b", ["se"], ("bse",)),
    ]


def test_two_files_for_one_role_are_an_error(tmp_path):
    touch(tmp_path, "a_1_se.tif", "a_2_se.tif", "a_bse.tif")
    with pytest.raises(RecipeError, match="role se: 2 files in one group"):
        find_groups(recipe('{se: "{s}_{n:d}_se.tif", bse: "{s}_bse.tif"}'), [tmp_path])


def test_a_file_that_fits_two_roles_is_an_error(tmp_path):
    touch(tmp_path, "a.tif")
    with pytest.raises(RecipeError, match="fits several roles: one, two"):
        find_groups(recipe('{one: "{s}.tif", two: "{t}.tif"}'), [tmp_path])


@pytest.mark.parametrize("given", ["none.tif", "none", "*.png", "b.txt"])
def test_an_input_that_matches_nothing(tmp_path, given):
    touch(tmp_path, "a.tif", "b.txt")
    with pytest.raises(RecipeError):
        find_groups(recipe('"{s}.tif"'), [tmp_path / given])


def test_row_37_strange_names_are_kept_apart_from_the_disk(tmp_path):
    strange = [
        "ü ä.tif",
        "new\nline.tif",
        "x" * 200 + ".tif",
        "漢字.tif",
        " lead.tif",
        "dots..tif",
        "a'b\"c.tif",
        "{b}.tif",
    ]
    touch(tmp_path, *strange)
    (tmp_path / os.fsdecode(b"bytes\xff.tif")).write_text("", encoding="utf-8")
    groups = find_groups(recipe('"{s}.tif"'), [tmp_path])
    assert len(groups) == len(strange) + 1
    assert len({group.name for group in groups}) == len(groups)
    for group in groups:
        assert safe_name(group.name) == group.name
        assert group.fingerprint()
        group.files[0].shown.encode("utf-8")


def test_row_40_a_link_loop_is_a_group_that_will_fail(tmp_path):
    touch(tmp_path, "b.tif")
    (tmp_path / "a.tif").symlink_to(tmp_path / "a.tif")
    (tmp_path / "loop").symlink_to(tmp_path)
    groups = find_groups(recipe('"{s}.tif"'), [tmp_path])
    assert names_of(groups) == ["a", "b"]
    assert groups[0].fingerprint() != groups[1].fingerprint()
    assert len(find_groups(recipe('"{f}/{s}.tif"'), [tmp_path / "loop"])) >= 1


def test_the_fingerprint_follows_content_and_name(tmp_path):
    touch(tmp_path, "a.tif")
    (group,) = find_groups(recipe('"{s}.tif"'), [tmp_path])
    before = group.fingerprint()
    assert group.fingerprint() == before
    (tmp_path / "a.tif").write_text("changed", encoding="utf-8")
    assert group.fingerprint() != before
    (tmp_path / "a.tif").unlink()
    assert group.fingerprint() != before


@pytest.mark.parametrize("companion", ["a-tif.hdr", "a.hdr", "a.txt"])
def test_the_fingerprint_follows_the_metadata_file_beside_an_image(tmp_path, companion):
    touch(tmp_path, "a.tif")
    (group,) = find_groups(recipe('"{s}.tif"'), [tmp_path])
    before = group.fingerprint()
    touch(tmp_path, "b-tif.hdr", "notes.txt")
    assert group.fingerprint() == before
    touch(tmp_path, companion)
    beside = group.fingerprint()
    (tmp_path / companion).write_text("PixelSizeX=1e-9", encoding="utf-8")
    assert len({before, beside, group.fingerprint()}) == 3


RESERVED = (
    "CON",
    "con",
    "NUL",
    "nul.txt",
    "COM1",
    "LPT9.x",
    "",
    ".",
    "..",
    "   ",
    "tables",
    "figures",
    "run.json",
    "recipe.yaml",
    "a.part",
)


@pytest.mark.parametrize("name", RESERVED)
def test_row_59_reserved_names_are_refused(name):
    with pytest.raises(DataError, match="can't name a result"):
        safe_name(name)


@pytest.mark.parametrize("name", ["CON.tif", "tables.tif", "x.part.tif"])
def test_row_59_files_with_reserved_names_stop_the_run_before_it_starts(tmp_path, name):
    touch(tmp_path, name, "a.tif")
    with pytest.raises(RecipeError, match="can't name a result"):
        find_groups(recipe('"{s}.tif"'), [tmp_path])


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "C:\\x", "a\0b", "a/../b", "\\\\host\\share", "~x"])
def test_row_59_paths_become_plain_names(name):
    safe = safe_name(name)
    assert Path(safe).name == safe
    assert not set(safe) & set('/\\:\0*?"<>|~')


@given(st.text(max_size=300))
def test_a_safe_name_is_one_plain_name_and_stays_itself(text):
    try:
        name = safe_name(text.encode("utf-8", "replace").decode())
    except DataError:
        return
    assert Path(name).name == name
    assert len(name.encode()) <= 120
    assert name.isprintable()
    assert safe_name(name) == name
