"""Read YAML that a person wrote: plain data only, with the line of every key, nothing clever.

Tags, anchors, aliases, merge keys, doubled keys and deep nests are refused before anything is built from
them, so that a recipe can neither run code nor grow (FAULTS rows 56 and 57).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from imgpipe.errors import RecipeError

Place = tuple[str | int, ...]
MAX_BYTES = 1_000_000
MAX_DEPTH = 30


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
            raise RecipeError(
                "the file is empty.", file=file, remedy="`imgpipe new TECHNIQUE` writes a recipe to start from."
            )
        lines = dict(_lines(node, (), file))
        return Located(yaml.safe_load(text), lines)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise RecipeError(f"{where}this is no valid YAML ({getattr(error, 'problem', error)}).", file=file) from None
    except ValueError as error:  # a date such as 2024-13-45, a number of 5000 digits
        raise RecipeError(f"a value can't be read ({error}).", file=file, remedy="put it in quotes.") from None


def _refuse_clever(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        tag = getattr(event, "tag", None)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise RecipeError(f"line {line}: anchors and aliases (& and *) are not allowed.", file=file)
        if tag:
            raise RecipeError(f"line {line}: the YAML tag {tag!r} is not allowed; only plain data is.", file=file)
        if depth > MAX_DEPTH:
            raise RecipeError(f"line {line}: more than {MAX_DEPTH} levels of nesting.", file=file)


def _lines(node: yaml.Node, place: Place, file: str) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for number, child in enumerate(node.value):
            yield from _lines(child, (*place, number), file)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                raise RecipeError(f"line {line}: a key must be a plain word.", file=file)
            if key.value in seen:
                raise RecipeError(f"line {line}: {key.value!r} stands here twice.", file=file)
            seen.add(key.value)
            yield from _lines(child, (*place, key.value), file)
            yield (*place, key.value), line
