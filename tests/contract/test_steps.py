"""What every step must keep, over the whole table STEPS, on data from its phantom (ARCHITECTURE, section 6).

A new step needs a `Case` here: what it runs on, its settings, and how often it may read each chunk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from imgpipe.binding import Call, apply, leaf_datasets
from imgpipe.model import ARRAY_DIMS, check, quantity
from imgpipe.phantoms.cross_section import make
from imgpipe.recipe import RESERVED
from imgpipe.steps import STEPS, load_step
from imgpipe.units import registry, spelling

K = 3.0
CHUNKINGS: tuple[dict[str, int], ...] = ({"y": -1, "x": -1}, {"y": 50, "x": 70}, {"y": -1, "x": 47}, {"y": 37, "x": -1})


@cache
def section() -> xr.Dataset:
    """Return a small cross-section: Pt | 80 nm Mg | 40 nm W | Cu, 192 x 224 px of 2 nm."""
    dataset, _ = make(5, thickness=(80.0, 40.0), shape=(192, 224), noise=5.0, curtains=0.03, face_angle=52.0)
    return dataset.assign(charge=quantity(2.0, "mAh/cm**2", "charge"), stack=xr.DataArray("Pt-Mg-W-Cu").astype(object))


def after(*names: str) -> Callable[[], xr.Dataset]:
    """Return what makes the section as it is after some steps, with the settings of their cases."""

    def made() -> xr.Dataset:
        dataset = section()
        for name in names:
            dataset = run(name, dataset, CASES[name].settings)
        return dataset.drop_attrs(deep=False).assign_attrs(section().attrs | {"provenance": "[]"})

    return cache(made)


def several_signals() -> xr.Dataset:
    image = section()["image"]
    names = xr.DataArray(np.array(["SE", "BSE"], dtype=object), dims=("signal",), attrs={"long_name": "detector"})
    both = xr.concat([image, 255 - image], dim="signal").assign_coords(signal=names).assign_attrs(image.attrs)
    return section().drop_vars("image").assign(image=both)


def pages(dataset: xr.Dataset) -> xr.Dataset:
    """Return two pages, the second mirrored."""
    image = dataset["image"]
    z = xr.DataArray([0.0, 10.0], dims=("z",), attrs={"units": "nm", "long_name": "z"})
    both = xr.concat([image, image.copy(data=image.values[:, ::-1])], dim="z").assign_coords(z=z)
    return dataset.drop_vars("image").assign(image=both.assign_attrs(image.attrs))


def without_bar_record() -> xr.Dataset:
    dataset = section()
    return dataset.assign_attrs({k: v for k, v in dataset.attrs.items() if k != "data_bar_rows"}).drop_attrs(deep=False)


@dataclass(frozen=True)
class Case:
    """How a step is tested.

    Parameters
    ----------
    data : makes the leaf it runs on
    settings : of the step; lengths among them are in nm
    passes : how often each chunk of its input may be read, when everything it returns is computed once
    rtol, atol : largest difference between numpy and dask, and between chunkings
    constant : why its lengths do not grow with the lengths it is given, if so
    """

    data: Callable[[], xr.Dataset] = section
    settings: Mapping[str, Any] = field(default_factory=dict)
    passes: int = 1
    rtol: float = 0.0
    atol: float = 0.0
    constant: str = ""


CASES: dict[str, Case] = {
    "crop": Case(settings={"top": 7, "bottom": 3, "left": 5, "right": 11}),
    "crop_data_bar": Case(data=without_bar_record, settings={"rows": 20}),
    "select_signal": Case(data=several_signals, settings={"signal": "BSE"}),
    "orient_stack": Case(settings={"direction": "auto"}, passes=2),  # looks at every nth pixel, then turns
    "calibrate_scale": Case(
        settings={"factor_x": 1.01, "factor_y": 0.98, "u": 0.01, "u_is": "limit", "working_distance": 4e6}
    ),
    "correct_foreshortening": Case(settings={"face_angle": 52.0, "already_corrected": "auto"}),
    "orient_stack: right": Case(settings={"direction": "right"}),
    "orient_stack: up": Case(settings={"direction": "up"}),
    "denoise": Case(settings={"sigma": 1.5}, rtol=1e-6),
    "denoise: median": Case(settings={"method": "median", "half_width": 2}),
    "denoise: nlm": Case(settings={"method": "nlm", "noise": 5.0}, rtol=1e-5),
    "denoise: z": Case(data=lambda: pages(section()), settings={"sigma": 1.5}, rtol=1e-6),
    "remove_curtains": Case(settings={"width": 6, "length": 90}, rtol=1e-5, atol=1e-3),
    "remove_curtains: z": Case(
        data=lambda: pages(section()), settings={"width": 6, "length": 90}, rtol=1e-5, atol=1e-3
    ),
    "trace_edges": Case(settings={"layers": ["Pt", "Mg", "W", "Cu"]}),
    "trace_edges: unnamed": Case(data=lambda: section().drop_vars("stack")),
    "trace_edges: z": Case(data=lambda: pages(section())),
    "fit_edges": Case(data=after("trace_edges"), passes=2),  # pixels for the fit, and again for the saturated share
    "fit_edges: curtains": Case(data=after("remove_curtains", "trace_edges"), passes=3, rtol=1e-3, atol=1e-2),
    "layer_thickness": Case(data=after("calibrate_scale", "trace_edges", "fit_edges"), passes=2),  # two small arrays
    "equivalent_lithium": Case(
        data=after("trace_edges", "fit_edges", "layer_thickness"),
        settings={"layer": "Mg", "magnesium": 5.0, "u_magnesium": 1.0},
        constant="4.850 um of lithium per mAh/cm2 is a property of lithium, not of the image",
    ),
}

cases = pytest.mark.parametrize("variant", CASES)


def step_of(variant: str) -> str:
    """Return the step of a case: ``denoise: median`` -> ``denoise``."""
    return variant.partition(":")[0]


def run(name: str, dataset: xr.Dataset, settings: Mapping[str, Any]) -> xr.Dataset:
    step = load_step(step_of(name))
    tree = xr.DataTree.from_dict({"/image": dataset})
    return leaf_datasets(apply(Call(step, step.settings(**settings)), tree))["image"]


def lazy(dataset: xr.Dataset, chunks: Mapping[str, int]) -> xr.Dataset:
    """Return a dataset whose arrays sit in chunks; numbers and tables stay in memory."""
    arrays = {
        name: v.chunk({d: n for d, n in chunks.items() if d in v.dims}) for name, v in dataset.items() if _is_array(v)
    }
    return dataset.assign(arrays)


def _is_array(variable: xr.DataArray) -> bool:
    return bool({"y", "x"} & set(variable.dims)) and variable.dtype.kind in "fiu"


def assert_same(found: xr.Dataset, wanted: xr.Dataset, rtol: float, atol: float) -> None:
    assert set(found.variables) == set(wanted.variables)
    for name, expected in wanted.variables.items():
        one, two = found[name].values, expected.values
        assert one.dtype == two.dtype, name
        if two.dtype.kind in "fc":
            np.testing.assert_allclose(one, two, rtol=rtol, atol=atol, err_msg=str(name))
        else:
            np.testing.assert_array_equal(one, two, err_msg=str(name))


def length_power(unit: str) -> float:
    """Return n of a unit that is a length to the power n; 0 for anything else."""
    dimension = dict(registry().Unit("dimensionless" if unit == "1" else unit).dimensionality)
    return float(dimension.get("[length]", 0)) if set(dimension) <= {"[length]"} else 0.0


def grown(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset with every length K times larger, coordinates and values."""
    factors = {
        name: K ** length_power(spelling(str(v.attrs.get("units", "1"))))
        for name, v in dataset.variables.items()
        if v.dtype.kind == "f"
    }
    scaled = {name: dataset[name] * factor for name, factor in factors.items() if factor != 1.0}
    with_attrs = {name: array.assign_attrs(dataset[name].attrs) for name, array in scaled.items()}
    coords = {
        name: dataset[name].copy(data=array.values) for name, array in with_attrs.items() if name in dataset.coords
    }
    return dataset.assign(
        {n: a.drop_vars(list(a.coords)) for n, a in with_attrs.items() if n not in coords}
    ).assign_coords(coords)


