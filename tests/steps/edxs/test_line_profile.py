"""Line scans out of maps: no count lost, none counted twice, the border where it is."""

from __future__ import annotations

from collections import Counter

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from contract.contract import Counted
from edxs_by_hand import CHANNELS, run, two_halves
from scipy.optimize import minimize

from imgpipe.errors import DataError
from imgpipe.kernels.segment_bins import Segment
from imgpipe.model import check
from imgpipe.steps.edxs.profile import line_profile


def profile(leaf: xr.Dataset, **settings: object) -> xr.Dataset:
    """Return the leaf `line` that the step makes."""
    return run(line_profile, {"map": leaf}, "line", **settings)["line"].to_dataset()


def border(line: xr.Dataset, step: float) -> float:
    """Return the border that a Poisson fit with the exposures finds, for steps blurred by the length of a bin."""
    counts, exposure = line["counts"].sum("energy").values, line["exposure"].values
    x, first = line["position"].values, counts.argmax() * 0.0

    def deviance(p: np.ndarray) -> float:
        share = np.clip((p[0] - x) / step + 0.5, 0.0, 1.0)
        mean = exposure * (p[1] * share + p[2] * (1.0 - share))
        return float((mean - counts * np.log(mean)).sum())

    middle = counts.astype(float)
    start = [first + x[np.abs(np.diff(middle / exposure)).argmax()], middle[:5].mean(), middle[-5:].mean()]
    return float(minimize(deviance, start, method="Nelder-Mead", options={"xatol": 0.01, "maxiter": 4000}).x[0])


def test_along_x_it_is_the_sum_of_the_rows():
    leaf = two_halves()
    line = profile(leaf, start=[0.0, 300.0], end=[790.0, 300.0], width="50 nm")
    wanted = leaf["counts"].sel(y=slice(280, 320)).sum("y", dtype=np.uint64)
    np.testing.assert_array_equal(line["counts"], wanted)
    np.testing.assert_allclose(line["position"], leaf["x"])
    np.testing.assert_array_equal(line["n_pixels"], 5)
    np.testing.assert_array_equal(line["exposure"], 1.0)
    assert line["counts"].dtype == np.uint64
    assert line["counts"].attrs["units"] == "counts"
    assert check(line) == []


def test_against_x_positions_count_from_the_start():
    leaf = two_halves()
    line = profile(leaf, start=[790.0, 300.0], end=[0.0, 300.0], width=30.0)
    np.testing.assert_array_equal(line["counts"], leaf["counts"].sel(y=slice(290, 310)).sum("y")[::-1])
    np.testing.assert_allclose(line["segment_x"], 790.0 - line["position"])
    np.testing.assert_allclose(line["segment_y"], 300.0)


def test_a_line_between_the_rows_keeps_true_positions():
    line = profile(two_halves(), start=[3.0, 300.0], end=[783.0, 300.0], width=30.0)
    np.testing.assert_allclose(line["segment_x"] % 10.0, 0.0, atol=1e-6)
    np.testing.assert_allclose(line["position"], line["segment_x"] - 3.0)


@pytest.mark.parametrize("angle", [0.0, 27.0, 45.0, 90.0, 118.0, -63.0])
def test_counts_are_conserved_exactly(angle):
    leaf = two_halves(angle=angle)
    reach = 240.0 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    ends = {
        "start": [float(400 - reach[0]), float(300 - reach[1])],
        "end": [float(400 + reach[0]), float(300 + reach[1])],
    }
    line = profile(leaf, **ends, width=90.0)
    segment = Segment(tuple(ends["start"]), tuple(ends["end"]), 90.0, float(np.diff(line["position"])[0]))
    ux, uy = segment.direction
    dx, dy = leaf["x"] - segment.start[0], leaf["y"] - segment.start[1]
    along, across = dx * ux + dy * uy, dy * ux - dx * uy
    half = segment.step / 2 + 1e-9
    last = (segment.bins - 1) * segment.step
    inside = (along >= -half) & (along < last + half) & (across >= -45.0 - 1e-9) & (across < 45.0 - 1e-9)
    assert int(line["n_pixels"].sum()) == int(inside.sum())
    np.testing.assert_array_equal(line["counts"].sum("position"), leaf["counts"].where(inside, 0).sum(("y", "x")))


