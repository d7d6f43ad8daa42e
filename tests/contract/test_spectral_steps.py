"""What every step on spectra must keep, on data from its phantom; the checks stand in contract.py.

A new step needs a `Case` here: what it runs on, its settings, and how often it may read each chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import xarray as xr
from contract import contract
from contract.contract import SPECTRA, Case, count_power, grown, step_of, steps_of
from simple_spectra import carbon, leaf_of, silver, voigt

from imgpipe.binding import leaf_datasets
from imgpipe.errors import DataError
from imgpipe.phantoms.xps import make, make_batch
from imgpipe.readers import stack_leaves
from imgpipe.steps import load_step

K = 3.0
CHUNKINGS: tuple[dict[str, int], ...] = ({"energy": -1}, {"cycle": 1, "sample": 1}, {"cycle": 4, "energy": 50})
QUICK: dict[str, Any] = {"alternatives": False, "sensitivity": False, "constants_exact": True}
"""The fit alone, without the doubts about its model."""
GAUSSIAN: dict[str, Any] = {"noise": "gaussian"}
"""Weights that grow with the counts; those of counting statistics do not."""


def tree_of(**leaves: xr.Dataset) -> xr.DataTree:
    """Return a tree; an underscore in a name stands for a blank."""
    return xr.DataTree.from_dict({f"/{name.replace('_', ' ')}": leaf for name, leaf in leaves.items()})


@cache
def series() -> xr.DataTree:
    """Return five spectra of S 2p along `cycle`."""
    leaf, _ = make_batch(range(5), preset="published", sample="Cu", peak_counts=4000.0)
    return tree_of(S_2p=leaf)


@cache
def samples() -> xr.DataTree:
    """Return S 2p and C 1s of two samples, stacked along `sample` as `stack: sample` does."""
    tree, _ = make(3, preset="published", samples=("Mg-Cu", "Cu"), li2s_percent=(19.0, 43.0))
    names = list(tree.children)
    return stack_leaves([xr.DataTree.from_dict(_leaves(tree[name])) for name in names], "sample", names)


def _leaves(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    return {f"/{name}": node.to_dataset() for name, node in tree.children.items()}


@cache
def operando() -> xr.DataTree:
    """Return every twentieth spectrum of S 2p taken while charge flows."""
    tree, _ = make(4, preset="series")
    return tree_of(S_2p=tree["S 2p"].to_dataset().isel(cycle=slice(None, None, 20)))


@cache
def argyrodite() -> xr.DataTree:
    """Return S 2p, P 2p and C 1s of two samples of Li6PS5Cl, each below its own node."""
    tree, _ = make(8, preset="argyrodite")
    return xr.DataTree.from_dict({f"{s}{r}": leaf for s in ("pristine", "cycled") for r, leaf in _core(tree[s])})


@cache
def survey() -> xr.DataTree:
    """Return the survey of Li6PS5Cl."""
    tree, _ = make(8, preset="argyrodite")
    return tree_of(survey=tree["pristine"]["survey"].to_dataset())


def _core(tree: xr.DataTree) -> list[tuple[str, xr.Dataset]]:
    return [(name, leaf) for name, leaf in _leaves(tree).items() if name in ("/S 2p", "/P 2p", "/C 1s")]


@cache
def film() -> xr.DataTree:
    """Return W 4f of an oxidised film."""
    tree, _ = make(3, preset="metal_oxide")
    return xr.DataTree.from_dict(_leaves(tree["oxide_W"]))


@cache
def carbons() -> xr.DataTree:
    """Return a series of C 1s of different charge, without noise."""
    return tree_of(C_1s=carbon(np.array([0.0, 0.3, 0.7]), seed=None))


@cache
def copper() -> xr.DataTree:
    """Return Cu 2p and Cu LMM without noise."""
    photo, auger = np.round(np.arange(925.0, 945.0, 0.1), 6), np.round(np.arange(555.0, 590.0, 0.1), 6)
    top = 4000.0 * np.exp(-0.5 * ((auger - 568.0) / 1.1) ** 2) + 800.0
    return tree_of(
        Cu_2p=leaf_of("Cu 2p", photo, 9000.0 * voigt(photo, 932.6, 0.8, 0.56) + 500.0, seed=None),
        Cu_LMM=leaf_of("Cu LMM", auger, top, seed=None),
    )


def after(data: Callable[[], xr.DataTree], *names: str) -> Callable[[], xr.DataTree]:
    """Return what makes the data as it is after some steps, with the settings of their cases."""

    def made() -> xr.DataTree:
        tree = data()
        for name in names:
            tree = contract.run(name, tree, CASES[name].settings)
        return tree

    return cache(made)


risen_case = partial(Case, passes=2, refuses_falling=True)
fit_case = partial(risen_case, rtol=1e-9, atol=1e-9)
COUNTED = ("u_*", "*_low", "*_high")
CASES: dict[str, Case] = {
    "crop_energy": Case(series, {"low": 159.0, "high": 169.5}),
    "sum_spectra": Case(series),
    "sum_spectra: pairs": Case(operando, {"every": 2}),
    "energy_reference": risen_case(carbons, {"reference": "C 1s"}, counting=COUNTED),
    "energy_reference: series": risen_case(
        operando, {"reference": "line", "leaf": "S 2p", "energy": 161.4}, constant="counting weighs against priors"
    ),
    "instrument_width": risen_case(lambda: tree_of(Ag_3d=silver(0.5, seed=None)), counting=COUNTED),
    "instrument_width: given": Case(argyrodite, {"width": 0.4}, passes=0),
    "identify_lines": risen_case(survey, counting=(*COUNTED, "significance", "confidence", "peak_flag")),
    "auger_parameter": risen_case(copper, counting=COUNTED),
    "fit_components": fit_case(series, {"model": "published_s2p", **GAUSSIAN, **QUICK}),
    "fit_components: samples": fit_case(
        samples, {"model": "published_s2p", **GAUSSIAN, "alternatives": ["linear"]}, passes=3
    ),
    "fit_components: poisson": fit_case(series, {"model": "published_s2p", **QUICK}, constant="counting statistics"),
    "fit_components: regions": fit_case(argyrodite, {"model": "argyrodite", **GAUSSIAN, **QUICK}),
    "fit_components: oxide": fit_case(film, {"model": "metal_oxide", **GAUSSIAN, **QUICK}),
    "fit_components: operando": fit_case(operando, {"model": "published_s2p", **GAUSSIAN, **QUICK}),
    "compare_models": fit_case(series, {"model": "argyrodite", **GAUSSIAN}),
    "quantify_regions": risen_case(argyrodite, passes=3, counting=COUNTED),  # the transmission, a few numbers
    "quantify_regions: fitted": risen_case(after(argyrodite, "fit_components: regions"), passes=3, counting=COUNTED),
    "excess_sulfide": Case(after(argyrodite, "fit_components: regions"), {"pristine": "pristine"}, passes=3),
    "overlayer_thickness": Case(after(film, "fit_components: oxide"), passes=0),
    "trend": Case(after(operando, "fit_components: operando"), {"along": "charge"}, passes=0),
}

cases = pytest.mark.parametrize("variant", CASES)


def test_every_step_has_a_case_and_every_case_a_step():
    assert {step_of(variant) for variant in CASES} == steps_of(SPECTRA), (
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
    contract.computes_nothing(variant, CASES[variant], {"cycle": 2, "sample": 1})


@cases
def test_each_chunk_is_read_no_more_often_than_declared(variant):
    contract.reads_no_more_than_declared(variant, CASES[variant], {"cycle": 2})


@cases
@pytest.mark.parametrize("chunks", CHUNKINGS, ids=str)
def test_numpy_and_dask_give_the_same_numbers(variant, chunks):
    contract.same_in_chunks(variant, CASES[variant], chunks)


@cases
def test_every_output_has_a_unit_and_coordinates_keep_theirs(variant):
    contract.has_units(variant, CASES[variant])


@cases
def test_areas_grow_with_the_counts_and_positions_and_shares_stay(variant):
    case = CASES[variant]
    if case.constant:
        pytest.skip(case.constant)
    small = grown(contract.run(variant, case.tree(), case.settings), K, count_power)
    large = contract.run(variant, grown(case.tree(), K, count_power), case.settings)
    contract.assert_same(large, small, rtol=1e-5, atol=1e-5, leave_out=("iterations", *case.counting))


@cases
def test_equal_runs_give_equal_bytes(variant):
    contract.equal_bytes(variant, CASES[variant])


@cases
def test_a_falling_axis_gives_the_same_numbers_or_is_refused(variant):
    """Readers turn every axis so that it rises; a leaf made by hand may fall."""
    case = CASES[variant]
    falling = contract.each(case.tree(), lambda leaf: leaf.isel(energy=slice(None, None, -1)))
    if case.refuses_falling:
        with pytest.raises(DataError, match="rise") as refused:
            contract.run(variant, falling, case.settings)
        assert refused.value.remedy
        return
    found = contract.run(variant, falling, case.settings)
    risen = contract.each(found, lambda leaf: leaf.sortby("energy") if "energy" in leaf.dims else leaf)
    contract.assert_same(risen, contract.run(variant, case.tree(), case.settings), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("steps", [1, -1], ids=["rising", "falling"])
@pytest.mark.parametrize("scale", ["binding", "kinetic"])
def test_readers_give_one_axis_whatever_the_order_in_the_file(tmp_path, steps, scale):
    from imgpipe.readers import read

    leaf = series()["S 2p"].to_dataset().isel(cycle=0)
    energy = leaf["energy"].values
    shown = energy if scale == "binding" else 1486.6 - energy
    rows = np.column_stack([shown, leaf["counts"].values])[::steps]
    path = tmp_path / "S2p.csv"
    head = f"# photon energy: 1486.6 eV\n{scale.title()} energy (eV),Counts\n"
    path.write_text(head + "".join(f"{x:.4f},{y:.0f}\n" for x, y in rows), encoding="utf-8")
    (found,) = leaf_datasets(read(path)).values()
    values = found["counts" if "counts" in found else "intensity"]
    np.testing.assert_allclose(found["energy"], energy, atol=1e-6)
    np.testing.assert_array_equal(values, leaf["counts"])