def test_every_step_has_a_case_and_every_case_a_step():
    assert {step_of(variant) for variant in CASES} == set(STEPS), (
        "add a Case for the new step, and take out that of the old one"
    )


@cases
def test_every_step_is_documented_and_named_like_its_entry(variant):
    step = load_step(step_of(variant))
    assert step.name == step_of(variant)
    assert step.summary.endswith(".")
    assert not set(RESERVED) & set(step.settings.model_fields), "at, from and as are words of the recipe"
    silent = [setting for setting, one in step.settings.model_fields.items() if not one.description]
    assert not silent, f"the docstring of {variant} says nothing of {silent}"
    for unit in (*step.setting_units.values(), *(u for given in step.gives.units.values() for u in given.split("|"))):
        assert spelling(unit)


@cases
def test_defaults_satisfy_their_own_limits(variant):
    settings = load_step(step_of(variant)).settings
    required = {n for n, f in settings.model_fields.items() if f.is_required()}
    given = {n: v for n, v in CASES[variant].settings.items() if n in required}
    defaults = settings(**given).model_dump()
    assert settings(**defaults).model_dump() == defaults


@cases
def test_the_input_is_unchanged(variant):
    case = CASES[variant]
    dataset = case.data()
    before = dataset.copy(deep=True)
    run(variant, dataset, case.settings)
    xr.testing.assert_identical(dataset, before)


