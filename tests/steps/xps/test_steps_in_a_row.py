"""The XPS steps one after the other through the binder, on phantoms: names, units, tables and provenance hold."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

import imgpipe.steps.xps as xps
from imgpipe.binding import Call, apply, leaf_datasets
from imgpipe.errors import DataError
from imgpipe.model import check
from imgpipe.phantoms.xps import make
from imgpipe.readers.stacking import stack_leaves
from imgpipe.tables import leaf_tables


def run(tree: xr.DataTree, name: str, *, at: tuple[str, ...] = (), **settings: Any) -> xr.DataTree:
    step = getattr(xps, name)
    return apply(Call(step, step.settings(**settings), at=at), tree)


@cache
def argyrodite() -> tuple[xr.DataTree, xr.Dataset]:
    tree, truth = make(8, preset="argyrodite")
    tree = run(tree, "energy_reference", reference="PS4", energy=131.9)
    tree = run(tree, "instrument_width", width=0.5, pass_energy=20.0)
    tree = run(tree, "crop_energy", at=("*/O 1s",), low=526.0, high=539.0)
    tree = run(tree, "fit_components", model="argyrodite", alternatives=False, sensitivity=False)
    tree = run(tree, "excess_sulfide", pristine="pristine")
    return run(tree, "quantify_regions", leave_out=["C 1s", "O 1s"]), truth


def test_every_leaf_is_sound_and_remembers_its_steps():
    tree, _ = argyrodite()
    leaves = leaf_datasets(tree)
    assert {"pristine/quantification", "cycled/quantification"} <= set(leaves)
    assert not {name: faults for name, leaf in leaves.items() if (faults := check(leaf))}
    steps = [entry["step"] for entry in json.loads(leaves["cycled/S 2p"].attrs["provenance"])]
    assert steps == ["energy_reference", "instrument_width", "fit_components", "excess_sulfide"]


def test_composition_of_the_cycled_sample():
    tree, truth = argyrodite()
    table = tree["cycled/quantification"].to_dataset()
    names = list(table["element"].values)
    wanted = truth["atomic_percent"].sel(sample="cycled", element=names)
    wanted = 100.0 * wanted / wanted.sum()
    assert ((table["atomic_percent_low"] <= wanted) & (wanted <= table["atomic_percent_high"])).all()
    columns = leaf_tables(table)["elements"]
    assert {"element", "element_line", "atomic_percent", "u_atomic_percent", "denominator", "flag"} <= set(columns)


def test_excess_sulfide_of_the_cycled_sample():
    tree, truth = argyrodite()
    row = tree["cycled/S 2p"].to_dataset().isel(region=0)
    true = float(truth["excess_sulfide"].sel(sample="cycled"))
    assert float(row["excess_sulfide_low"]) <= true <= float(row["excess_sulfide_high"])
    assert abs(float(row["ps4_ratio"]) - 0.25) <= 2.0 * float(row["u_ps4_ratio"])
    pristine = tree["pristine/S 2p"].to_dataset().isel(region=0)
    assert float(pristine["excess_sulfide"]) == pytest.approx(0.0, abs=1e-6)


def test_oxide_thickness_of_the_tungsten_phantom():
    tree, truth = make(3, preset="metal_oxide")
    tree = run(tree, "fit_components", at=("oxide_W/*",), model="tungsten_oxide", alternatives=False, sensitivity=False)
    tree = run(tree, "overlayer_thickness")
    row = tree["oxide_W/overlayer"].to_dataset().isel(layer=0)
    true = float(truth["overlayer_thickness"].sel(sample="oxide_W"))
    assert float(row["thickness_low"]) <= true <= float(row["thickness_high"])
    assert "thickness_nm" in leaf_tables(tree["oxide_W/overlayer"].to_dataset())["layers"]


def test_a_series_keeps_its_coordinates():
    tree, truth = make(4, preset="series", count=24)
    tree = run(tree, "energy_reference", reference="PS4", energy=161.6)
    tree = run(tree, "sum_spectra", at=("S 2p",), every=4)
    leaf = tree["S 2p"].to_dataset()
    assert check(leaf) == []
    assert leaf["energy_shift"].dims == ("cycle",)
    wanted = truth["energy_shift"].values.reshape(6, 4).mean(axis=1)
    assert np.abs(leaf["energy_shift"].values - wanted).max() < 0.1
    assert {"time", "charge"} <= set(leaf.coords)


def test_samples_on_one_axis_are_aligned_and_quantified():
    tree, truth = make(15, preset="published")
    names = [str(name) for name in truth["sample"].values]
    files = [xr.DataTree.from_dict({f"/{n}": leaf.to_dataset() for n, leaf in tree[s].children.items()}) for s in names]
    stacked = run(stack_leaves(files, "sample", names), "energy_reference", reference="C 1s", specimen="air exposed")
    leaf = stacked["S 2p"].to_dataset()
    left = truth["energy_shift"].values - leaf["energy_shift"].values
    assert (np.abs(left) <= 0.05 + 3.0 * leaf["u_energy_shift_random"].values).all()  # half a channel
    table = run(stacked, "quantify_regions")["quantification"].to_dataset()
    assert table["atomic_percent"].dims == ("sample", "element")
    assert len(leaf_tables(table)["elements"]) == 8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda leaf: leaf.isel(energy=slice(None, None, -1)), "does not rise"),
        (lambda leaf: leaf.assign_coords(energy=leaf["energy"].assign_attrs(units="keV")), "not in eV"),
        (
            lambda leaf: leaf.assign(counts=leaf["counts"].where(leaf["energy"] > 159.0).assign_attrs(units="counts")),
            "NaN",
        ),
    ],
)
@pytest.mark.parametrize("name", ["energy_reference", "quantify_regions"])
def test_faulty_spectra_are_refused(change, said, name):
    tree, _ = make(8, preset="argyrodite")
    bad = xr.DataTree.from_dict({"/S 2p": change(tree["pristine/S 2p"].to_dataset())})
    settings = {"reference": "PS4"} if name == "energy_reference" else {}
    with pytest.raises(DataError, match=said):
        run(bad, name, **settings)
