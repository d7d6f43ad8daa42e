"""Write commented recipes: every setting of every step, with default, unit, range and meaning."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

from imgpipe.errors import RecipeError
from imgpipe.manual import setting_rows
from imgpipe.recipe import InputRole
from imgpipe.spelling import nearest
from imgpipe.steps import load_step

WIDTH = 110


@dataclass(frozen=True)
class Technique:
    """What a technique's recipe starts from: title, file pattern, steps in order."""

    title: str
    files: str
    steps: tuple[str, ...]
    units: tuple[tuple[str, str], ...] = ()


_SECTION = ("calibrate_scale", "correct_foreshortening", "trace_edges", "fit_edges", "layer_thickness")
TECHNIQUES = {
    "cross_section": Technique("Layer thickness of FIB-SEM cross-sections", "{sample}_{stack}.tif", _SECTION),
    "plated_lithium": Technique(
        "Plated lithium against charge",
        "{sample}_{charge:g}mAh_{stack}.tif",
        (*_SECTION, "equivalent_lithium"),
        (("charge", "mAh/cm**2"),),
    ),
}


def commented_recipe(technique: str, file: Path | None = None) -> str:
    """Return a recipe in YAML with a comment for every setting; filled from `file` when given.

    Raises
    ------
    RecipeError
        when the technique is unknown.
    ReadError
        when the file can't be read.
    """
    if technique not in TECHNIQUES:
        raise RecipeError(f"unknown technique {technique!r}{nearest(technique, TECHNIQUES)}.")
    chosen = TECHNIQUES[technique]
    lines = ["imgpipe: 1", f"title: {chosen.title}", *_inputs(chosen, file), "", "steps:"]
    for name in chosen.steps:
        lines += _step_lines(name)
    lines += ["", "# Variables to keep in data.zarr besides what was measured and what it was measured on.", "keep: []"]
    return "\n".join(lines) + "\n"


def _inputs(technique: Technique, file: Path | None) -> list[str]:
    lines = ["", "# Fields in braces are taken from the file names and become columns: {name} text, {name:g} a number."]
    lines += _about(file) if file is not None else []
    pattern = f"*{file.suffix}" if file is not None else technique.files
    lines += ["inputs:", "  image:", f'    files: "{pattern}"']
    if file is None and technique.units:
        lines += ["    units: {" + ", ".join(f"{field}: {unit}" for field, unit in technique.units) + "}"]
    shown = {"pixel_size": "3.2 nm", "data_bar": "auto", "stack": "z", "saturated": "0.05", "timeout": "120 s"}
    for name, example in shown.items():
        lines.append(f"    # {name}: {example}  # {InputRole.model_fields[name].description}")
    return lines


def _about(file: Path) -> list[str]:
    from imgpipe.inspection import describe_file

    return [f"# {line}" for line in describe_file(file).splitlines()]


def _step_lines(name: str) -> list[str]:
    step = load_step(name)
    lines = [f"  # {step.summary}", f"  - {name}:"]
    for row in setting_rows(step):
        lines += textwrap.wrap(row["text"], WIDTH - 8, initial_indent="      # ", subsequent_indent="      # ")
        lines.append(f"      {row['name']}: {_default(row['default'])}  # {row['range']}")
    return lines if setting_rows(step) else [lines[0], f"  - {name}"]


def _default(text: str) -> str:
    return "FILL IN" if text == "required" else text
