"""Edges that a person moved: saved, read back, put on the leaf."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from imgpipe.edits import Anchor, Edits, load_edits, with_edits
from imgpipe.errors import DataError, RecipeError
from imgpipe.model import axis, check
from imgpipe.recipe import Recipe

EDITS = Edits(
    {"b": (Anchor(interface="Pt|Mg", x="120 nm", y="0.085 um"),), "a": (Anchor(interface="é", x="1 nm", y="-2 nm"),)}
)


@pytest.fixture
def leaf() -> xr.Dataset:
    return xr.Dataset(coords={"y": axis("y", 5, 2.0, "nm"), "x": axis("x", 4, 2.0, "nm")})


def test_saved_edits_are_the_same_edits(tmp_path):
    path = tmp_path / "edits.yaml"
    path.write_text(EDITS.dump(), encoding="utf-8")
    assert load_edits(path) == EDITS
    assert load_edits(path).dump() == EDITS.dump()


def test_anchors_become_variables_in_the_unit_of_the_image(leaf):
    edited = with_edits(leaf, EDITS.groups["b"])
    assert edited["edited_interface"].values.tolist() == ["Pt|Mg"]
    np.testing.assert_allclose(edited["edited_x"], [120.0])
    np.testing.assert_allclose(edited["edited_y"], [85.0])
    assert check(edited) == []
    assert "edited_x" not in leaf


def test_without_anchors_nothing_changes(leaf):
    assert with_edits(leaf, ()) is leaf


def test_pixels_on_a_calibrated_image_are_refused(leaf):
    with pytest.raises(DataError, match="edits: x: can't turn 'px' into 'nm'"):
        with_edits(leaf, (Anchor(interface="a", x="3 px", y="3 px"),))


@pytest.mark.parametrize(
    "text",
    [
        "", "5", "imgpipe_edits: 2\ngroups: {}", "imgpipe_edits: 1", "imgpipe_edits: 1\ngroups: {a: [{interface: b}]}",
        "imgpipe_edits: 1\ngroups: {a: [{interface: b, x: 3, y: 3 nm}]}",
        "imgpipe_edits: 1\ngroups: {a: [{interface: b, x: '3', y: 3 nm}]}",
        "imgpipe_edits: 1\ngroups: {a: [{interface: b, x: nan nm, y: 3 nm}]}",
        "imgpipe_edits: 1\ngroups: {a: !!python/none }",
    ],
    ids=range(9),
)  # fmt: skip
def test_what_is_no_edits_file(tmp_path, text):
    path = tmp_path / "edits.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=r"edits\.yaml"):
        load_edits(path)


def test_faults_of_edits_stand_among_those_of_the_recipe(tmp_path):
    text = 'imgpipe: 1\ninputs: "{a}.tif"\nsteps: [no_such_step]\nedits: gone.yaml\n'
    with pytest.raises(RecipeError, match=r"(?s)unknown step.*can't read the edits"):
        Recipe.parse(text, folder=tmp_path)
