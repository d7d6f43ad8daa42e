"""Write commented recipes: every setting of every step, with default, unit, range and meaning."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgpipe.errors import RecipeError
from imgpipe.manual import setting_rows
from imgpipe.recipe import InputRole
from imgpipe.spelling import nearest
from imgpipe.steps import load_step

WIDTH = 110


@dataclass(frozen=True)
class Technique:
    """What a technique's recipe starts from.

    Parameters
    ----------
    files : file pattern
    steps : in order
    units : of fields in the file names
    stack : field along which the files of a group are joined
    given : settings other than their defaults, ``STEP.setting`` -> YAML text
    role : name of the files in the recipe; none where the regions in a file name themselves
    options : keys of `inputs` that are shown as comments
    """

    title: str
    files: str
    steps: tuple[str, ...]
    units: tuple[tuple[str, str], ...] = ()
    stack: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    role: str = "image"
    options: tuple[str, ...] = ("pixel_size", "data_bar", "stack", "saturated", "timeout")


def _spectra(title: str, steps: tuple[str, ...], given: Mapping[str, str], **more: Any) -> Technique:
    return Technique(title, "{sample}.vms", steps, given=given, role="", options=("timeout",), **more)


_SECTION = ("calibrate_scale", "correct_foreshortening", "trace_edges", "fit_edges", "layer_thickness")
TECHNIQUES = {
    "cross_section": Technique("Layer thickness of FIB-SEM cross-sections", "{sample}_{stack}.tif", _SECTION),
    "plated_lithium": Technique(
        "Plated lithium against charge",
        "{sample}_{charge:g}mAh_{stack}.tif",
        (*_SECTION, "equivalent_lithium"),
        (("charge", "mAh/cm**2"),),
    ),
    "xps_s2p_published": _spectra(
        "S 2p of sulfide electrolytes with the published three-doublet model",
        ("fit_components",),
        {"fit_components.model": "published_s2p", "fit_components.background": "shirley_linear"},
        stack="sample",
    ),
    "xps_argyrodite": _spectra(
        "Decomposition of Li6PS5Cl by XPS",
        ("energy_reference", "fit_components", "excess_sulfide"),
        {
            "energy_reference.reference": "PS4",
            "fit_components.model": "argyrodite",
            "fit_components.background": "shirley_linear",
            "excess_sulfide.pristine": "pristine",
        },
        stack="sample",
    ),
    "xps_metal_oxide": _spectra(
        "Oxides on tungsten and magnesium by XPS",
        ("energy_reference", "fit_components", "overlayer_thickness"),
        {
            "energy_reference.reference": "C 1s",
            "energy_reference.missing": "leave",
            "fit_components.model": "metal_oxide",
        },
        stack="sample",
    ),
    "xps_series": _spectra(
        "S 2p of an operando series with the onset of Li2S growth",
        ("fit_components", "trend"),
        {
            "fit_components.model": "argyrodite",
            "fit_components.background": "shirley_linear",
            "fit_components.leave_out": "[Cu-S, polysulfide]",
            "fit_components.alternatives": "[shirley]",
            "fit_components.sensitivity": "false",
            "trend.along": "charge",
        },
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
        lines += _step_lines(name, chosen.given)
    lines += ["", "# Variables to keep in data.zarr besides what was measured and what it was measured on.", "keep: []"]
    return "\n".join(lines) + "\n"


def _inputs(technique: Technique, file: Path | None) -> list[str]:
    lines = ["", "# Fields in braces are taken from the file names and become columns: {name} text, {name:g} a number."]
    lines += _about(file) if file is not None else []
    body = [f'files: "{_pattern(technique, file)}"']
    if technique.stack is not None:
        body.append(f"stack: {technique.stack}  # {InputRole.model_fields['stack'].description}")
    if file is None and technique.units:
        body.append("units: {" + ", ".join(f"{name}: {unit}" for name, unit in technique.units) + "}")
    shown = {"pixel_size": "3.2 nm", "data_bar": "auto", "stack": "z", "saturated": "0.05", "timeout": "120 s"}
    body += [f"# {name}: {shown[name]}  # {InputRole.model_fields[name].description}" for name in technique.options]
    named = [f"  {technique.role}:", *(f"    {line}" for line in body)] if technique.role else [f"  {b}" for b in body]
    return [*lines, "inputs:", *named]


def _pattern(technique: Technique, file: Path | None) -> str:
    """Return the file pattern; that of a given file must keep the field along which files are joined."""
    if file is None:
        return technique.files
    return f"*{file.suffix}" if technique.stack is None else f"{{{technique.stack}}}{file.suffix}"


def _about(file: Path) -> list[str]:
    from imgpipe.inspection import describe_file

    return [f"# {line}" for line in describe_file(file).splitlines()]


def _step_lines(name: str, given: Mapping[str, str]) -> list[str]:
    step = load_step(name)
    lines = [f"  # {step.summary}", f"  - {name}:"]
    for row in setting_rows(step):
        lines += textwrap.wrap(row["text"], WIDTH - 8, initial_indent="      # ", subsequent_indent="      # ")
        value = given.get(f"{name}.{row['name']}", _default(row["default"]))
        lines.append(f"      {row['name']}: {value}  # {row['range']}")
    return lines if setting_rows(step) else [lines[0], f"  - {name}"]


def _default(text: str) -> str:
    return "FILL IN" if text == "required" else text
