"""What every step must keep (ARCHITECTURE, section 6): the cases, and the checks that images and spectra share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr

from imgpipe.binding import Call, apply, leaf_datasets
from imgpipe.model import ARRAY_DIMS, check
from imgpipe.recipe import RESERVED
from imgpipe.steps import STEPS, load_step
from imgpipe.units import registry, spelling

SPECTRA = "imgpipe.steps.xps"
"""Where the steps on spectra live."""
PROFILES = ("imgpipe.steps.edxs", "imgpipe.steps.layers.interfaces", "imgpipe.steps.layers.segregation")
"""Where the steps on X-ray spectra and element profiles live; all others are steps on images."""


@dataclass(frozen=True)
class Case:
    """How a step is tested.

    Parameters
    ----------
    data : makes the leaf it runs on (named `image`), or the tree
    settings : of the step; lengths among them are in nm
    passes : how often each chunk of its input may be read, when everything it returns is computed once
    rtol, atol : largest difference between numpy and dask, and between chunkings
    constant : why its lengths do not grow with the lengths it is given, if so
    counting : outputs (names or globs) that rest on the scatter of counting, and so do not grow with the counts
    refuses_falling : an energy axis that falls is refused
    """

    data: Callable[[], xr.Dataset | xr.DataTree]
    settings: Mapping[str, Any] = field(default_factory=dict)
    passes: int = 1
    rtol: float = 0.0
    atol: float = 0.0
    constant: str = ""
    counting: tuple[str, ...] = ()
    refuses_falling: bool = False

    def tree(self) -> xr.DataTree:
        """Return the data as a tree."""
        made = self.data()
        return made if isinstance(made, xr.DataTree) else xr.DataTree.from_dict({"/image": made})


def step_of(variant: str) -> str:
    """Return the step of a case: ``denoise: median`` -> ``denoise``."""
    return variant.partition(":")[0]


def steps_of(place: str | tuple[str, ...], *, here: bool = True) -> set[str]:
    """Return the names of the steps that live in some modules, or of all others."""
    return {name for name, found in STEPS.items() if found.startswith(place) == here}


def run(variant: str, tree: xr.DataTree, settings: Mapping[str, Any]) -> xr.DataTree:
    """Run the step of a case on a tree, as a recipe does."""
    step = load_step(step_of(variant))
    return apply(Call(step, step.settings(**settings)), tree)


def lazy(tree: xr.DataTree, chunks: Mapping[str, int]) -> xr.DataTree:
    """Return a tree whose arrays sit in chunks; numbers and tables stay in memory."""
    return each(tree, lambda leaf: leaf.assign({n: _chunked(leaf[n], chunks) for n in _arrays(leaf)}))


def in_memory(tree: xr.DataTree) -> xr.DataTree:
    """Return a tree with everything computed."""
    return each(tree, lambda leaf: leaf.compute(scheduler="sync"))


def each(tree: xr.DataTree, change: Callable[[xr.Dataset], xr.Dataset]) -> xr.DataTree:
    """Return a tree with every leaf changed."""
    return xr.DataTree.from_dict({f"/{name}": change(leaf) for name, leaf in leaf_datasets(tree).items()})


def _chunked(array: xr.DataArray, chunks: Mapping[str, int]) -> xr.DataArray:
    return array.chunk({d: n for d, n in chunks.items() if d in array.dims})


def _arrays(leaf: xr.Dataset) -> list[str]:
    """Return the arrays as readers give them: images, and spectra as recorded."""
    return [str(n) for n, v in leaf.items() if {"y", "x", "energy"} & set(v.dims) and v.dtype.kind in "fiu"]


def assert_same(
    found: xr.DataTree, wanted: xr.DataTree, rtol: float, atol: float, leave_out: Sequence[str] = ()
) -> None:
    """Compare all leaves of two trees; variables that `leave_out` names (or globs) are not looked at."""
    ones, others = leaf_datasets(found), leaf_datasets(wanted)
    assert set(ones) == set(others)
    for path, expected in others.items():
        assert set(ones[path].variables) == set(expected.variables), path
        for name in (n for n in expected.variables if not any(fnmatchcase(str(n), one) for one in leave_out)):
            _assert_same_values(f"{path}: {name}", ones[path][name].values, expected[name].values, rtol, atol)


def _assert_same_values(name: str, one: np.ndarray, two: np.ndarray, rtol: float, atol: float) -> None:
    assert one.dtype == two.dtype, name
    if two.dtype.kind in "fc":
        np.testing.assert_allclose(one, two, rtol=rtol, atol=atol, err_msg=name)
    else:
        np.testing.assert_array_equal(one, two, err_msg=name)


def length_power(unit: str) -> float:
    """Return n of a unit that is a length to the power n; 0 for anything else."""
    dimension = dict(registry().Unit("dimensionless" if unit == "1" else unit).dimensionality)
    return float(dimension.get("[length]", 0)) if set(dimension) <= {"[length]"} else 0.0


def count_power(unit: str) -> float:
    """Return how often counts stand in a unit: 1 in counts, counts*eV and counts/s."""
    above, _, below = unit.partition("/")
    return float(len(re.findall(r"\bcounts?\b", above)) - len(re.findall(r"\bcounts?\b", below)))


def grown(tree: xr.DataTree, factor: float, power: Callable[[str], float] = length_power) -> xr.DataTree:
    """Return a tree with every length (or what `power` counts) larger by a factor, coordinates and values."""
    return each(tree, lambda leaf: _grown_leaf(leaf, factor, power))


def _grown_leaf(leaf: xr.Dataset, factor: float, power: Callable[[str], float]) -> xr.Dataset:
    units = {name: str(v.attrs.get("units", "1")) for name, v in leaf.variables.items() if v.dtype.kind == "f"}
    powers = {name: power(spelling(unit)) for name, unit in units.items()}
    larger = {name: leaf[name].values * factor**n for name, n in powers.items() if n}
    coords = {name: leaf[name].copy(data=values) for name, values in larger.items() if name in leaf.coords}
    arrays = {n: leaf[n].copy(data=values).drop_vars(list(leaf[n].coords)) for n, values in larger.items()}
    return leaf.assign({n: a for n, a in arrays.items() if n not in coords}).assign_coords(coords)


def documented(variant: str) -> None:
    """Check name, manual and units of a step."""
    step = load_step(step_of(variant))
    assert step.name == step_of(variant)
    assert step.summary.endswith(".")
    assert not set(RESERVED) & set(step.settings.model_fields), "at, from and as are words of the recipe"
    silent = [setting for setting, one in step.settings.model_fields.items() if not one.description]
    assert not silent, f"the docstring of {variant} says nothing of {silent}"
    for unit in (*step.setting_units.values(), *(u for given in step.gives.units.values() for u in given.split("|"))):
        assert spelling(unit)


def defaults_are_allowed(variant: str, case: Case) -> None:
    """Check that the defaults of a step satisfy its own limits."""
    settings = load_step(step_of(variant)).settings
    required = {n for n, f in settings.model_fields.items() if f.is_required()}
    given = {n: v for n, v in case.settings.items() if n in required}
    defaults = settings(**given).model_dump()
    assert settings(**defaults).model_dump() == defaults


def input_unchanged(variant: str, case: Case) -> None:
    """Check that a step leaves its input as it was."""
    tree = case.tree()
    before = tree.copy(deep=True)
    run(variant, tree, case.settings)
    xr.testing.assert_identical(tree, before)


def computes_nothing(variant: str, case: Case, chunks: Mapping[str, int]) -> None:
    """Check that a map step builds without computing."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError(f"{variant} computes, but does not say measures=True")

    with dask.config.set(scheduler=refuse):
        run(variant, lazy(case.tree(), chunks), case.settings)


