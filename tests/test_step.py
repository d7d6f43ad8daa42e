"""One signature says everything: variables, settings, units, what comes out, the manual."""

from __future__ import annotations

import pydantic
import pytest

from imgpipe.errors import RecipeError
from imgpipe.manual import list_steps, setting_rows, step_manual
from imgpipe.step import parameter_texts
from imgpipe.steps import load_step, step_table

pytestmark = pytest.mark.usefixtures("outside_package")


def test_variables_come_from_positional_parameters():
    (image,) = load_step("brighten").variables
    assert (image.name, image.unit.canonical, image.dims.required, image.optional) == (
        "image",
        "counts",
        ("y", "x"),
        False,
    )


def test_settings_take_texts_with_units():
    settings = load_step("lengths").settings
    assert settings(reach="0.2 um", tilt="0.5 rad").reach == pytest.approx(200.0)
    assert settings(tilt="0.5 rad").tilt == pytest.approx(28.6479, rel=1e-5)
    assert settings(level="auto").level == "auto"
    assert settings(level="30 counts").level == 30.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"reach": "3 px"}, {"reach": "3 s"}, {"reach": -1.0}, {"reach": "-1 nm"}, {"reach": True}, {"reach": "much"},
        {"reach": float("inf")}, {"reach": float("nan")}, {"reach": "1e999 nm"}, {"tilt": 90}, {"method": "best"},
        {"often": 1.5}, {"often": "3"}, {"verbose": 1}, {"names": "Mg"}, {"names": [1]}, {"unknown": 1},
        {"level": "high"},
    ],
    ids=str,
)  # fmt: skip
def test_settings_are_strict(wrong):
    with pytest.raises(pydantic.ValidationError):
        load_step("lengths").settings(**wrong)


def test_defaults_hold_without_settings():
    assert load_step("lengths").settings().model_dump() == {
        "reach": 10.0, "tilt": None, "method": "good", "names": [], "often": 3, "verbose": False, "level": "auto",
    }  # fmt: skip


def test_a_list_default_is_not_shared_between_calls():
    settings = load_step("lengths").settings
    settings().names.append("Mg")
    assert settings().names == []


def test_units_of_settings_and_results():
    assert load_step("lengths").setting_units == {"reach": "nm", "tilt": "deg", "level": "counts"}
    assert load_step("mean_grey").gives.units == {"grey": "counts"}
    assert load_step("mean_grey").gives.table == "regions"
    assert load_step("brighten").gives.units == {}


def test_a_step_is_still_its_function():
    assert load_step("brighten").summary == "Multiply an image."
    assert load_step("brighten").name == "brighten"


def test_parameter_texts_join_continuation_lines_and_shared_heads():
    doc = (
        "Do.\n\nParameters\n----------\na, b : first\n    second\n*c : third\n\nReturns\n-------\nd : not a parameter\n"
    )
    assert parameter_texts(doc) == {"a": "first second", "b": "first second", "c": "third"}
    assert parameter_texts("Do.") == {}


def test_the_manual_names_unit_range_and_default():
    text = step_manual("lengths")
    for part in ("reach = 10.0", "in nm > 0", "fast | good", "tilt = null", "Take a setting of every kind."):
        assert part in text
    rows = {row["name"]: row for row in setting_rows(load_step("brighten"))}
    assert rows["by"] == {"name": "by", "default": "2.0", "range": "number > 0 <= 100", "text": "factor"}


def test_steps_of_other_packages_join_and_ours_win(monkeypatch):
    assert step_table()["brighten"] == "outside_steps:brighten"
    monkeypatch.setattr("imgpipe.steps.STEPS", {"brighten": "ours:brighten"})
    step_table.cache_clear()
    assert step_table()["brighten"] == "ours:brighten"


def test_what_is_no_step_is_refused():
    with pytest.raises(RecipeError, match="lacks the @step decorator"):
        load_step("not_a_step")
    with pytest.raises(RecipeError, match="did you mean 'brighten'"):
        load_step("brigthen")


def test_a_step_that_cannot_be_imported_is_named(monkeypatch):
    monkeypatch.setattr("imgpipe.steps.STEPS", {"gone": "no_such_module:gone"})
    step_table.cache_clear()
    with pytest.raises(RecipeError, match="'gone' can't be loaded from no_such_module:gone"):
        load_step("gone")


def test_the_list_of_steps_has_one_line_each(monkeypatch):
    names = ("brighten", "mean_grey", "lengths")
    monkeypatch.setattr("imgpipe.manual.step_table", lambda: dict.fromkeys(names, ""))
    assert [line.split()[0] for line in list_steps().splitlines()] == sorted(names)
