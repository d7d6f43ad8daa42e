"""What a recipe may say of elements and lines, and a spectrum that the model does not describe."""

from __future__ import annotations

import numpy as np
import pytest
from simple_maps import edxs_line

from imgpipe.errors import RecipeError
from imgpipe.recipe import Recipe
from imgpipe.steps.edxs.intensities import line_intensities

RECIPE = """imgpipe: 1
title: test
inputs: {{files: "{{a}}.hspy"}}
steps:
  - line_intensities: {{{said}}}
"""


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("elements: [Mgg]", "'Mgg' is no chemical element"),
        ("elements: [Cu Kz]", "Cu has no line 'Kz'"),
        ("elements: [Cu], lines: {Cu: Kz}", "Cu has no line 'Kz'"),
        ("elements: [Mg, Li]", "Li has no line that EDXS sees"),
    ],
)
def test_wrong_names_fail_before_any_file_is_opened(said, told):
    with pytest.raises(RecipeError, match="line 5") as refused:
        Recipe.parse(RECIPE.format(said=said))
    assert told in str(refused.value)


def test_lithium_tells_what_to_say_instead():
    with pytest.raises(RecipeError) as refused:
        Recipe.parse(RECIPE.format(said="elements: [Li]"))
    assert "lithium: true" in str(refused.value)


def test_nothing_is_called_absent_by_a_model_that_does_not_fit():
    leaf = edxs_line(dose=400.0)
    foreign = 40_000.0 * np.exp(-0.5 * ((leaf["energy"].values - 1486.7) / 35.0) ** 2)
    spoiled = leaf.assign(counts=leaf["counts"].copy(data=leaf["counts"].values + np.round(foreign).astype(np.uint32)))
    found = line_intensities(spoiled["counts"], spoiled, spoiled["beam_energy"], elements=["Mg", "S", "W"])
    flags = dict(zip(found["element"].values, found["element_flag"].values, strict=True))
    assert all("not assessable: the model does not fit" in flag for flag in flags.values())
    assert not any("not detected" in flag for flag in flags.values())
    plain = edxs_line()
    good = line_intensities(plain["counts"], plain, plain["beam_energy"], elements=["Mg", "S", "W"])
    assert "not detected" in str(good["element_flag"].sel(element="W").item())
    assert not any("not assessable" in str(flag) for flag in good["element_flag"].values)
