"""From the JSON schema of settings to what a form needs to ask for them, and from its answers back (no Qt here)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import BaseModel

from imgpipe.manual import setting_range, shown_value

LARGEST_INTEGER = 2**31 - 1
"""What a Qt spin box holds."""


@dataclass(frozen=True)
class Field:
    """One setting of a form.

    Attributes
    ----------
    kind : how it is asked for: switch, choice, whole (a spin box) or line (a line of text)
    text : the answer is text and is taken as it stands; any other line is read as YAML
    listed : the answer is a list; its line needs no brackets
    options : keywords for magicgui's `create_widget`
    """

    name: str
    kind: str
    unit: str = ""
    tooltip: str = ""
    default: Any = None
    required: bool = False
    nullable: bool = False
    text: bool = False
    listed: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


def fields_of(settings: type[BaseModel], without: tuple[str, ...] = ()) -> list[Field]:
    """Return the fields of a settings model, in its order."""
    schema = settings.model_json_schema()
    required = set(schema.get("required", ()))
    rows = {name: one for name, one in schema.get("properties", {}).items() if name not in without}
    given = {name: one.get_default(call_default_factory=True) for name, one in settings.model_fields.items()}
    return [_field(name, one, one.get("default", given[name]), name in required) for name, one in rows.items()]


def _field(name: str, schema: Mapping[str, Any], default: Any, required: bool) -> Field:
    given = schema.get("anyOf", [schema])
    parts = [one for one in given if one.get("type") != "null"]
    nullable = len(parts) < len(given)
    kind, options = _asked(parts, blank=nullable or required)
    unit = next((str(one["unit"]) for one in parts if one.get("unit", "1") != "1"), "")
    about = [schema.get("description", ""), setting_range(dict(schema))]
    if not required:
        about.append(f"default: {shown_value(default)}")
    types = {one.get("type") for one in parts}
    return Field(
        name, kind, unit, "\n".join(filter(None, about)), None if required else default, required, nullable,
        text=types == {"string"}, listed=types == {"array"}, options=options,
    )  # fmt: skip


def _asked(parts: list[Mapping[str, Any]], *, blank: bool) -> tuple[str, dict[str, Any]]:
    """Return the kind of a field and the options of its widget; whatever has no widget of its own is a line.

    A field that may be `blank` (none is allowed, or there is no default) gets a widget that can be.
    """
    only = parts[0] if len(parts) == 1 else {}
    if "enum" in only or "const" in only:
        choices = list(only.get("enum", [only.get("const")]))
        return "choice", {"choices": [None, *choices] if blank else choices}
    if only.get("type") == "boolean":
        return ("choice", {"choices": [None, False, True]}) if blank else ("switch", {})
    if only.get("type") == "integer" and not blank:
        low = only.get("minimum", only.get("exclusiveMinimum", -LARGEST_INTEGER - 1) + ("exclusiveMinimum" in only))
        high = only.get("maximum", only.get("exclusiveMaximum", LARGEST_INTEGER) - ("exclusiveMaximum" in only))
        return "whole", {"min": int(low), "max": int(high), "step": 1}
    return "line", {}


def shown(field: Field, value: Any) -> Any:
    """Return a setting as its widget holds it: itself, or for a line its text (empty for none)."""
    if field.kind != "line":
        return value
    if value is None:
        return ""
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        return ", ".join(shown_value(one) for one in value)
    return value if isinstance(value, str) else shown_value(value)


def answered(field: Field, value: Any) -> Any:
    """Return what a widget holds as a recipe writes it; a line that can't be read stays text and fails validation."""
    if field.kind != "line":
        return value
    line = str(value).strip()
    if not line:
        return None if field.nullable else [] if field.listed else line
    if field.text:
        return line
    return _read_yaml(f"[{line}]" if field.listed and line[0] != "[" else line)


def _read_yaml(line: str) -> Any:
    try:
        return yaml.safe_load(line)
    except yaml.YAMLError:
        return line