@pytest.mark.parametrize("angle", [0.0, 30.0, 45.0, 71.0])
def test_a_slanting_border_is_found_across(angle):
    away = []
    for seed in range(4):
        leaf = two_halves(angle=angle, at=(403.3, 301.7), seed=seed)
        reach = 240.0 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        start = [403.3 - float(reach[0]), 301.7 - float(reach[1])]
        end = [403.3 + float(reach[0]), 301.7 + float(reach[1])]
        line = profile(leaf, start=start, end=end, width=120.0)
        away.append(border(line, 10.0) - 240.0)
    assert abs(np.mean(away)) < 3.0  # pixels are 10 nm


def test_exposure_keeps_uneven_bins_from_looking_like_contrast():
    leaf = two_halves(rates=(8.0, 8.0))
    line = profile(leaf, start=[150.0, 100.0], end=[600.0, 450.0], width=55.0, step=17.0)
    total = line["counts"].sum("energy")
    assert np.ptp(line["n_pixels"].values) >= 2
    mean = total.sum() / line["exposure"].sum() * line["exposure"]
    spread = ((total - mean) / np.sqrt(mean)).std()
    assert 0.7 < float(spread) < 1.3  # Poisson scatter and nothing else
    assert float(total.std() / np.sqrt(total.mean())) > 3.0


def test_parallel_lines_lie_side_by_side():
    leaf = two_halves()
    line = profile(leaf, start=[0.0, 300.0], end=[790.0, 300.0], width=20.0, lines=4)
    assert line["counts"].dims == ("line", "position", "energy")
    for index, top in enumerate((260, 280, 300, 320)):
        wanted = leaf["counts"].sel(y=slice(top, top + 15)).sum("y")
        np.testing.assert_array_equal(line["counts"][index], wanted)
    whole = profile(leaf, start=[0.0, 300.0], end=[790.0, 300.0], width=80.0)
    np.testing.assert_array_equal(line["counts"].sum("line"), whole["counts"])
    assert check(line) == []


def test_the_edge_of_the_map_leaves_pixels_out_and_says_so():
    leaf = two_halves()
    line = profile(leaf, start=[-5.0, 0.0], end=[795.0, 0.0], width=70.0)
    np.testing.assert_array_equal(line["n_pixels"], 4)
    assert line.sizes["position"] == 80
    np.testing.assert_array_equal(line["counts"], leaf["counts"].sel(y=slice(0, 30)).sum("y"))
    with pytest.raises(DataError, match="outside of the map"):
        profile(leaf, start=[0.0, 300.0], end=[830.0, 300.0], width=30.0)


def test_bins_without_a_pixel_are_refused():
    with pytest.raises(DataError, match="hold no pixel"):
        profile(two_halves(), start=[100.0, 100.0], end=[600.0, 100.0], width=30.0, step=4.0)
    with pytest.raises(DataError, match="less than a pixel"):
        profile(two_halves(), start=[100.0, 100.0], end=[101.0, 100.0], width=30.0)


def test_maps_in_px_take_px_only():
    leaf = two_halves(size=(1.0, 1.0), unit="px", at=(40.0, 30.0))
    line = profile(leaf, start=[0, 30], end=[79, 30], width=5.0, unit="px")
    assert {line[n].attrs["units"] for n in ("position", "segment_x", "segment_y", "segment_width")} == {"px"}
    np.testing.assert_array_equal(line["counts"], leaf["counts"].sel(y=slice(28, 32)).sum("y"))
    with pytest.raises(DataError, match="no length scale"):
        profile(leaf, start=[0, 30], end=[79, 30], width=5.0)
    with pytest.raises(DataError, match="in px"):
        profile(two_halves(), start=[0, 30], end=[79, 30], width=5.0, unit="px")


