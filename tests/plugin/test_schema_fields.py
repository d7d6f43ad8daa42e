"""What a form asks for, and how answers are read back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from imgpipe.napari.schema_fields import answered, fields_of, shown
from imgpipe.recipe import InputRole
from imgpipe.step import accept_text
from imgpipe.steps import load_step, step_table
from imgpipe.units import Unit

Length = accept_text(Annotated[float, Field(gt=0), Unit("nm")])


class Everything(BaseModel):
    """One setting of each kind."""

    model_config = ConfigDict(extra="forbid", strict=True)

    wanted: Length = Field(description="how far")  # type: ignore[valid-type]
    reach: Length | None = None  # type: ignore[valid-type]
    way: Literal["up", "down"] = "down"
    side: Literal["left", "right"] | None = None
    count: Annotated[int, Field(ge=1, lt=10)] = 3
    rows: int | None = None
    fast: bool = True
    maybe: bool | None = None
    names: list[str] = Field(default_factory=lambda: ["Pt", "Mg"])
    title: str = ""
    share: float = 1e-5
    bar: Literal["auto"] | int = "auto"


def fields() -> dict[str, Any]:
    return {field.name: field for field in fields_of(Everything)}


def test_each_type_gets_its_widget() -> None:
    kinds = {name: field.kind for name, field in fields().items()}
    assert kinds == {
        "wanted": "line", "reach": "line", "way": "choice", "side": "choice", "count": "whole", "rows": "line",
        "fast": "switch", "maybe": "choice", "names": "line", "title": "line", "share": "line", "bar": "line",
    }  # fmt: skip


def test_ranges_units_and_texts_come_from_the_schema() -> None:
    found = fields()
    assert found["count"].options == {"min": 1, "max": 9, "step": 1}
    assert found["side"].options == {"choices": [None, "left", "right"]}
    assert (found["wanted"].unit, found["wanted"].required, found["reach"].nullable) == ("nm", True, True)
    assert "how far" in found["wanted"].tooltip
    assert "> 0" in found["wanted"].tooltip


@pytest.mark.parametrize(
    ("name", "line", "value"),
    [
        ("wanted", "0.2 um", "0.2 um"), ("wanted", "12.5", 12.5), ("reach", "", None), ("reach", "3 nm", "3 nm"),
        ("rows", "", None), ("rows", "7", 7), ("names", "W, Cu", ["W", "Cu"]), ("names", "W", ["W"]), ("names", "", []),
        ("title", "7", "7"), ("title", "", ""), ("share", "1e-5", "1e-5"), ("share", "0.25", 0.25),
        ("bar", "auto", "auto"),
        ("bar", "12", 12), ("wanted", "[", "["),
    ],
)  # fmt: skip
def test_a_line_is_read_as_a_recipe_is(name: str, line: str, value: Any) -> None:
    assert answered(fields()[name], line) == value


@pytest.mark.parametrize("name", ["input", *step_table()])
def test_defaults_of_every_step_survive_the_form(name: str) -> None:
    settings = InputRole if name == "input" else load_step(name).settings
    for field in fields_of(settings):
        if not field.required:
            assert answered(field, shown(field, field.default)) == field.default