class Counted:
    """An array that counts how often each region of it is read."""

    def __init__(self, values: np.ndarray, reads: Counter[str]) -> None:
        self.values, self.reads = values, reads
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __getitem__(self, region: Any) -> np.ndarray:
        found = self.values[region]
        self.reads[str(region)] += bool(found.size)  # dask looks at an empty part to learn the type
        return found


def reads_no_more_than_declared(variant: str, case: Case, chunks: Mapping[str, int]) -> None:
    """Check how often each chunk of each array is read when all results are computed once.

    Parameters
    ----------
    chunks : size along some dimensions; 1 along the others, whole along energy
    """
    counters: dict[str, Counter[str]] = {}

    def watched(leaf: xr.Dataset, path: str) -> Iterator[tuple[str, xr.DataArray]]:
        for name in _arrays(leaf):
            counters[f"{path}: {name}"] = reads = Counter[str]()
            sizes = tuple({"energy": -1, **chunks}.get(str(dim), 1) for dim in leaf[name].dims)
            yield name, leaf[name].copy(data=da.from_array(Counted(leaf[name].values, reads), chunks=sizes))

    leaves = {path: leaf.assign(dict(watched(leaf, path))) for path, leaf in leaf_datasets(case.tree()).items()}
    result = run(variant, xr.DataTree.from_dict({f"/{path}": leaf for path, leaf in leaves.items()}), case.settings)
    untouched = {v.data.name for leaf in leaves.values() for v in leaf.data_vars.values() if v.chunks}
    _compute_new(result, untouched)
    passes = {name: max(counter.values(), default=0) for name, counter in counters.items()}
    assert max(passes.values()) <= case.passes, passes


