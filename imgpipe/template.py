"""Write commented recipes: every setting of every step, with default, unit, range and meaning."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgpipe.errors import RecipeError
from imgpipe.manual import setting_rows
from imgpipe.recipe import InputRole
from imgpipe.spelling import nearest
from imgpipe.steps import load_step

if TYPE_CHECKING:
    import xarray as xr

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
    given : settings other than their defaults, ``STEP.setting`` -> YAML text; `at` and `as` of a step too
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


def _x_rays(title: str, files: str, steps: tuple[str, ...], given: Mapping[str, str]) -> Technique:
    return Technique(title, files, steps, given=given, role="", options=("timeout",))


_PLATED = """{SE: {formula: Li6PS5Cl, density: 1.86}, Mg: {formula: Mg, density: 1.738}, \
W: {formula: W, density: 19.25}, Cu: {formula: Cu, density: 8.96}}"""
_THIN = _PLATED.replace("SE: {formula: Li6PS5Cl, density: 1.86}", "Pt: {formula: Pt, density: 21.45}")
_SCAN = ("line_intensities", "xray_response", "fit_interfaces", "segregation")
_SCANNED = {
    "line_intensities.at": "line",
    "line_intensities.elements": "[P, S, Cl, Mg, W, Cu]",
    "line_intensities.lithium": "true",
    "xray_response.layers": _PLATED,
    "segregation.layer": "Mg",
    "segregation.element": "Mg",
    "segregation.lithium": "true",
}
_MAPPED = {
    "line_profile.at": "map",
    "line_profile.as": "line",
    "line_profile.start": "[0 nm, 2 um]",
    "line_profile.end": "[6 um, 2 um]",
    "line_profile.width": "1 um",
    "line_intensities.at": "[map, line]",
}
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
    "edxs_line_scan": _x_rays("Interfaces and segregation by EDXS line scans", "{specimen}_line.hspy", _SCAN, _SCANNED),
    "edxs_map": _x_rays(
        "Element maps and interfaces by EDXS", "{specimen}_map.hspy", ("line_profile", *_SCAN), _SCANNED | _MAPPED
    ),
    "edxs_thin_film": _x_rays(
        "Thin films by EDXS line scans",
        "{specimen}_line.csv",
        ("xray_response", "fit_interfaces"),
        {"xray_response.layers": _THIN},
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
    tree = None if file is None else _read(file)
    given = {**chosen.given, **({} if tree is None else _from_file(chosen, tree))}
    about = [] if file is None or tree is None else _about(file, tree)
    lines = ["imgpipe: 1", f"title: {chosen.title}", *_inputs(chosen, file, about), "", "steps:"]
    for name in chosen.steps:
        lines += _step_lines(name, given)
    lines += ["", "# Variables to keep in data.zarr besides what was measured and what it was measured on.", "keep: []"]
    return "\n".join(lines) + "\n"


def _read(file: Path) -> xr.DataTree:
    from imgpipe.readers import read

    return read(file)


def _from_file(technique: Technique, tree: xr.DataTree) -> dict[str, str]:
    """Return settings that X-ray spectra give themselves: the elements they declare, a segment across the map."""
    leaves = [leaf.to_dataset() for leaf in tree.leaves if leaf.attrs.get("technique") == "edxs"]
    declared = [leaf.attrs["elements"].split() for leaf in leaves if leaf.attrs.get("elements")]
    maps = [leaf for leaf in leaves if "counts" in leaf and {"y", "x"} <= set(leaf["counts"].dims)]
    found = {}
    if declared and "line_intensities" in technique.steps:
        found["line_intensities.elements"] = f"[{', '.join(dict.fromkeys(name for all_ in declared for name in all_))}]"
    if maps and "line_profile" in technique.steps:
        found |= {f"line_profile.{name}": text for name, text in _across(maps[0]).items()}
    return found


def _across(leaf: xr.Dataset) -> dict[str, str]:
    """Return the segment from left to right through the middle of a map, a quarter of its height wide."""
    x, y = leaf["x"], leaf["y"]
    unit = str(x.attrs["units"])
    left, right = (f"{float(x[place]):.6g} {unit}" for place in (0, -1))
    middle = f"{float(y[y.size // 2]):.6g} {unit}"
    width = f"{max(y.size // 4, 1) * abs(float(y[-1] - y[0])) / max(y.size - 1, 1):.6g} {unit}"
    return {"start": f"[{left}, {middle}]", "end": f"[{right}, {middle}]", "width": width, "unit": unit}


def _inputs(technique: Technique, file: Path | None, about: list[str]) -> list[str]:
    lines = ["", "# Fields in braces are taken from the file names and become columns: {name} text, {name:g} a number."]
    lines += about
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


def _about(file: Path, tree: xr.DataTree) -> list[str]:
    from imgpipe.inspection import describe_tree

    return [f"# {line}" for line in describe_tree(file, tree).splitlines()]


def _step_lines(name: str, given: Mapping[str, str]) -> list[str]:
    step = load_step(name)
    places = [f"      {word}: {given[f'{name}.{word}']}" for word in ("at", "as") if f"{name}.{word}" in given]
    lines = [f"  # {step.summary}", f"  - {name}:", *places]
    for row in setting_rows(step):
        lines += textwrap.wrap(row["text"], WIDTH - 8, initial_indent="      # ", subsequent_indent="      # ")
        value = given.get(f"{name}.{row['name']}", _default(row["default"]))
        lines.append(f"      {row['name']}: {value}  # {row['range']}")
    return lines if setting_rows(step) else [lines[0], f"  - {name}"]


def _default(text: str) -> str:
    return "FILL IN" if text == "required" else text
