"""Bind a step to data: choose the leaf, check and convert its variables, call, store what comes out."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import xarray as xr
from pydantic import BaseModel

from imgpipe.errors import DataError, ImgpipeError, StepError, UnitError
from imgpipe.model import ARRAY_DIMS, UNCALIBRATED, unit_of
from imgpipe.spelling import nearest
from imgpipe.step import Step, Variable, unit_marker
from imgpipe.units import convert, spelling

ASK_FOR_PIXEL_SIZE = "give the pixel size in the recipe, e.g. `inputs: {image: {files: ..., pixel_size: 3.2 nm}}`."


@dataclass(frozen=True)
class Call:
    """One step of a recipe, ready to run: settings validated, names resolved.

    `sources` maps parameters to variables of the leaf (``from:``), `result` names what comes out (``as:``),
    `at` selects leaves by name or glob; `given` holds the settings that the recipe names itself.
    """

    step: Step[Any, Any]
    settings: BaseModel
    at: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    result: str | None = None
    line: int | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Validated settings by name."""
        return {name: getattr(self.settings, name) for name in type(self.settings).model_fields}

    def source(self, parameter: str) -> str:
        """Name of the variable that feeds a parameter."""
        return self.sources.get(parameter, parameter)


def apply(call: Call, tree: xr.DataTree) -> xr.DataTree:
    """Run one step on a tree and return the tree with its result; the input is left as it is.

    Raises
    ------
    StepError, DataError
        naming the step, what was found and what to do.
    """
    leaves = leaf_datasets(tree)
    if any(v.whole_tree for v in call.step.variables):
        return _as_tree(leaves | _joint_result(call, leaves))
    for name in _chosen(call, leaves):
        result = _result(call, leaves[name])
        stored = _stored(call, name, leaves[name], result)
        if clash := sorted((stored.keys() - {name}) & leaves.keys()):
            raise StepError(
                f"step {call.step.name}: a leaf {clash[0]!r} exists already.", remedy="choose another `as:`."
            )
        leaves |= stored
    return _as_tree(leaves)


def _as_tree(leaves: Mapping[str, xr.Dataset]) -> xr.DataTree:
    return xr.DataTree.from_dict({f"/{name}": leaf for name, leaf in leaves.items()})