def _compute_new(result: xr.DataTree, untouched: set[str]) -> None:
    """Compute what a step has made, all leaves together.

    Never a whole dataset by dask.compute: dask 2026.8 then loses keys where one output is made of another.
    """
    made = [v.data for leaf in leaf_datasets(result).values() for v in leaf.data_vars.values() if v.chunks]
    dask.compute(*(array for array in made if array.name not in untouched), scheduler="sync")


def same_in_chunks(variant: str, case: Case, chunks: Mapping[str, int]) -> None:
    """Check that numpy and dask give the same numbers."""
    whole = run(variant, case.tree(), case.settings)
    parts = in_memory(run(variant, lazy(case.tree(), chunks), case.settings))
    assert_same(parts, whole, case.rtol, case.atol)


def has_units(variant: str, case: Case) -> None:
    """Check that all outputs have units, coordinates keep theirs, and what is declared is given."""
    before = leaf_datasets(case.tree())
    after = leaf_datasets(run(variant, case.tree(), case.settings))
    for path, leaf in after.items():
        assert check(leaf) == [], path
        for dim in leaf.dims:
            if dim in ARRAY_DIMS and path in before and dim in before[path].coords:
                assert leaf[dim].attrs.get("units") == before[path][dim].attrs.get("units")
                assert leaf[dim].attrs.get("long_name")
    for given, unit in load_step(step_of(variant)).gives.units.items():
        found = [leaf[given] for leaf in after.values() if given in leaf]
        assert found, f"{variant} declares {given} and does not give it"
        assert {array.attrs["units"] for array in found} <= set(unit.split("|"))


def equal_bytes(variant: str, case: Case) -> None:
    """Check that two equal runs give equal bytes, names in the same order, and equal attributes."""
    one, two = (leaf_datasets(run(variant, case.tree(), case.settings)) for _ in range(2))
    assert list(one) == list(two)
    for path, leaf in one.items():
        assert [str(n) for n in leaf.variables] == [str(n) for n in two[path].variables]
        assert leaf.attrs == two[path].attrs
        for name, variable in leaf.variables.items():
            other = two[path][name]
            assert variable.attrs == other.attrs
            same = variable.values.tolist() if variable.dtype == object else variable.values.tobytes()
            assert same == (other.values.tolist() if variable.dtype == object else other.values.tobytes()), name
