"""File names with fields: ``{sample}_{day:d}d_{temperature:g}C.tif`` -> values, and files -> groups."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imgpipe.errors import RecipeError

Value = str | int | float
_FIELD = re.compile(r"\{([^\W\d]\w*)(?::([dgs]))?\}|(\*|\?)")
_SHAPES = {"d": r"[+-]?\d+", "g": r"[+-]?(?:\d+(?:[.]\d+)?)(?:[eE][+-]?\d+)?", "s": r"[^/]+"}
_WILD = {"*": r"[^/]*", "?": r"[^/]"}


@dataclass(frozen=True)
class Pattern:
    """A file-name pattern with fields.

    ``{name}`` takes text, ``{name:d}`` a whole number, ``{name:g}`` a number; ``*`` and ``?`` match without
    being kept. Text fields take as much as they can.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse what is no pattern."""
        left = _FIELD.sub("", self.text)
        if "{" in left or "}" in left:
            raise RecipeError(f"file pattern {self.text!r}: a field is {{name}}, {{name:d}} or {{name:g}}.")
        if "**" in self.text or "\0" in self.text:
            raise RecipeError(f"file pattern {self.text!r}: `**` is not known here; write one */ for each folder.")
        if len(set(self.fields)) != len(self.fields):
            raise RecipeError(f"file pattern {self.text!r}: a field name stands there twice.")
        if not PurePosixPath(self.text).name:
            raise RecipeError(f"file pattern {self.text!r} names no file.")

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields, in order."""
        return tuple(m[1] for m in _FIELD.finditer(self.text) if m[1])

    @property
    def numeric_fields(self) -> tuple[str, ...]:
        """Names of the fields that take a number."""
        return tuple(m[1] for m in _FIELD.finditer(self.text) if m[1] and m[2] in ("d", "g"))

    @property
    def folder(self) -> str:
        """Fixed folder part before the first field."""
        parts = PurePosixPath(self.text).parts[:-1]
        fixed = next((n for n, part in enumerate(parts) if _FIELD.search(part)), len(parts))
        return str(PurePosixPath(*parts[:fixed])) if fixed else "."

    @property
    def tail(self) -> str:
        """Pattern behind the fixed folder part."""
        path = PurePosixPath(self.text)
        return str(path if self.folder == "." else path.relative_to(self.folder))

    def match(self, path: Path) -> dict[str, Value] | None:
        """Return the fields of a path, matched from its end, or None when it does not fit."""
        parts = len(PurePosixPath(self.tail).parts)
        found = _expression(self.tail).fullmatch("/".join(path.parts[-parts:]))
        if found is None:
            return None
        kinds = {m[1]: m[2] for m in _FIELD.finditer(self.text) if m[1]}
        return {name: _value(text, kinds[name]) for name, text in found.groupdict().items()}


def _value(text: str, kind: str | None) -> Value:
    return int(text) if kind == "d" else float(text) if kind == "g" else text


@functools.cache
def _expression(pattern: str) -> re.Pattern[str]:
    pieces, end = [], 0
    for m in _FIELD.finditer(pattern):
        pieces.append(re.escape(pattern[end : m.start()]))
        pieces.append(f"(?P<{m[1]}>{_SHAPES[m[2] or 's']})" if m[1] else _WILD[m[3]])
        end = m.end()
    return re.compile("".join([*pieces, re.escape(pattern[end:])]), re.DOTALL)