@cases
def test_a_map_step_computes_nothing_while_it_builds(variant):
    if load_step(step_of(variant)).measures:
        pytest.skip("measures")

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError(f"{variant} computes, but does not say measures=True")

    with dask.config.set(scheduler=refuse):
        run(variant, lazy(CASES[variant].data(), {"y": 50, "x": 70}), CASES[variant].settings)


class Counted:
    """An array that counts how often each region of it is read."""

    def __init__(self, values: np.ndarray, reads: Counter[str]) -> None:
        self.values, self.reads = values, reads
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __getitem__(self, region: Any) -> np.ndarray:
        self.reads[str(region)] += 1
        return self.values[region]


@cases
def test_each_chunk_is_read_no_more_often_than_declared(variant):
    case = CASES[variant]
    dataset = case.data()
    counters: dict[Any, Counter[str]] = {}
    for variable in [n for n, v in dataset.items() if _is_array(v)]:
        array = dataset[variable]
        counters[variable] = Counter()
        chunks = tuple(70 if dim in ("y", "x") else 1 for dim in array.dims)
        dataset = dataset.assign(
            {variable: array.copy(data=da.from_array(Counted(array.values, counters[variable]), chunks=chunks))}
        )
    result = run(variant, dataset, case.settings)
    untouched = {v.data.name for v in dataset.data_vars.values() if v.chunks}
    # never dask.compute(dataset): dask 2026.8 then loses keys where one output is made of another
    result[[n for n, v in result.items() if v.chunks and v.data.name not in untouched]].compute(scheduler="sync")
    passes = {variable: max(counter.values(), default=0) for variable, counter in counters.items()}
    assert max(passes.values()) <= case.passes, passes


@cases
@pytest.mark.parametrize("chunks", CHUNKINGS, ids=str)
def test_numpy_and_dask_give_the_same_numbers(variant, chunks):
    case = CASES[variant]
    whole = run(variant, case.data(), case.settings)
    parts = run(variant, lazy(case.data(), chunks), case.settings).compute(scheduler="sync")
    assert_same(parts, whole, case.rtol, case.atol)


@cases
def test_every_output_has_a_unit_and_coordinates_keep_theirs(variant):
    case = CASES[variant]
    dataset = case.data()
    result = run(variant, dataset, case.settings)
    assert check(result) == []
    for dim in result.dims:
        if dim in ARRAY_DIMS and dim in dataset.coords:
            assert result[dim].attrs.get("units") == dataset[dim].attrs.get("units")
            assert result[dim].attrs.get("long_name")
    for given, unit in load_step(step_of(variant)).gives.units.items():
        assert given in result, f"{variant} declares {given} and does not give it"
        assert result[given].attrs["units"] in unit.split("|")


@cases
def test_answers_grow_as_their_unit_says(variant):
    case = CASES[variant]
    if case.constant:
        pytest.skip(case.constant)
    lengths = {n: K ** length_power(u) for n, u in load_step(step_of(variant)).setting_units.items()}
    larger = {n: v * lengths.get(n, 1.0) if isinstance(v, float) else v for n, v in case.settings.items()}
    small = grown(run(variant, case.data(), case.settings))
    large = run(variant, grown(case.data()), larger)
    named_after_sizes = [name for name in ("shared_id",) if name in small]  # a text that names the pixel size
    assert_same(large.drop_vars(named_after_sizes), small.drop_vars(named_after_sizes), rtol=1e-6, atol=1e-6)


def test_growing_makes_lengths_larger_and_nothing_else():
    larger = grown(section())
    for name, power in {"x": 1, "pixel_size_x": 1, "beam_energy": 0, "charge": 0}.items():
        if name in larger.variables:
            np.testing.assert_allclose(larger[name], section()[name] * K**power)
            assert larger[name].attrs == section()[name].attrs
    np.testing.assert_array_equal(larger["image"], section()["image"])
