"""What every step on X-ray spectra and element profiles must keep; the checks stand in contract.py.

A new step needs a `Case` here: what it runs on, its settings, and how often it may read each chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
import xarray as xr
from contract import contract
from contract.contract import PROFILES, Case, grown, length_power, step_of, steps_of
from simple_maps import edxs_line, edxs_map

from imgpipe.steps import load_step

K = 3.0
CHUNKINGS: tuple[dict[str, int], ...] = (
    {"energy": -1},
    {"y": 5, "x": 17, "energy": -1},
    {"y": 1, "position": 30, "energy": -1},
)
LAYERS = {
    "SE": {"formula": "Li6PS5Cl", "density": 1.86},
    "Mg": {"formula": "Mg", "density": 1.738},
    "Cu": {"formula": "Cu", "density": 8.96},
}
ELEMENTS: dict[str, Any] = {"elements": ["S", "Mg", "Cu"]}
PHYSICS = "how far electrons go is a property of the materials, not of the picture"


def line() -> xr.DataTree:
    """Return a line scan."""
    return xr.DataTree.from_dict({"/line": edxs_line()})


def area() -> xr.DataTree:
    """Return a map."""
    return xr.DataTree.from_dict({"/map": edxs_map()})


def after(data: Callable[[], xr.DataTree], *names: str) -> Callable[[], xr.DataTree]:
    """Return what makes the data as it is after some steps, with the settings of their cases."""

    def made() -> xr.DataTree:
        tree = data()
        for name in names:
            tree = contract.run(name, tree, CASES[name].settings)
        return tree

    return cache(made)


lines_case = partial(Case, passes=2, rtol=1e-9, atol=1e-9)  # the sum of all, then each place with its weights
measured = after(line, "line_intensities: line")
responding = after(line, "line_intensities: line", "xray_response")
CASES: dict[str, Case] = {
    "line_profile": Case(area, {"start": [0.0, 140.0], "end": [980.0, 140.0], "width": 200.0}),
    "line_profile: slanted": Case(
        area, {"start": [100.0, 60.0], "end": [900.0, 200.0], "width": 60.0, "lines": 2, "step": 30.0}
    ),
    "sum_spectrum": Case(area),
    "sum_spectrum: part": Case(line, {"position": [100.0, 600.0]}),
    "line_intensities": lines_case(area, ELEMENTS),
    "line_intensities: line": lines_case(line, ELEMENTS),
    "line_intensities: windows": lines_case(area, {**ELEMENTS, "method": "window"}),
    "xray_response": Case(measured, {"layers": LAYERS}, passes=0, constant=PHYSICS),
    "fit_interfaces": Case(responding, passes=1, rtol=1e-9, atol=1e-9),
    "fit_interfaces: observed": Case(measured, {"layers": list(LAYERS)}, passes=1, rtol=1e-9, atol=1e-9),
    "segregation": Case(responding, {"layer": "Mg", "element": "Mg"}, rtol=1e-9, atol=1e-9),
    "k_ratios": Case(
        measured, {"standards": {"Mg": {"counts": 90000.0, "live_time": 60.0, "beam_energy": 5000.0}}}, passes=0
    ),
    "cliff_lorimer": Case(measured, {"k_factors": {"Mg": 1.1, "Cu": 1.6}}, passes=0),
}
cases = pytest.mark.parametrize("variant", CASES)


def test_every_step_has_a_case_and_every_case_a_step():
    assert {step_of(variant) for variant in CASES} == steps_of(PROFILES), (
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
    contract.computes_nothing(variant, CASES[variant], {"y": 5, "x": 17, "position": 30})


@cases
def test_each_chunk_is_read_no_more_often_than_declared(variant):
    contract.reads_no_more_than_declared(variant, CASES[variant], {"y": 7, "x": 25, "position": 50, "element": -1})


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
    units = load_step(step_of(variant)).setting_units
    powers = {name: K ** max(length_power(unit) for unit in said.split("|")) for name, said in units.items()}
    larger = {name: _times(value, powers.get(name, 1.0)) for name, value in case.settings.items()}
    small = grown(contract.run(variant, case.tree(), case.settings), K)
    large = contract.run(variant, grown(case.tree(), K), larger)
    contract.assert_same(large, small, rtol=1e-6, atol=1e-6)


def _times(value: Any, factor: float) -> Any:
    return (
        [factor * v for v in value]
        if isinstance(value, list) and factor != 1.0
        else (factor * value if isinstance(value, float) else value)
    )


@cases
def test_equal_runs_give_equal_bytes(variant):
    contract.equal_bytes(variant, CASES[variant])
