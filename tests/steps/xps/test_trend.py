"""The onset of Li2S along charge, from fitted spectra of phantoms and of the example data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from fitted_leaves import fitted_leaf

from imgpipe.errors import DataError
from imgpipe.kernels.series_trend import points
from imgpipe.model import quantity
from imgpipe.phantoms.xps import MATCHED_SERIES, make
from imgpipe.readers import read
from imgpipe.steps.xps.fit import fit_components
from imgpipe.steps.xps.trend import per, trend
from imgpipe.units import spelling

EXAMPLES = Path(__file__).parents[3] / "example_data" / "xps"
QUICK: dict[str, Any] = {
    "model": "argyrodite", "leave_out": ["Cu-S", "polysulfide"], "curves": "none", "alternatives": False,
    "sensitivity": False, "constants_exact": True,
}  # fmt: skip


def along_charge(tree: xr.DataTree, background: str, **settings: Any) -> xr.Dataset:
    fitted = fit_components(tree, background=background, **QUICK)
    return trend(fitted, along="charge", **settings)["S 2p"].to_dataset()


def leaf(shares: np.ndarray, u: np.ndarray, x: np.ndarray, unit: str = "s") -> xr.DataTree:
    one = fitted_leaf("S 2p", {"a": shares, "b": 100.0 - shares}, u_percent={"a": u, "b": u})
    one = one.assign_coords(etch_time=quantity(x, unit, "etch time", "cycle"))
    return xr.DataTree.from_dict({"/S 2p": one})


def test_growth_of_li2s_begins_in_the_example_data_where_it_was_made_to():
    found = along_charge(read(EXAMPLES / "series_S2p.vms"), "shirley_linear").sel(trend="S2-")
    assert found["onset_low"] <= 0.6 <= found["onset_high"]
    assert found["onset_high"] - found["onset_low"] < 0.1
    assert found["onset"].attrs["units"] == "mAh/cm**2"
    assert found["slope"].attrs["units"] == "percent/(mAh/cm**2)"
    assert found["probability_rising"] > 0.999
    assert found["onset_gain"] > 10
    assert found["n"] == 200


def test_what_does_not_change_has_no_onset():
    found = along_charge(read(EXAMPLES / "series_S2p.vms"), "shirley_linear").sel(trend="SOx")
    assert np.isnan(found["onset"])
    assert "no onset" in found["trend_flag"].item()
    assert found["slope_low"] < 0 < found["slope_high"]


@pytest.mark.parametrize(
    ("matched", "seeds"),
    [(True, 4), pytest.param(True, 200, marks=pytest.mark.truth), pytest.param(False, 200, marks=pytest.mark.truth)],
)
def test_intervals_of_onset_and_slope_cover(matched, seeds):
    """Counts are drawn; losses are those of the fit (`matched`) or what the phantom usually has."""
    settings = MATCHED_SERIES if matched else {}
    hits: list[tuple[bool, bool]] = []
    for seed in range(seeds):
        tree, truth = make(seed, preset="series", **settings)
        found = along_charge(tree, "shirley" if matched else "shirley_linear").sel(trend="S2-", component="S2-")
        hits.append((bool(found["onset_low"] <= 0.6 <= found["onset_high"]), _slope_covered(found, truth)))
    share = np.mean(hits, axis=0)
    assert abs(share[0] - 0.95) <= 3.0 * np.sqrt(0.95 * 0.05 / seeds), share
    assert share[1] >= 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / seeds), share


def _slope_covered(found: xr.Dataset, truth: xr.Dataset) -> bool:
    """Compare with the weighted line through the true course."""
    true = truth["area_percent"].sel(component="S2-", region="S 2p").values
    series = points(found["charge"].values, true, found["u_area_percent_random"].values)
    wanted = np.polyfit(series.x, series.y, 1, w=1.0 / series.u)[0]
    return bool(found["slope_low"] <= wanted <= found["slope_high"])


def test_a_straight_course_gives_its_slope_and_no_onset():
    x = np.linspace(0.0, 300.0, 40)
    y = 20.0 + 0.1 * x + np.random.default_rng(0).standard_normal(40)
    found = trend(leaf(y, np.ones(40), x), along="etch_time")["S 2p"].to_dataset()
    assert found["slope"].attrs["units"] == "percent/s"
    assert found["slope"].sel(trend="a") == pytest.approx(0.1, abs=3 * 0.0018)
    np.testing.assert_allclose(found["slope"].sum(), 0.0, atol=1e-9)
    assert list(found["probability_rising"].values.round(6)) == [1.0, 0.0]
    assert "no onset: straight line" in found["trend_flag"].values[0]
    assert list(found["trend_of"].values) == ["area_percent along etch_time"] * 2


def test_a_shared_part_is_carried_by_itself():
    x = np.linspace(0.0, 300.0, 40)
    y = 20.0 + 0.1 * x + np.random.default_rng(1).standard_normal(40)
    given = leaf(y, np.ones(40), x)["S 2p"].to_dataset()
    random = quantity(np.full((40, 2), 0.9), "percent", "random", ("cycle", "component"))
    tree = xr.DataTree.from_dict({"/S 2p": given.assign(u_area_percent_random=random)})
    found = trend(tree, along="etch_time", look_for_onset=False)["S 2p"].to_dataset().sel(trend="a")
    assert found["u_slope_shared"] == pytest.approx(0.1 * np.sqrt(1.0 - 0.81) / y.mean(), rel=0.05)
    assert found["u_slope"] == pytest.approx(np.hypot(found["u_slope_random"], found["u_slope_shared"]))
    assert np.isnan(found["onset"])


def test_further_dimensions_stay():
    x = np.linspace(0.0, 1.0, 12)
    one = leaf(20.0 + 5.0 * x, np.ones(12), x)["S 2p"].to_dataset()
    both = xr.concat([one, one], "sample", data_vars="all").assign_coords(sample=["p", "q"])
    tree = xr.DataTree.from_dict({"/S 2p": both.assign_attrs(one.attrs)})
    found = trend(tree, along="etch_time", look_for_onset=False)["S 2p"].to_dataset()
    assert found["slope"].dims == ("sample", "trend")
    np.testing.assert_allclose(found["slope"].sel(trend="a"), 5.0)


def test_few_points_and_missing_ones_say_so():
    x = np.array([0.0, 1.0, 2.0, 3.0])
    found = trend(leaf(np.array([1.0, np.nan, 3.0, np.nan]), np.ones(4), x), along="etch_time")["S 2p"].to_dataset()
    assert found["n"].values.tolist() == [2.0, 2.0]
    assert np.isnan(found["slope"]).all()
    assert set(found["trend_flag"].values) == {"fewer than three points along the series"}
    four = trend(leaf(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4), x), along="etch_time")["S 2p"].to_dataset()
    np.testing.assert_allclose(four["slope"], [1.0, -1.0])
    assert set(four["trend_flag"].values) == {"too few points for an onset"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"along": "charg"}, "no leaf with area_percent has a coordinate 'charg'"),
        ({"along": "etch_time", "variable": "area_percents"}, "no leaf has 'area_percents'.*area_percent"),
        ({"along": "component"}, "no numeric coordinate"),
        ({"along": "etch_time", "variable": "line"}, "dimensions component, not cycle"),
    ],
)
def test_what_can_not_be_followed_says_so(settings, said):
    x = np.linspace(0.0, 1.0, 12)
    with pytest.raises(DataError, match=said):
        trend(leaf(20.0 + 5.0 * x, np.ones(12), x), **settings)


def test_a_second_trend_is_refused():
    x = np.linspace(0.0, 1.0, 12)
    once = trend(leaf(20.0 + 5.0 * x, np.ones(12), x), along="etch_time")
    with pytest.raises(DataError, match="has a slope already"):
        trend(once, along="etch_time")


@pytest.mark.parametrize("unit", ["percent", "eV", "counts*eV", "1"])
@pytest.mark.parametrize("abscissa", ["mAh/cm**2", "s", "1", "nm", "degC"])
def test_units_of_slopes_are_units(unit, abscissa):
    assert spelling(per(unit, abscissa))