def leaf_datasets(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """Return the leaves of a tree by their path, without the leading slash."""
    return {node.path.strip("/"): node.to_dataset() for node in tree.leaves if node.path != "/"}


def _chosen(call: Call, leaves: Mapping[str, xr.Dataset]) -> list[str]:
    if call.at:
        named = [name for name in leaves if any(fnmatch.fnmatchcase(name, pattern) for pattern in call.at)]
        if not named:
            raise StepError(
                f"step {call.step.name}: no leaf matches {', '.join(call.at)}{nearest(call.at[0], leaves)}."
            )
        return named
    fitting = [name for name, leaf in leaves.items() if not _missing(call, leaf)]
    if len(fitting) > 1:
        fitting = [name for name in fitting if _has_dimensions(call, leaves[name])] or fitting
    if len(fitting) == 1:
        return fitting
    if fitting:
        remedy = f"add `at: {fitting[0]}` (or a list, or a glob)."
        raise StepError(f"step {call.step.name} fits several leaves: {', '.join(fitting)}.", remedy=remedy)
    lacking = {name: ", ".join(_missing(call, leaf)) for name, leaf in leaves.items()}
    found = "; ".join(f"{name} lacks {text}" for name, text in lacking.items()) or "there is no leaf"
    raise StepError(
        f"step {call.step.name}: {found}.",
        remedy="put the step that gives it before this one, or name another variable with `from:`.",
    )


def _joint_result(call: Call, leaves: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Run a step that takes several leaves at once; return those it gives back, the others stay as they are."""
    chosen = _chosen_together(call, leaves)
    with xr.set_options(keep_attrs=False, arithmetic_join="exact"):
        result = call.step(_as_tree({name: leaves[name] for name in chosen}), **call.values)
    if not isinstance(result, xr.DataTree):
        raise StepError(f"step {call.step.name} returned {type(result).__name__}, not a DataTree.")
    given = leaf_datasets(result)
    return {name: _joined(call, leaf, leaves.get(name, leaf)) for name, leaf in given.items()}


def _joined(call: Call, leaf: xr.Dataset, before: xr.Dataset) -> xr.Dataset:
    _check_result(call, leaf)
    described = leaf.assign_coords(_with_axis_attrs(leaf, before).coords)
    return described.assign_attrs(before.attrs | leaf.attrs | _provenance(call, before))


def _chosen_together(call: Call, leaves: Mapping[str, xr.Dataset]) -> list[str]:
    """Return the leaves that `at` names; without it all that have the dimensions that the step asks for."""
    if call.at:
        return _chosen(call, leaves)
    variable = next(v for v in call.step.variables if v.whole_tree)
    core = variable.dims.required if variable.dims else ()
    chosen = [name for name, leaf in leaves.items() if set(core) <= set(leaf.dims)]
    if not chosen:
        raise StepError(f"step {call.step.name}: no leaf has the dimension(s) {', '.join(core)}.")
    return chosen


def _missing(call: Call, leaf: xr.Dataset) -> list[str]:
    wanted = [v for v in call.step.variables if v.named and not (v.optional or v.many)]
    return [call.source(v.name) for v in wanted if call.source(v.name) not in leaf]


def _has_dimensions(call: Call, leaf: xr.Dataset) -> bool:
    """Tell whether the variables that a step wants have the dimensions that it asks for."""
    wanted = [v for v in call.step.variables if v.named and v.dims and not (v.optional or v.many)]
    return all(set(v.dims.required) <= set(leaf[call.source(v.name)].dims) for v in wanted if v.dims)


def _result(call: Call, leaf: xr.Dataset) -> xr.Dataset | xr.DataArray:
    arguments = [a for v in call.step.variables for a in _argument(call, v, leaf)]
    _refuse_lengths_without_scale(call, leaf)
    with xr.set_options(keep_attrs=False, arithmetic_join="exact"):
        result = call.step(*arguments, **call.values)
    _check_result(call, result)
    return _with_axis_attrs(result, leaf)


def _argument(call: Call, variable: Variable, leaf: xr.Dataset) -> list[Any]:
    if variable.whole_leaf:
        return [leaf]
    name = call.source(variable.name)
    if variable.many:
        return [leaf[one.strip()] for one in name.split(",")]
    if name not in leaf:
        return [None]
    return [_checked(call, variable, leaf[name])]


def _checked(call: Call, variable: Variable, array: xr.DataArray) -> xr.DataArray:
    where = f"step {call.step.name}, {variable.name}"
    if variable.dims is not None:
        core = variable.dims.required
        if array.dims[array.ndim - len(core) :] != core:
            raise DataError(
                f"{where}: expected dimensions ending in {', '.join(core)}, found {', '.join(map(str, array.dims))}.",
                remedy=_remedy(array, core),
            )
        array = array.chunk(dict.fromkeys(variable.dims.whole.split(), -1)) if array.chunks else array
    if variable.unit is None:
        return array
    found = unit_of(array)
    if found in map(spelling, variable.unit.accepted):
        return array
    try:
        converted = convert(array, found, variable.unit.canonical)
    except UnitError as error:
        raise UnitError(f"{where}: {error.message}", remedy=error.remedy) from None
    return converted.assign_attrs({**array.attrs, "units": spelling(variable.unit.canonical)})  # type: ignore[no-any-return]


def _remedy(array: xr.DataArray, core: tuple[str, ...]) -> str:
    """Return what to do about an array that lacks dimensions a step needs."""
    if "position" in core and "position" not in array.dims:
        return "choose a line scan with `at: line`; line_profile takes one out of a map."
    if "signal" in array.dims:
        return "select one detector with select_signal, or name another variable with `from:`."
    return "name another variable with `from:`, or another leaf with `at:`."


def _refuse_lengths_without_scale(call: Call, leaf: xr.Dataset) -> None:
    if not any(leaf[dim].attrs.get("units") == UNCALIBRATED for dim in ("y", "x") if dim in leaf.coords):
        return
    lengths = {name for name, unit in call.step.setting_units.items() if unit in ("nm", "um")}
    lengths = {name for name in lengths if UNCALIBRATED not in _accepted(call.step.hints[name])}
    defaults = {name: field.default for name, field in type(call.settings).model_fields.items()}
    given = [name for name in sorted(lengths) if call.values[name] not in (None, defaults[name])]
    if given:
        raise DataError(
            f"step {call.step.name}: {given[0]} is a length, but the image has no pixel size.",
            remedy=ASK_FOR_PIXEL_SIZE,
        )


def _accepted(annotation: Any) -> tuple[str, ...]:
    unit = unit_marker(annotation)
    return unit.accepted if unit is not None else ()


def _check_result(call: Call, result: Any) -> None:
    if not isinstance(result, xr.Dataset | xr.DataArray):
        raise StepError(f"step {call.step.name} returned {type(result).__name__}, not xarray data.")
    arrays = result.data_vars.values() if isinstance(result, xr.Dataset) else [result]
    for array in arrays:
        if array.dtype.kind in "fciu" and "units" not in array.attrs:
            raise StepError(f"step {call.step.name}: output {array.name} carries no unit.")


def _with_axis_attrs(result: xr.Dataset | xr.DataArray, leaf: xr.Dataset) -> xr.Dataset | xr.DataArray:
    bare = {
        name: leaf[name].attrs
        for name in result.coords
        if name in ARRAY_DIMS and name in leaf.coords and not result[name].attrs
    }
    return result.assign_coords({name: result[name].assign_attrs(attrs) for name, attrs in bare.items()})


def _stored(call: Call, name: str, leaf: xr.Dataset, result: xr.Dataset | xr.DataArray) -> dict[str, xr.Dataset]:
    step = call.step
    if isinstance(result, xr.Dataset) and call.result is not None:
        return {call.result: result.assign_attrs(leaf.attrs | result.attrs | _provenance(call, leaf))}
    if isinstance(result, xr.Dataset) and any(v.whole_leaf for v in step.variables):
        return {name: result.assign_attrs(leaf.attrs | result.attrs | _provenance(call, leaf))}
    new = result if isinstance(result, xr.Dataset) else result.to_dataset(name=call.result or _first_input(call))
    replaced = {_first_input(call)} | ({call.result} if call.result else set())
    clash = sorted(str(v) for v in new.data_vars if v in leaf and v not in replaced)
    if clash:
        raise StepError(
            f"step {step.name}: {', '.join(clash)} exist(s) already.",
            remedy="name the result with `as:`, or leave the step out.",
        )
    kept = leaf.drop_vars([v for v in new.data_vars if v in leaf])
    try:
        merged = xr.merge([kept, new], join="exact", combine_attrs="override")
    except (ValueError, xr.AlignmentError) as error:
        raise StepError(f"step {step.name}: the result does not fit its data: {error}.") from error
    return {name: merged.assign_attrs(leaf.attrs | new.attrs | _provenance(call, leaf))}


def _first_input(call: Call) -> str:
    named: Iterable[Variable] = (v for v in call.step.variables if v.named)
    first = next(iter(named), None)
    return call.source(first.name) if first is not None else ""


def _provenance(call: Call, leaf: xr.Dataset) -> dict[str, str]:
    history = json.loads(leaf.attrs.get("provenance", "[]"))
    entry = {"step": call.step.name, "version": call.step.version, "settings": call.settings.model_dump(mode="json")}
    return {"provenance": json.dumps([*history, entry], sort_keys=True)}


def explain(call: Call, error: ImgpipeError) -> ImgpipeError:
    """Return the error with the name of the step in front, when it is not there yet."""
    if f"step {call.step.name}" in error.message:
        return error
    return type(error)(f"step {call.step.name}: {error.message}", file=error.file, remedy=error.remedy)
