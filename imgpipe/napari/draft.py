"""A recipe while it is being edited: steps that can be switched, changed, moved; back to text for the one parser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from imgpipe.edits import Edits
from imgpipe.errors import RecipeError
from imgpipe.recipe import RESERVED, Recipe, dump_call
from imgpipe.steps import load_step
from imgpipe.template import TECHNIQUES

SHIPPED = "cross_section"
"""Technique whose recipe a new dock starts with."""


@dataclass
class Entry:
    """One step of a draft: its name, its settings, and whether it takes part."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    routing: dict[str, Any] = field(default_factory=dict)
    active: bool = True

    def written(self) -> dict[str, dict[str, Any]]:
        """Return the entry as a recipe writes it."""
        return {self.name: {**self.settings, **self.routing}}


def new_entry(name: str) -> Entry:
    """Return a step with its default settings, switched off as long as one has no default."""
    fields = load_step(name).settings.model_fields
    known = {key: one.get_default(call_default_factory=True) for key, one in fields.items() if not one.is_required()}
    return Entry(name, known, active=len(known) == len(fields))


@dataclass
class Draft:
    """A recipe that may still have faults; `recipe` checks it with the parser of the command line.

    Attributes
    ----------
    file : name that error messages begin with
    folder : place that relative patterns and the edits file start from
    header : everything of the recipe but its steps and edits
    inputs : settings of the one input role, such as pixel_size
    """

    file: str
    folder: Path
    header: dict[str, Any]
    role: str
    inputs: dict[str, Any]
    entries: list[Entry]
    edits: Edits = field(default_factory=Edits)

    @classmethod
    def shipped(cls) -> Draft:
        """Return the recipe that `imgpipe new` writes; steps that want something filled in are switched off."""
        technique = TECHNIQUES[SHIPPED]
        entries = [new_entry(name) for name in technique.steps]
        header = {"imgpipe": 1, "title": technique.title}
        return cls(f"{SHIPPED}.yaml", Path(), header, "image", {"files": technique.files}, entries)

    @classmethod
    def load(cls, path: str | Path) -> Draft:
        """Read a recipe file, with its edits.

        Raises
        ------
        RecipeError
            with the text of the command line; also for what the dock can't show: several roles of input files.
        """
        return cls.of(Recipe.load(path), str(path))

    @classmethod
    def of(cls, recipe: Recipe, file: str) -> Draft:
        """Return the draft of a checked recipe, every setting written out."""
        if len(recipe.inputs) != 1 or recipe.study:
            raise RecipeError(
                "the viewer measures one image at a time: a recipe with several roles or a study runs elsewhere.",
                file=file,
                remedy="`imgpipe run` takes it as it is.",
            )
        ((role, given),) = recipe.inputs.items()
        header = {"imgpipe": 1, "title": recipe.title, "keep": list(recipe.keep)}
        written = [next(iter(dump_call(call).items())) for call in recipe.steps]
        entries = [Entry(name, *_split(words)) for name, words in written]
        inputs = given.model_dump(mode="json", exclude_defaults=True)
        return cls(file, recipe.folder, header, role, inputs, entries, recipe.edits)

    def text(self) -> str:
        """Return the recipe as YAML; steps that are switched off are left out."""
        value = {
            **{key: one for key, one in self.header.items() if one},
            "inputs": {self.role: self.inputs} if self.role else self.inputs,
            "steps": [entry.written() for entry in self.entries if entry.active],
        }
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)

    def recipe(self) -> Recipe:
        """Return the checked recipe; `RecipeError` lists every fault, as on the command line."""
        return replace(Recipe.parse(self.text(), self.file, folder=self.folder), edits=self.edits)

    def pattern_for(self, path: Path) -> dict[str, Any]:
        """Return the input settings to change so that a file matches the recipe; none when it does already."""
        if self.recipe().inputs[self.role].pattern.match(path.absolute()) is not None:
            return {}
        return {"files": f"*{path.suffix}", "units": {}, "stack": None}


def _split(words: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    settings = {key: value for key, value in words.items() if key not in RESERVED}
    return settings, {key: value for key, value in words.items() if key in RESERVED}
