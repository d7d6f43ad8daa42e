"""File names with fields."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgpipe.errors import RecipeError
from imgpipe.patterns import Pattern


@pytest.mark.parametrize(
    ("pattern", "path", "fields"),
    [
        ("{sample}_{day:d}d_{temperature:g}C.tif", "Cu_4d_25.5C.tif", {"sample": "Cu", "day": 4, "temperature": 25.5}),
        ("{sample}_{day:d}d.tif", "a_b_3d.tif", {"sample": "a_b", "day": 3}),
        ("{charge:g}mAh.tif", "-1e-3mAh.tif", {"charge": -1e-3}),
        ("{sample}/{view}.tif", "deep/er/Mg/top.tif", {"sample": "Mg", "view": "top"}),
        ("raw/{sample}.tif", "elsewhere/Mg.tif", {"sample": "Mg"}),
        ("./{sample}.tif", "Mg.tif", {"sample": "Mg"}),
        ("*_{n:d}.tif", "what ever_007.tif", {"n": 7}),
        ("img?.tif", "img5.tif", {}),
        ("a+b(1)[x].tif", "a+b(1)[x].tif", {}),
        ("{größe}.tif", "groß\nartig.tif", {"größe": "groß\nartig"}),
    ],
)
def test_fields_of_a_name(pattern, path, fields):
    assert Pattern(pattern).match(Path(path)) == fields


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{day:d}d.tif", "xd.tif"), ("{day:d}d.tif", "1.5d.tif"), ("{t:g}C.tif", "C.tif"), ("{s}.tif", "a.tiff"),
        ("{s}.tif", "a.TIF"), ("{s}/{v}.tif", "a.tif"), ("img?.tif", "img.tif"), ("{t:g}C.tif", "nanC.tif"),
    ],
)  # fmt: skip
def test_what_does_not_fit(pattern, path):
    assert Pattern(pattern).match(Path(path)) is None


@pytest.mark.parametrize(
    "text",
    ["{a:x}.tif", "{a}_{a}.tif", "{}.tif", "{1a}.tif", "{a", "a}", "{a.b}", "{a!r}", "", "**/{a}.tif", "a\0.tif"],
)
def test_no_pattern(text):
    with pytest.raises(RecipeError, match="file pattern"):
        Pattern(text)


def test_parts_of_a_pattern():
    pattern = Pattern("raw/2024/{sample}/{day:d}_{t:g}.tif")
    assert (pattern.folder, pattern.tail) == ("raw/2024", "{sample}/{day:d}_{t:g}.tif")
    assert pattern.fields == ("sample", "day", "t")
    assert pattern.numeric_fields == ("day", "t")


WORD = st.text(alphabet="aZ09 .+-()[]{}^$\\\n漢é\U0001f600", min_size=1)


@given(sample=WORD, day=st.integers(-(10**6), 10**6), charge=st.floats(0, 1e6))
def test_a_name_made_from_fields_gives_them_back(sample, day, charge):
    path = Path("x") / f"{sample}_{day}d_{charge!r}.tif"
    assert Pattern("{sample}_{day:d}d_{charge:g}.tif").match(path) == {"sample": sample, "day": day, "charge": charge}


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_a_recipe_error(text):
    try:
        pattern = Pattern(text)
    except RecipeError:
        return
    pattern.match(Path("a/b/c.tif"))
