"""What every step on images must keep, on data from its phantom; the checks stand in contract.py.

A new step needs a `Case` here: what it runs on, its settings, and how often it may read each chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import xarray as xr
from contract import contract
from contract.contract import PROFILES, SPECTRA, Case, grown, length_power, step_of, steps_of

from imgpipe.binding import leaf_datasets
from imgpipe.model import quantity
from imgpipe.phantoms.cross_section import make
from imgpipe.steps import load_step

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


image_case = partial(Case, data=section)
CASES: dict[str, Case] = {
    "crop": image_case(settings={"top": 7, "bottom": 3, "left": 5, "right": 11}),
    "crop_data_bar": image_case(data=without_bar_record, settings={"rows": 20}),
    "select_signal": image_case(data=several_signals, settings={"signal": "BSE"}),
    "orient_stack": image_case(settings={"direction": "auto"}, passes=2),  # looks at every nth pixel, then turns
    "calibrate_scale": image_case(
        settings={"factor_x": 1.01, "factor_y": 0.98, "u": 0.01, "u_is": "limit", "working_distance": 4e6}
    ),
    "correct_foreshortening": image_case(settings={"face_angle": 52.0, "already_corrected": "auto"}),
    "orient_stack: right": image_case(settings={"direction": "right"}),
    "orient_stack: up": image_case(settings={"direction": "up"}),
    "denoise": image_case(settings={"sigma": 1.5}, rtol=1e-6),
    "denoise: median": image_case(settings={"method": "median", "half_width": 2}),
    "denoise: nlm": image_case(settings={"method": "nlm", "noise": 5.0}, rtol=1e-5),
    "denoise: z": image_case(data=lambda: pages(section()), settings={"sigma": 1.5}, rtol=1e-6),
    "remove_curtains": image_case(settings={"width": 6, "length": 90}, rtol=1e-5, atol=1e-3),
    "remove_curtains: z": image_case(
        data=lambda: pages(section()), settings={"width": 6, "length": 90}, rtol=1e-5, atol=1e-3
    ),
    "trace_edges": image_case(settings={"layers": ["Pt", "Mg", "W", "Cu"]}),
    "trace_edges: unnamed": image_case(data=lambda: section().drop_vars("stack")),
    "trace_edges: z": image_case(data=lambda: pages(section())),
    "fit_edges": image_case(
        data=after("trace_edges"), passes=2
    ),  # pixels for the fit, and again for the saturated share
    "fit_edges: curtains": image_case(data=after("remove_curtains", "trace_edges"), passes=3, rtol=1e-3, atol=1e-2),
    "layer_thickness": image_case(data=after("calibrate_scale", "trace_edges", "fit_edges"), passes=2),
    "equivalent_lithium": image_case(
        data=after("trace_edges", "fit_edges", "layer_thickness"),
        settings={"layer": "Mg", "magnesium": 5.0, "u_magnesium": 1.0},
        constant="4.850 um of lithium per mAh/cm2 is a property of lithium, not of the image",
    ),
}

cases = pytest.mark.parametrize("variant", CASES)


def run(variant: str, dataset: xr.Dataset, settings: Mapping[str, Any]) -> xr.Dataset:
    tree = xr.DataTree.from_dict({"/image": dataset})
    return leaf_datasets(contract.run(variant, tree, settings))["image"]


def test_every_step_has_a_case_and_every_case_a_step():
    assert {step_of(variant) for variant in CASES} == steps_of((SPECTRA, *PROFILES), here=False), (
        "add a Case for the new step, and take out that of the old one"
    )


@cases
def test_every_step_is_documented_and_named_like_its_entry(variant):
    contract.documented(variant)


@cases
def test_defaults_satisfy_their_own_limits(variant):
    contract.defaults_are_allowed(variant, CASES[variant])


@cases
def test_the_input_is_unchanged(variant):
    contract.input_unchanged(variant, CASES[variant])


@cases
def test_a_map_step_computes_nothing_while_it_builds(variant):
    if load_step(step_of(variant)).measures:
        pytest.skip("measures")
    contract.computes_nothing(variant, CASES[variant], {"y": 50, "x": 70})


@cases
def test_each_chunk_is_read_no_more_often_than_declared(variant):
    contract.reads_no_more_than_declared(variant, CASES[variant], {"y": 70, "x": 70})


@cases
@pytest.mark.parametrize("chunks", CHUNKINGS, ids=str)
def test_numpy_and_dask_give_the_same_numbers(variant, chunks):
    contract.same_in_chunks(variant, CASES[variant], chunks)


@cases
def test_every_output_has_a_unit_and_coordinates_keep_theirs(variant):
    contract.has_units(variant, CASES[variant])


@cases
def test_answers_grow_as_their_unit_says(variant):
    case = CASES[variant]
    if case.constant:
        pytest.skip(case.constant)
    lengths = {n: K ** length_power(u) for n, u in load_step(step_of(variant)).setting_units.items()}
    larger = {n: v * lengths.get(n, 1.0) if isinstance(v, float) else v for n, v in case.settings.items()}
    small = grown(contract.run(variant, case.tree(), case.settings), K)
    large = contract.run(variant, grown(case.tree(), K), larger)
    names_of_sizes = ("shared_id",)  # a text that names the pixel size
    contract.assert_same(large, small, rtol=1e-6, atol=1e-6, leave_out=names_of_sizes)


def test_growing_makes_lengths_larger_and_nothing_else():
    larger = leaf_datasets(grown(xr.DataTree.from_dict({"/image": section()}), K))["image"]
    for name, power in {"x": 1, "pixel_size_x": 1, "beam_energy": 0, "charge": 0}.items():
        if name in larger.variables:
            np.testing.assert_allclose(larger[name], section()[name] * K**power)
            assert larger[name].attrs == section()[name].attrs
    np.testing.assert_array_equal(larger["image"], section()["image"])
