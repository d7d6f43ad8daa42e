"""Recipes: strict, all faults at once with line and nearest name, and what is saved runs again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgpipe.errors import RecipeError
from imgpipe.located_yaml import load_located
from imgpipe.recipe import Recipe, dump_call

pytestmark = pytest.mark.usefixtures("outside_package")

HEAD = 'imgpipe: 1\ninputs: "{sample}.tif"\nsteps:\n'
EVERYTHING = """\
imgpipe: 1
title: Alles, was geht — 3 µm
inputs:
  bse: {files: "raw/{sample}_{day:d}d_{signal}_bse.tif", units: {day: d}, stack: signal, pixel_size: 0.012 um}
  se: {files: "raw/{sample}_{day:d}d_se.tif", data_bar: 60, saturated: 0.2, max_pixels: 1000, timeout: 2 min}
steps:
  - brighten: {by: 2, at: [bse, "s*"], from: {image: other}, as: bright}
  - lengths: {reach: 0.2 um, tilt: 52 deg, names: [Pt, "007", "on"], method: fast, verbose: true, level: auto}
  - lengths
  - row_profile: {as: profile}
  - mean_grey: {name: "yes: no"}
keep: [image, bright]
study:
  - brighten: {by: 4}
"""


@pytest.fixture(autouse=True)
def only_outside_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgpipe.recipe.STEPS", {})


def faults(text: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        Recipe.parse(text, "r.yaml", overrides)
    return str(caught.value)


def same(one: Recipe, other: Recipe) -> bool:
    """Tell whether two recipes do the same (lines and folder may differ)."""
    bare = [replace(r, steps=(), study=(), folder=Path()) for r in (one, other)]
    calls = [[dump_call(call) for call in (*r.steps, *r.study)] for r in (one, other)]
    return bare[0] == bare[1] and calls[0] == calls[1]


def test_what_is_dumped_is_the_same_recipe():
    recipe = Recipe.parse(EVERYTHING)
    again = Recipe.parse(recipe.dump())
    assert same(recipe, again)
    assert again.dump() == recipe.dump()
    assert again.inputs["bse"].pixel_size == 12.0
    assert again.inputs["se"].timeout == 120.0
    assert again.steps[1].values["names"] == ["Pt", "007", "on"]


def test_overrides_stand_in_the_dump():
    recipe = Recipe.parse(
        EVERYTHING, overrides=["lengths.2.reach=3 nm", "mean_grey.name='x=y'", "lengths.1.names=[a, b]"]
    )
    assert [call.values["reach"] for call in recipe.steps[1:3]] == [200.0, 3.0]
    assert recipe.steps[4].values["name"] == "x=y"
    assert same(recipe, Recipe.parse(recipe.dump()))


def test_every_setting_is_written_out():
    dumped = yaml.safe_load(Recipe.parse(HEAD + "  - lengths\n").dump())
    assert dumped["steps"] == [
        {
            "lengths": {
                "reach": 10.0,
                "tilt": None,
                "method": "good",
                "names": [],
                "often": 3,
                "verbose": False,
                "level": "auto",
            }
        }
    ]


TEXTS = st.text(alphabet="aZ09 :-#'\"{}[],&*!|>%@`~\\µ漢é=.?<\u2028\U0001f600", max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    title=TEXTS,
    by=st.floats(min_value=1e-300, max_value=100),
    reach=st.floats(min_value=5e-324, max_value=1e300),
    names=st.lists(TEXTS, max_size=4),
    level=st.one_of(st.just("auto"), st.floats(-1e9, 1e9)),
    name=TEXTS,
)
def test_any_settings_survive_saving(title, by, reach, names, level, name):
    value = {
        "imgpipe": 1,
        "title": title,
        "inputs": "{a}.tif",
        "steps": [
            {"brighten": {"by": by}},
            {"lengths": {"reach": reach, "names": names, "level": level}},
            {"mean_grey": {"name": name}},
        ],
    }
    recipe = Recipe.parse(yaml.safe_dump(value, allow_unicode=True))
    again = Recipe.parse(recipe.dump())
    assert same(recipe, again)
    assert again.steps[0].values["by"] == by
    assert again.steps[1].values["names"] == names


def test_all_faults_are_named_at_once_with_their_lines():
    text = """\