def test_oblong_pixels_keep_lengths_true():
    leaf = two_halves(size=(10.0, 5.0), angle=40.0, at=(400.0, 150.0))
    line = profile(leaf, start=[247.0, 21.0], end=[553.0, 279.0], width=80.0)
    assert abs(border(line, 8.0) - np.hypot(153.0, 129.0)) < 5.0


def test_numbers_stay_and_live_time_is_that_of_the_pixels_of_a_bin():
    leaf = two_halves()
    line = profile(leaf, start=[0.0, 300.0], end=[790.0, 300.0], width=50.0)
    assert float(line["live_time"]) == pytest.approx(0.2 * 5)
    assert float(line["beam_energy"]) == 5000.0
    assert line.attrs["technique"] == "edxs"


@pytest.mark.parametrize("chunks", [{"y": 60, "x": 80}, {"y": 17, "x": 23}, {"y": 5, "x": 80, "energy": 7}])
def test_lazy_maps_give_the_same_and_compute_nothing(chunks):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed while building")

    leaf = two_halves()
    settings = {"start": [120.0, 80.0], "end": [620.0, 480.0], "width": 60.0, "lines": 2}
    with dask.config.set(scheduler=refuse):
        lazy = profile(leaf.assign(counts=leaf["counts"].chunk(chunks)), **settings)
    xr.testing.assert_identical(lazy.compute(scheduler="sync"), profile(leaf, **settings))


def test_few_tasks_per_chunk_and_none_for_chunks_off_the_line():
    leaf, reads = two_halves((160, 160)), Counter[str]()
    watched = da.from_array(Counted(leaf["counts"].values, reads), chunks=(10, 10, CHANNELS))
    lazy = leaf.assign(counts=leaf["counts"].copy(data=watched))
    line = profile(lazy, start=[0.0, 0.0], end=[1590.0, 1590.0], width=60.0)
    reads.clear()
    tasks = dict(dask.optimize(line["counts"].data)[0].__dask_graph__())
    line.compute(scheduler="sync")
    assert max(reads.values()) == 1
    assert len(reads) <= 16 + 2 * 15  # the diagonal and its neighbours, of 256 chunks
    assert len(tasks) <= 4 * len(reads)


def test_the_size_of_the_field_may_be_given_as_its_end():
    leaf = two_halves()
    line = profile(leaf, start=[0.0, 300.0], end=[800.0, 300.0], width=30.0)  # the last pixel ends at 795 nm
    np.testing.assert_array_equal(line["counts"], leaf["counts"].sel(y=slice(290, 310)).sum("y"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"start": [0.0, 1.0, 2.0]}, r"start = \[0.0, 1.0, 2.0\] is not two finite numbers"),
        ({"end": [np.nan, 300.0]}, "end = "),
        ({"start": ["0.1 um", 300.0]}, "start = "),
        ({"end": "790"}, "end = '790'"),
        ({"start": None}, "start = None"),
        ({"width": "50 nm"}, "width = '50 nm' is no length"),
        ({"width": float("nan")}, "width = nan is no length"),
        ({"width": None}, "width = None"),
        ({"step": -1.0}, "step = -1.0"),
        ({"lines": 1.5}, "lines = 1.5"),
    ],
)
def test_python_callers_are_told_what_is_wrong_with_a_setting(settings, said):
    leaf = two_halves()
    given = {"start": [0.0, 300.0], "end": [790.0, 300.0], "width": 30.0} | settings
    with pytest.raises(DataError, match=said) as told:
        line_profile(leaf, leaf["counts"], **given)
    assert told.value.remedy


def test_python_callers_may_give_tuples_and_arrays():
    leaf = two_halves()
    lists = line_profile(leaf, leaf["counts"], start=[0.0, 300.0], end=[790.0, 300.0], width=30)
    others = line_profile(leaf, leaf["counts"], start=(0, 300), end=np.array([790.0, 300.0]), width=np.float32(30.0))
    xr.testing.assert_identical(lists, others)
