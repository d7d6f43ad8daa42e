"""The manual of steps, made from their signatures."""

from __future__ import annotations

from typing import Any

from imgpipe.step import Step, Variable
from imgpipe.steps import load_step, step_table


def list_steps() -> str:
    """Return one line per step: name and what it does."""
    names = sorted(step_table())
    width = max(map(len, names))
    return "\n".join(f"{name:{width}}  {load_step(name).summary}" for name in names)


def step_manual(name: str) -> str:
    """Return signature, settings with defaults, units and ranges, results, and the docstring of a step."""
    step = load_step(name)
    settings = setting_rows(step)
    parts = [
        f"{step.name} (version {step.version}, {'measures' if step.measures else 'lazy'})",
        "",
        "Variables:",
        *(f"  {_variable_text(v)}" for v in step.variables),
        "",
        "Settings:",
        *(f"  {row['name']} = {row['default']}  {row['range']}" for row in settings),
        *([] if settings else ["  none"]),
        "",
        f"Gives: {', '.join(f'{n} [{u}]' for n, u in step.gives.units.items()) or 'its first variable, changed'}",
        "",
        step.doc,
    ]
    return "\n".join(parts)


def reference_page() -> str:
    """Return the manual of all steps as one Markdown page (docs/reference.md)."""
    parts = ["# Steps", "", "Made from the steps themselves: `python -m imgpipe.manual > docs/reference.md`.", ""]
    for name in sorted(step_table()):
        parts += [f"## {name}", "", "```text", step_manual(name), "```", ""]
    return "\n".join(parts)


def setting_rows(step: Step[Any, Any]) -> list[dict[str, str]]:
    """Return name, default, range (with unit) and text of each setting, from the JSON schema."""
    schema = step.settings.model_json_schema()
    required = set(schema.get("required", []))
    return [
        {
            "name": name,
            "default": "required" if name in required else shown_value(one.get("default")),
            "range": setting_range(one),
            "text": one.get("description", ""),
        }
        for name, one in schema.get("properties", {}).items()
    ]


def setting_range(schema: dict[str, Any]) -> str:
    """Return unit and allowed values of a setting, as a comment for people."""
    options = schema.get("anyOf", [schema])
    return " or ".join(filter(None, (_range(option) for option in options)))


def shown_value(value: Any) -> str:
    """Return a value as YAML writes it on one line."""
    import yaml

    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()


def _range(one: dict[str, Any]) -> str:
    if one.get("type") == "null":
        return "null"
    if "enum" in one or "const" in one:
        return " | ".join(map(str, one.get("enum", [one.get("const")])))
    bounds = [f"{sign} {one[key]}" for key, sign in _BOUNDS if key in one]
    kind = {
        "number": "number", "integer": "whole number", "boolean": "true | false", "array": "list", "string": "text",
        "object": "{name: value}",
    }  # fmt: skip
    unit = one.get("unit", "")
    return " ".join(
        [kind.get(one.get("type", ""), ""), *([f"in {unit}"] if unit not in ("", "1") else []), *bounds]
    ).strip()


_BOUNDS = (("exclusiveMinimum", ">"), ("minimum", ">="), ("exclusiveMaximum", "<"), ("maximum", "<="))


def _variable_text(variable: Variable) -> str:
    if variable.whole_leaf:
        return f"{variable.name}: the whole acquisition"
    if variable.whole_tree:
        return f"{variable.name}: all acquisitions of the group together, or those that `at:` names"
    dims = f" ({', '.join(variable.dims.required)})" if variable.dims else ""
    unit = f" [{variable.unit.name}]" if variable.unit else ""
    return f"{variable.name}{dims}{unit}{', optional' if variable.optional else ''}"


if __name__ == "__main__":
    print(reference_page(), end="")