imgpipe: 1
titel: typo
inputs:
  image: {files: "{sample}.tif", units: {day: d}, pixelsize: 3 nm}
steps:
  - brigthen: {by: 2}
  - brighten:
      bye: 2
  - lengths: {reach: 3 s, often: 0}
  - 5
  - mean_grey: {as: ../../x}
  - brighten: {from: {img: a}}
"""
    told = faults(text, "lengths.N.reach=1", "nothing.x=1")
    for part in (
        "line 2: unknown key 'titel'; did you mean 'title'",
        "line 4: unknown setting 'inputs.image.pixelsize'; did you mean 'pixel_size'",
        "line 6: unknown step 'brigthen'; did you mean 'brighten'",
        "line 8: unknown setting 'bye'; did you mean 'by'",
        "line 9: reach:", "line 9: often:", "line 10: expected one step", "line 11: mean_grey: `as`",
        "line 12: brighten has no variable 'img'", "--set 'lengths.N.reach=1'", "has no step 'nothing'",
    ):  # fmt: skip
        assert part in told, f"{part}\n{told}"
    assert told.startswith("r.yaml: ")


@pytest.mark.parametrize(
    ("inputs", "part"),
    [
        ('"{a}{a}.tif"', "a field name stands there twice"),
        ('{image: {files: "{a}.tif", units: {b: nm}}}', "has no field 'b'"),
        ('{image: {files: "{a:g}.tif", units: {a: nn}}}', "unknown unit 'nn'"),
        ('{image: {files: "{a}.tif", units: {a: nm}}}', "'a' is a text"),
        ('{image: {files: "{a}.tif", stack: z}}', "needs a field {z}"),
        ('{image: {files: "{a}.tif", stack: sideways}}', "stack"),
        ('{image: {files: "{a}.tif", pixel_size: 0 nm}}', "pixel_size"),
        ('{image: {files: "{a}.tif", pixel_size: 3 px}}', "pixel size"),
        ('{image: {files: "{a}.tif", pixel_size: .inf}}', "pixel_size"),
        ('{image: {files: "{a}.tif", saturated: 5}}', "saturated"),
        ("{image: {}}", "files"),
        ('{"../../x": "{a}.tif"}', "can't name a role"),
        ('{"": "{a}.tif"}', "can't name a role"),
        ('{"/x": "{a}.tif"}', "can't name a role"),
        ('{image: "{layer}.tif"}', "{layer} is a column already"),
        ('{image: "{group}.tif"}', "{group} is a column already"),
        ("5", "inputs"),
        ("[a.tif]", "inputs"),
    ],
)
def test_faults_of_inputs(inputs, part):
    assert part in faults(f"imgpipe: 1\ninputs: {inputs}\nsteps:\n  - brighten\n")


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing", "5", "[]", "imgpipe: 1", "imgpipe: 2\ninputs: a.tif\nsteps: [brighten]", "imgpipe: true",
        "steps: 5", "steps: {a: b}", "steps: [[]]", "steps: [{}]", "steps: [{a: 1, b: 2}]", "steps: [{brighten: 5}]",
        "steps: [{brighten: [1]}]", "steps: [{1: 2}]", "steps: [null]", "keep: 5", "study: 5", "edits: 5",
        "steps: [{brighten: {at: 5}}]", "steps: [{brighten: {at: [1]}}]", "steps: [{brighten: {from: 5}}]",
        "steps: [{brighten: {from: {image: 5}}}]", "steps: [{brighten: {as: 5}}]", "steps: [{brighten: {as: null}}]",
        "steps: [{brighten: {1: 2}}]", "title: 2024-13-45", "title: 2024-01-01", "a: b: c", "\tx", "\0", "? [a]\n: b",
        "<<: {imgpipe: 1}", "--- a\n--- b", "a: 1\na: 2", "n: " + "9" * 5000,
    ],
    ids=lambda text: text[:25],
)  # fmt: skip
def test_nonsense_is_a_recipe_error(text):
    assert faults(text)
    assert faults(
        f"{HEAD}  - brighten\n{text}" if text.startswith(("keep", "study", "edits", "a:", "n:", "title")) else text
    )


@pytest.mark.parametrize(
    "override", ["", "=", "brighten", "brighten=1", ".=1", "brighten.by", "brighten.0.by=1", "brighten.2.by=1",
                 "brighten.by=!!python/name:os.system", "brighten.by=[",
                 "a.b.c.d=1", "brighten.by=", "brighten.x=1", "..="]
)  # fmt: skip
def test_wrong_overrides(override):
    assert faults(HEAD + "  - brighten\n", override)


@pytest.mark.parametrize("steps", ["steps: 5", "steps: [5, {}]", "steps: [{brighten: text}]", "steps:"])
def test_overrides_of_broken_recipes_are_recipe_errors(steps):
    assert faults(f'imgpipe: 1\ninputs: "{{a}}.tif"\n{steps}\n', "brighten.by=2")


def test_an_override_of_a_step_without_settings():
    for entry in ("brighten", "brighten:", "brighten: {}"):
        recipe = Recipe.parse(f"{HEAD}  - {entry}\n", overrides=["brighten.by=7"])
        assert recipe.steps[0].values["by"] == 7.0


def test_a_variable_must_be_made_before_it_is_used(monkeypatch):
    later = HEAD + "  - needs_profile\n  - row_profile: {as: profile}\n"
    assert "needs 'profile', which row_profile gives only later" in faults(later)
    monkeypatch.setattr("imgpipe.recipe.STEPS", {"row_profile": ""})
    assert "needs 'profile'; put row_profile before it" in faults(HEAD + "  - needs_profile\n")
    Recipe.parse(HEAD + "  - row_profile: {as: profile}\n  - needs_profile\n")


def test_a_file_that_is_no_recipe(tmp_path):
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "none.yaml", tmp_path / "bytes.yaml"):
        with pytest.raises(RecipeError, match="can't read this recipe"):
            Recipe.load(path)


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(HEAD + "  - brighten\n", encoding="utf-8-sig")
    assert Recipe.load(path).steps[0].step.name == "brighten"


def test_lines_of_places():
    located = load_located("a:\n  - b: 1\n    c:\n      d: 2\n", "x")
    assert (located.line("a"), located.line("a", 0, "b"), located.line("a", 0, "c", "d")) == (1, 2, 4)
    assert located.line("a", 0, "c", "unknown") == 3


@settings(max_examples=200)
@given(st.text(alphabet="ab:-[]{}&*!<>|?'\"#%@\n ,0x19.~\t", max_size=40))
def test_any_text_is_plain_data_or_a_recipe_error(text):
    try:
        found = load_located(text, "x").value
    except RecipeError:
        return
    assert found == yaml.safe_load(text)


def test_one_kind_of_files_needs_no_role_to_have_options():
    text = "imgpipe: 1\ninputs: {files: '{sample}_x.tif', stack: sample}\nsteps: [crop]\n"
    recipe = Recipe.parse(text)
    assert list(recipe.inputs) == [""]
    assert recipe.inputs[""].stack == "sample"
    assert Recipe.parse(recipe.dump()).inputs == recipe.inputs


def test_a_wrong_option_of_the_one_kind_of_files_is_named():
    with pytest.raises(RecipeError, match="stakc"):
        Recipe.parse("imgpipe: 1\ninputs: {files: '{sample}_x.tif', stakc: sample}\nsteps: [crop]\n")


@pytest.mark.parametrize("inputs", ["'{sample}_x.tif'", "{files: '{sample}_x.tif', stack: sample}"])
def test_an_override_may_name_other_files(inputs):
    text = f"imgpipe: 1\ninputs: {inputs}\nsteps: [crop]\n"
    recipe = Recipe.parse(text, overrides=["inputs.files=other_{sample}.tif"])
    assert recipe.inputs[""].files == "other_{sample}.tif"
    assert recipe.inputs[""].stack == Recipe.parse(text).inputs[""].stack


def test_files_of_several_roles_can_not_be_overridden():
    with pytest.raises(RecipeError, match="several kinds of files"):
        Recipe.parse("imgpipe: 1\ninputs: {a: 'a.tif', b: 'b.tif'}\nsteps: [crop]\n", overrides=["inputs.files=c.tif"])
