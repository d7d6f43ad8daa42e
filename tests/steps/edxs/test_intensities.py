"""Line intensities against spectra made photon by photon: bias, coverage, limits, flags, chunks."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr
from dask.callbacks import Callback
from photon_spectra import leaf, spectra

from imgpipe.binding import Call, apply
from imgpipe.errors import DataError
from imgpipe.model import check
from imgpipe.steps.edxs.element_rows import lithium_declared
from imgpipe.steps.edxs.intensities import line_intensities

GROUPS = (("Mg", "W", "Ga"), ("S", "Mo"), ("P", "Pt", "Zr"))


def measure(data: xr.Dataset, **settings) -> xr.Dataset:
    tree = xr.DataTree.from_dict({"/line": data})
    return apply(Call(line_intensities, line_intensities.settings(**settings)), tree)["line"].to_dataset()


def pulls(rng, group, expected, n):
    """Return estimate less truth, and u, of n spectra, (elements, n)."""
    found = measure(leaf(spectra(rng, n, dict.fromkeys(group, expected))), elements=list(group))
    chosen = found.sel(element=list(group))
    return chosen["intensity"].values - expected, chosen["u_intensity"].values


def binomial(share: float, n: int) -> float:
    """Return three standard deviations of a share among n."""
    return 3.0 * float(np.sqrt(share * (1.0 - share) / n))


@pytest.mark.parametrize("group", GROUPS)
def test_lines_that_overlap_are_measured_without_bias(rng, group):
    off, u = pulls(rng, group, 200.0, 400)
    standard_error = off.std(axis=1) / np.sqrt(400)
    assert np.all(np.abs(off.mean(axis=1)) < 4.0 * standard_error + 0.005 * 200.0)
    inside = (np.abs(off) < 1.96 * u).mean(axis=1)
    assert np.all(np.abs(inside - 0.95) < binomial(0.95, 400) + 0.01)


@pytest.mark.truth
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("expected", [10.0, 30.0, 100.0, 300.0, 1000.0])
def test_bias_and_coverage_over_many_spectra(rng, group, expected):
    """Coverage where areas are clear of 0; nearer, where "not negative" cuts in, intervals may only cover more.

    20 scans, each with its own calibration and ratios, whose error its spectra have in common.
    """
    scans, n = 20, 5000
    each = [pulls(rng, group, expected, n // scans) for _ in range(scans)]
    off, u = (np.concatenate(one, axis=1) for one in zip(*each, strict=True))
    for one, own in zip(off, u, strict=True):
        error = one.reshape(scans, -1).mean(axis=1).std(ddof=1) / np.sqrt(scans)
        for k, share in ((1.0, 0.683), (1.96, 0.95)):
            inside = float((np.abs(one) < k * own).mean())
            assert inside > share - binomial(share, n) - 0.01
            if expected > 3.0 * own.mean():
                assert inside < share + binomial(share, n) + 0.02
                assert 2 * 1.96 * own.mean() <= 1.25 * 3.92 * one.std()
        if expected > 3.0 * own.mean():
            assert abs(one.mean()) < 4.0 * error + 0.005 * expected


@pytest.mark.truth
@pytest.mark.parametrize("group", GROUPS)
def test_totals_cover_with_a_calibration_of_their_own(rng, group):
    n, expected = 120, 1000.0
    one = spectra(rng, n, dict.fromkeys(group, expected), background=5000.0)
    found = [measure(leaf(y), elements=list(group)).sel(element=list(group)) for y in one]
    z = np.array([(f["total_intensity"].values - expected) / f["u_total_intensity"].values for f in found])
    assert np.all((np.abs(z) < 1.96).mean(axis=0) > 0.95 - binomial(0.95, n) - 0.01)
    assert np.all(z.std(axis=0) < 1.25)


def test_what_is_absent_is_not_detected_and_never_negative(rng):
    found = measure(leaf(spectra(rng, 200, {"Mg": 100.0})), elements=["Mg", "W", "S"])
    assert float(found["intensity"].min()) >= 0.0
    assert "not detected" in str(found["element_flag"].sel(element="W").values)
    assert "not detected" not in str(found["element_flag"].sel(element="Mg").values)
    total, level = found["total_intensity"], found["critical_level"]
    assert float(total.sel(element="Mg")) > 10.0 * float(level.sel(element="Mg"))
    assert np.all(found["detection_limit"] > level)


def test_absent_lines_pass_the_critical_level_as_often_as_promised(rng):
    one = spectra(rng, 20, {"Mg": 500.0}, background=5000.0)
    found = [measure(leaf(y), elements=["Mg", "S", "Cl"]).sel(element=["S", "Cl"]) for y in one]
    passed = np.mean([(f["total_intensity"] > f["critical_level"]).values for f in found])
    assert passed <= 0.05 + binomial(0.05, 40)


def test_names_units_and_curves(rng):
    data = leaf(spectra(rng, 5, {"Mg": 3000.0, "W": 1000.0, "O": 300.0}), "Mg W")
    found = measure(data)
    assert check(found) == []
    assert list(found["element"].values) == ["Mg", "W", "C", "O", "Ga"]
    assert found["intensity"].dims == ("element", "position")
    assert str(found["xray_line"].sel(element="W").values) == "W Ma"
    np.testing.assert_array_equal(found["sum_counts"], data["counts"].sum("position"))
    assert float(abs(found["sum_residual"]).max()) < 6.0 * float(np.sqrt(found["sum_counts"].max()))
    assert float(found["total_intensity"].sel(element="Mg")) == pytest.approx(15_000, rel=0.05)
    low, high = found["window_low"].sel(element="Mg"), found["window_high"].sel(element="Mg")
    inside = data["counts"].sel(energy=slice(float(low) + 5, float(high) - 5)).sum("energy")
    assert np.abs(found["gross"].sel(element="Mg") - inside).max() < 0.1 * inside.max()
    np.testing.assert_array_equal(found["gross"], np.rint(found["gross"]))


def test_a_second_line_of_an_element_has_a_row_of_its_own(rng):
    data = leaf(spectra(rng, 2, {"Mg": 500.0}), beam_energy=20_000.0)
    found = measure(data, elements=["Mg", "Cu La", "Cu Ka"], always=[])
    assert list(found["element"].values) == ["Mg", "Cu", "Cu Ka"]
    assert list(found["xray_line"].values) == ["Mg Ka", "Cu La", "Cu Ka"]


def test_windows_of_magnesium_are_switched_off_beside_tungsten_and_gallium(rng):
    both = measure(
        leaf(spectra(rng, 3, {"Mg": 3000.0, "W": 9000.0, "Ga": 900.0})), elements=["Mg", "W"], method="window"
    )
    mg = both.sel(element="Mg")
    assert "Ga La" in str(mg["window_valid"].values)
    assert "W Mz" in str(mg["window_valid"].values)
    assert "window invalid" in str(mg["element_flag"].values)
    assert np.isnan(mg["intensity"]).all()
    assert np.isfinite(mg["gross"]).all()
    alone = measure(leaf(spectra(rng, 3, {"Mg": 3000.0})), elements=["Mg", "W"], method="window").sel(element="Mg")
    assert str(alone["window_valid"].values) == "valid"
    np.testing.assert_allclose(alone["intensity"], 3000.0, rtol=0.1)


def test_overlaps_are_listed_with_a_remedy(rng):
    found = measure(leaf(spectra(rng, 3, {"S": 300.0, "Mo": 300.0})), elements=["S", "Mo", "Mg", "Cl"])
    names = set(found["overlap"].values)
    assert {"S Ka|Mo La", "Mo La|S Ka", "S Ka|2 x Mg Ka", "Cl Ka|2 x Mg Ka"} <= names
    assert all(str(text) for text in found["remedy"].values)
    assert "Mo La" in str(found["element_flag"].sel(element="S").values)
    assert float(found["largest_correlation"].sel(element="S")) < -0.5


def test_lines_that_the_beam_can_not_excite(rng):
    data = leaf(spectra(rng, 3, {"Mg": 300.0, "W": 100.0}, beam_energy=2000.0), beam_energy=2000.0)
    found = measure(data, elements=["Mg", "W", "S", "Li"])
    flags = dict(zip(found["element"].values, found["element_flag"].values, strict=True))
    assert "overvoltage 1.11" in flags["W"]
    assert "no line is excited at 2 keV" in flags["S"]
    assert "no X-ray line" in flags["Li"]
    assert np.isnan(found["intensity"].sel(element=["S", "Li"])).all()
    assert np.isfinite(found["intensity"].sel(element="W")).all()


def test_without_a_beam_energy_nobody_knows_what_is_excited(rng):
    data = leaf(spectra(rng, 2, {"Mg": 100.0}), "Mg", beam_energy=None)
    with pytest.raises(DataError, match="beam energy is unknown") as raised:
        measure(data)
    assert "accelerating_energy" in str(raised.value.remedy)
    found = measure(data, accelerating_energy="5 keV")
    assert "intensity" in found
    assert float(found["beam_energy"]) == 5000.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d.assign(counts=d["counts"].astype(float).where(d["energy"] < 3000.0)), "missing or negative"),
        (lambda d: d.assign(counts=d["counts"].astype(float) - 1.0), "missing or negative"),
        (lambda d: d.assign(counts=d["counts"] * 0), "no counts"),
        (lambda d: d.assign_coords(energy=d["energy"].copy(data=d["energy"].values / 1000.0)), "keV"),
        (lambda d: d.isel(energy=slice(None, None, -1)), "does not rise"),
        (lambda d: d.isel(energy=slice(0, 12)), "fewer than 20"),
    ],
)
def test_bad_input_is_refused(rng, change, told):
    data = change(leaf(spectra(rng, 2, {"Mg": 100.0})))
    data["counts"].attrs["units"] = "counts"
    with pytest.raises(DataError, match=told):
        measure(data, elements=["Mg"])


def test_unknown_names_are_refused(rng):
    data = leaf(spectra(rng, 2, {"Mg": 100.0}))
    for settings in ({"elements": ["Mgg"]}, {"elements": ["Mg La"]}, {"elements": ["Mg"], "lines": {"W": "Ma"}}):
        with pytest.raises(DataError):
            measure(data, **settings)
    with pytest.raises(DataError, match="name elements"):
        measure(data, always=[])


def test_methods_and_backgrounds_that_do_not_fit():
    for settings in ({"background": "windows"}, {"method": "window", "background": "bremsstrahlung"}):
        with pytest.raises(DataError, match="takes its background"):
            line_intensities.check(line_intensities.settings(**settings))


def test_counts_that_are_not_whole_are_said_to_be_gaussian(rng):
    y = spectra(rng, 300, {"Mg": 100.0}).astype(float)
    found = measure(leaf(y * 0.37), elements=["Mg"]).sel(element="Mg")
    assert "not whole numbers" in found.attrs["flags"]
    spread = float(found["intensity"].std())
    assert float(found["u_intensity"].mean()) == pytest.approx(spread, rel=0.25)


def test_lithium_is_an_attribute_of_the_leaf_and_no_flag(rng):
    data = leaf(spectra(rng, 2, {"Mg": 100.0}))
    found = measure(data, elements=["Mg"], lithium=True)
    assert found.attrs["lithium"] == "declared"
    assert "ithium" not in found.attrs["flags"]
    assert lithium_declared(found, False)
    without = measure(data, elements=["Mg"])
    assert "lithium" not in without.attrs
    assert not lithium_declared(without, False)


def test_a_peak_that_no_element_explains_is_told(rng):
    found = measure(leaf(spectra(rng, 5, {"Mg": 500.0, "S": 2000.0})), elements=["Mg"])
    assert "unexplained peak at 2.3" in found.attrs["flags"]
    assert "S Ka" in found.attrs["flags"]


@pytest.mark.parametrize("method", ["model", "window"])
def test_any_chunks_give_the_same(rng, method):
    y = spectra(rng, 36, {"Mg": 50.0, "W": 30.0}).reshape(6, 6, -1)
    data = leaf(y, "Mg W")
    whole = measure(data, method=method)
    for chunks in ({"y": 2, "x": 3}, {"y": 6, "x": 1}, {"energy": 100}):
        found = measure(data.chunk(chunks), method=method)
        xr.testing.assert_allclose(found.compute(), whole, rtol=1e-6)


def test_a_map_is_read_twice_in_one_task_a_chunk_each(rng, tmp_path):
    y = spectra(rng, 64, {"Mg": 50.0}).reshape(8, 8, -1)
    leaf(y)[["counts"]].to_zarr(
        tmp_path / "map.zarr", consolidated=False, encoding={"counts": {"chunks": (2, 2, 1024)}}
    )
    counts = xr.open_zarr(tmp_path / "map.zarr", consolidated=False)["counts"]
    tasks = []

    class Counting(Callback):
        def _posttask(self, key, result, dsk, state, worker_id):
            tasks.append(key)

    with Counting(), dask.config.set(scheduler="sync"):
        line_intensities(counts, None, leaf(y)["beam_energy"], None, elements=["Mg"])
    assert len(tasks) <= 3 * 16
    assert len(tasks) <= 2 * 16 + 2


def test_the_input_stays_as_it_is(rng):
    data = leaf(spectra(rng, 3, {"Mg": 50.0}), "Mg")
    before = data.copy(deep=True)
    again = measure(measure(data), elements=["Mg", "W"])
    xr.testing.assert_identical(data, before)
    assert list(again["element"].values) == ["Mg", "W", "C", "O", "Ga"]
