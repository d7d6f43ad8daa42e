"""Read YAML that a person wrote: plain data only, with the line of every key, nothing clever.

Tags, anchors, aliases and doubled keys are refused before anything is built from them, so that a
recipe can neither run code nor grow (FAULTS rows 56 and 57).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from imgpipe.errors import RecipeError

Place = tuple[str | int, ...]
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Located:
    """Plain data, and the 1-based line of each place in it."""

    value: Any
    lines: dict[Place, int]

    def line(self, *place: str | int) -> int:
        """Return the line of a place, or of the nearest place around it."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return 1


def load_located(text: str, file: str) -> Located:
    """Read YAML text.

    Raises
    ------
    RecipeError
        naming file and line, when the text is no YAML, is too long, or uses tags, anchors, aliases or a key twice.
    """
    if len(text) > MAX_BYTES:
        raise RecipeError(f"{len(text)} characters; a recipe has at most {MAX_BYTES}.", file=file)
    try:
        _refuse_clever(text, file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise RecipeError("the file is empty.", file=file, remedy="`imgpipe new TECHNIQUE` writes a recipe to start from.")
        lines = dict(_lines(node, (), file))
        return Located(yaml.safe_load(text), lines)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise RecipeError(f"{where}this is no valid YAML ({getattr(error, 'problem', error)}).", file=file) from None


def _refuse_clever(text: str, file: str) -> None:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise RecipeError(f"line {line}: anchors and aliases (& and *) are not allowed.", file=file)
        if getattr(event, "tag", None):
            raise RecipeError(f"line {line}: the YAML tag {event.tag!r} is not allowed; only plain data is.", file=file)


def _lines(node: yaml.Node, place: Place, file: str) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for number, child in enumerate(node.value):
            yield from _lines(child, (*place, number), file)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            if key.value in seen:
                raise RecipeError(f"line {key.start_mark.line + 1}: {key.value!r} stands here twice.", file=file)
            seen.add(key.value)
            yield from _lines(child, (*place, key.value), file)
            yield (*place, key.value), key.start_mark.line + 1
