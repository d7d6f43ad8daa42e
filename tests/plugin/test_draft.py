"""A recipe while it is edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgpipe.errors import RecipeError
from imgpipe.napari.draft import Draft, Entry, new_entry
from imgpipe.recipe import Recipe


def test_a_loaded_recipe_comes_out_as_it_runs(recipe_file: Path) -> None:
    draft, recipe = Draft.load(recipe_file), Recipe.load(recipe_file)
    assert draft.recipe().dump() == recipe.dump()


def test_the_shipped_recipe_is_sound_and_wants_nothing_filled_in() -> None:
    draft = Draft.shipped()
    recipe = draft.recipe()
    assert [call.step.name for call in recipe.steps][-1] == "layer_thickness"
    assert [entry.name for entry in draft.entries if not entry.active] == ["calibrate_scale"]


def test_faults_have_the_words_of_the_command_line(recipe_file: Path) -> None:
    draft = Draft.load(recipe_file)
    draft.entries.insert(0, Entry("measure_fake", {"scale": -1}))
    with pytest.raises(RecipeError) as told:
        draft.recipe()
    recipe_file.write_text(draft.text(), encoding="utf-8")
    with pytest.raises(RecipeError) as on_the_command_line:
        Recipe.load(recipe_file)
    assert str(told.value) == str(on_the_command_line.value)
    assert "scale" in str(told.value)


def test_a_step_that_is_switched_off_is_left_out(recipe_file: Path) -> None:
    draft = Draft.load(recipe_file)
    draft.entries[0].active = False
    assert [call.step.name for call in draft.recipe().steps] == ["trace_fake", "measure_fake"]


def test_routing_words_survive(recipe_file: Path) -> None:
    text = recipe_file.read_text(encoding="utf-8").replace("{sigma: 2}", "{sigma: 2, from: {image: image}, as: smooth}")
    recipe_file.write_text(text.replace("{depth: 0.25}", "{from: {image: smooth}}"), encoding="utf-8")
    draft = Draft.load(recipe_file)
    assert draft.entries[0].routing == {"from": {"image": "image"}, "as": "smooth"}
    assert draft.recipe().dump() == Recipe.load(recipe_file).dump()


def test_a_file_that_does_not_match_gets_a_wider_pattern(recipe_file: Path) -> None:
    draft = Draft.load(recipe_file)
    assert draft.pattern_for(Path("a.tif")) == {}
    draft.inputs |= draft.pattern_for(Path("a.dm3"))
    assert draft.recipe().inputs["image"].files == "*.dm3"
    assert draft.recipe().inputs["image"].pixel_size == 4.0


def test_files_without_a_role_keep_the_names_of_their_leaves() -> None:
    draft = Draft.load(Path(__file__).parents[2] / "pipelines" / "edxs_map.yaml")
    assert list(draft.recipe().inputs) == list(Recipe.parse(draft.text()).inputs) == [""]
    assert draft.recipe().steps[0].at == ("map",)


def test_several_roles_are_refused_with_a_remedy(recipe_file: Path) -> None:
    text = recipe_file.read_text(encoding="utf-8")
    recipe_file.write_text(text.replace("{image: {", '{other: "{sample}.png", image: {'), encoding="utf-8")
    with pytest.raises(RecipeError, match="several roles"):
        Draft.load(recipe_file)


def test_a_new_step_has_its_defaults_and_sleeps_when_one_is_missing() -> None:
    assert new_entry("trace_fake") == Entry("trace_fake", {"depth": 0.3})
    assert not new_entry("calibrate_scale").active
