"""The binder: chooses the leaf, checks and converts, calls, stores, and never replaces anything silently."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import dask
import numpy as np
import pytest
import xarray as xr
from pydantic import Field

from imgpipe.binding import Call, apply, explain, leaf_datasets
from imgpipe.errors import DataError, StepError, UnitError
from imgpipe.model import axis, quantity, texts
from imgpipe.step import Step, step
from imgpipe.units import Dims, Unit

Image = Annotated[xr.DataArray, Unit("counts"), Dims("y x")]


def leaf(unit: str = "nm", **extra: xr.DataArray) -> xr.Dataset:
    coords = {"y": axis("y", 6, 5.0, unit), "x": axis("x", 5, 5.0, unit)}
    image = quantity(np.arange(30.0).reshape(6, 5), "counts", "grey", "y x")
    return xr.Dataset({"image": image, **extra}, coords=coords, attrs={"source_file": "a.tif"})


def tree(**leaves: xr.Dataset) -> xr.DataTree:
    return xr.DataTree.from_dict({f"/{name.replace('__', '/')}": one for name, one in leaves.items()})


def call(one: Step[Any, Any], **words: Any) -> Call:
    special = {name: words.pop(name) for name in ("at", "sources", "result") if name in words}
    return Call(one, one.settings(**words), **special)


def run(one: Step[Any, Any], on: xr.DataTree | None = None, **words: Any) -> dict[str, xr.Dataset]:
    return leaf_datasets(apply(call(one, **words), on if on is not None else tree(image=leaf())))


@step(version=3)
def double(image: Image, *, by: Annotated[float, Field(gt=0)] = 2.0) -> xr.DataArray:
    """Double."""
    return (image * by).assign_attrs(units="counts")


@step()
def in_micrometres(height: Annotated[xr.DataArray, Unit("um")]) -> xr.DataArray:
    """Return what arrives."""
    return height


@step()
def either(height: Annotated[xr.DataArray, Unit("nm|px")]) -> xr.DataArray:
    """Return what arrives."""
    return height


@step()
def reach(image: Image, *, length: Annotated[float, Unit("nm")] = 10.0) -> xr.DataArray:
    """Use a length."""
    return image.assign_attrs(units="counts")


@step()
def whole(dataset: xr.Dataset, *, rows: int = 1) -> xr.Dataset:
    """Cut the leaf."""
    return dataset.isel(y=slice(rows, None))


def returning(make: Callable[[xr.DataArray], Any]) -> Step[Any, Any]:
    @step()
    def odd(image: Image) -> Any:
        """Return something."""
        return make(image)

    return odd


def test_the_input_is_left_as_it_is_and_the_result_replaces_its_variable():
    before = tree(image=leaf())
    copy = before.copy(deep=True)
    after = run(double, before)["image"]
    assert before.identical(copy)
    np.testing.assert_array_equal(after["image"], 2 * before["image/image"])
    assert after["y"].attrs == {"units": "nm", "long_name": "y"}


def test_the_result_may_have_a_name_of_its_own():
    after = run(double, result="bright")["image"]
    assert {"image", "bright"} <= set(after.data_vars)
    np.testing.assert_array_equal(after["bright"], 2 * after["image"])


def test_variables_are_found_under_other_names():
    on = tree(image=leaf(other=quantity(np.ones((6, 5)), "counts", "other", "y x")))
    after = run(double, on, sources={"image": "other"})["image"]
    np.testing.assert_array_equal(after["other"], 2.0)
    np.testing.assert_array_equal(after["image"], on["image/image"])


def test_provenance_grows_by_step_version_and_settings():
    twice = apply(call(double, by=3.0), apply(call(double), tree(image=leaf())))
    assert json.loads(twice["image"].attrs["provenance"]) == [
        {"step": "double", "version": 3, "settings": {"by": 2.0}},
        {"step": "double", "version": 3, "settings": {"by": 3.0}},
    ]  # fmt: skip
    assert twice["image"].attrs["source_file"] == "a.tif"


def test_two_fitting_leaves_are_an_error_that_lists_them():
    with pytest.raises(StepError, match=r"fits several leaves: one, two.*at: one"):
        run(double, tree(one=leaf(), two=leaf()))


def test_at_takes_names_lists_and_globs():
    on = tree(se__top=leaf(), se__side=leaf(), bse=leaf())
    after = run(double, on, at=("se/*",))
    assert [float(after[name]["image"].max()) for name in ("se/top", "se/side", "bse")] == [58.0, 58.0, 29.0]
    with pytest.raises(StepError, match="no leaf matches bsee; did you mean 'bse'"):
        run(double, on, at=("bsee",))


def test_a_missing_variable_is_named_with_the_leaf():
    with pytest.raises(StepError, match="image lacks height"):
        run(in_micrometres)
    with pytest.raises(StepError, match="there is no leaf"):
        run(double, xr.DataTree())


def test_units_are_converted_before_the_call():
    on = tree(image=leaf(height=quantity(2000.0, "nm", "height")))
    after = run(in_micrometres, on)["image"]["height"]
    assert (float(after), after.attrs["units"]) == (2.0, "um")


def test_a_unit_that_does_not_fit_is_an_error():
    with pytest.raises(UnitError, match="step in_micrometres, height: can't turn 's' into 'um'"):
        run(in_micrometres, tree(image=leaf(height=quantity(1.0, "s", "height"))))
    with pytest.raises(UnitError, match="carries no unit"):
        run(in_micrometres, tree(image=leaf(height=xr.DataArray(1.0))))


def test_px_may_pass_where_the_step_says_so_only():
    on = tree(image=leaf(height=quantity(3.0, "px", "height")))
    assert run(either, on)["image"]["height"].attrs["units"] == "px"
    with pytest.raises(UnitError, match="pixel size"):
        run(in_micrometres, on)


def test_row_50_a_length_on_an_image_without_scale_fails_with_the_remedy():
    uncalibrated = tree(image=leaf("px"))
    run(reach, uncalibrated)  # the default is the step's own business
    with pytest.raises(DataError, match=r"length is a length, but the image has no pixel size.*pixel_size"):
        run(reach, uncalibrated, length=20.0)


def test_wrong_dimensions_are_an_error():
    bad = leaf().assign(image=quantity(np.ones((6, 5, 3)), "counts", "rgb", "y x signal"))
    with pytest.raises(DataError, match="expected dimensions ending in y, x, found y, x, signal"):
        run(double, tree(image=bad))


def test_leading_dimensions_pass():
    stack = leaf().expand_dims(z=2)
    assert run(double, tree(image=stack))["image"]["image"].dims == ("z", "y", "x")


def test_a_whole_leaf_is_replaced():
    after = run(whole, rows=2)["image"]
    assert after.sizes == {"y": 4, "x": 5}
    assert after.attrs["source_file"] == "a.tif"


def test_a_dataset_with_a_name_becomes_a_leaf_beside():
    profile = returning(lambda image: xr.Dataset({"p": image.mean("x").assign_attrs(units="counts")}))
    after = run(profile, result="profile")
    assert set(after) == {"image", "profile"}
    with pytest.raises(StepError, match="a leaf 'other' exists already"):
        run(profile, tree(image=leaf(), other=leaf()), result="other", at=("image",))


def test_a_dataset_that_would_replace_something_is_refused():
    clashing = returning(lambda image: xr.Dataset({"height": quantity(1.0, "nm", "height")}))
    with pytest.raises(StepError, match="height exist"):
        run(clashing, tree(image=leaf(height=quantity(2.0, "nm", "height"))))


def test_grids_that_nearly_fit_are_refused():
    shifted = returning(lambda image: image.assign_coords(x=image["x"] + 1e-9).assign_attrs(units="counts"))
    with pytest.raises(StepError, match="does not fit"):
        run(shifted, tree(image=leaf(mask=quantity(np.ones((6, 5)), "1", "mask", "y x"))), result="new")


def test_arithmetic_between_grids_that_nearly_fit_is_refused():
    def subtract(image: xr.DataArray) -> xr.DataArray:
        return (image - image.assign_coords(x=image["x"] + 1e-9)).assign_attrs(units="counts")

    with pytest.raises((ValueError, StepError)):
        run(returning(subtract))


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda image: image * image, "carries no unit"),  # attributes are not kept, so counts**2 can't pass for counts
        (lambda image: image.values, "returned ndarray"),
        (lambda image: None, "returned NoneType"),
        (lambda image: xr.Dataset({"a": image.mean()}), "output a carries no unit"),
    ],
)
def test_results_that_are_refused(make, part):
    with pytest.raises(StepError, match=part):
        run(returning(make))


def test_texts_need_no_unit():
    flagged = returning(lambda image: xr.Dataset({"flag": texts(["", "edited"], "flag", "layer")}))
    assert run(flagged)["image"]["flag"].values.tolist() == ["", "edited"]


def test_axis_attributes_survive_arithmetic():
    after = run(returning(lambda image: (image.assign_coords(x=image["x"] + 0.0) * 2).assign_attrs(units="counts")))
    assert after["image"]["x"].attrs["units"] == "nm"


def test_map_steps_compute_nothing_while_binding():
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("computed")

    lazy = tree(image=leaf().chunk({"y": 2}))
    with dask.config.set(scheduler=refuse):
        after = run(double, lazy)["image"]
        run(whole, lazy)
    assert after["image"].chunks is not None


def test_errors_name_their_step_once():
    bare = explain(call(double), DataError("all NaN.", remedy="look."))
    assert str(bare) == "step double: all NaN. Remedy: look."
    assert explain(call(double), bare) is bare


@step(measures=True)
def common_mean(tree: Annotated[xr.DataTree, Dims("y x")]) -> xr.DataTree:
    """Give every leaf the mean over all of them."""
    leaves = leaf_datasets(tree)
    mean = float(np.mean([one["image"].mean() for one in leaves.values()]))
    out = {name: one.assign(common=quantity(mean, "counts", "mean of all")) for name, one in leaves.items()}
    return xr.DataTree.from_dict({f"/{name}": one for name, one in out.items()})


def several() -> xr.DataTree:
    bright = leaf().assign(image=leaf()["image"].copy(data=leaf()["image"].values + 100.0))
    lone = xr.Dataset({"charge": quantity(1.0, "mAh/cm**2", "charge")})
    return tree(dark=leaf(), bright=bright, lone=lone)


def test_a_step_may_take_all_leaves_that_have_its_dimensions_together():
    after = run(common_mean, several())
    assert float(after["dark"]["common"]) == float(after["bright"]["common"]) == pytest.approx(14.5 + 50.0)
    assert "common" not in after["lone"]
    assert [entry["step"] for entry in json.loads(after["dark"].attrs["provenance"])] == ["common_mean"]
    assert after["dark"].attrs["source_file"] == "a.tif"


def test_at_chooses_the_leaves_that_are_taken_together():
    after = run(common_mean, several(), at=("dark",))
    assert float(after["dark"]["common"]) == pytest.approx(14.5)
    assert "common" not in after["bright"]


def test_no_leaf_with_the_dimensions_is_an_error():
    with pytest.raises(StepError, match="no leaf has the dimension"):
        run(common_mean, tree(lone=xr.Dataset({"charge": quantity(1.0, "mAh/cm**2", "charge")})))


def test_a_step_that_takes_a_tree_must_return_one():
    @step()
    def odd(tree: xr.DataTree) -> Any:
        """Return something else."""
        return 1.0

    with pytest.raises(StepError, match="not a DataTree"):
        run(odd, several())
