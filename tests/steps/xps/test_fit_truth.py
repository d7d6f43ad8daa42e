"""What the intervals of shares promise, over many spectra with a known truth: bias, efficiency, coverage.

Matched spectra are drawn in `s2p_spectra`; mismatched ones (losses by explicit convolution, sloping floor, chemical
shift and widths drawn from their u) are those of `imgpipe.phantoms.xps`. Bands are three binomial standard deviations.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
import xarray as xr
from s2p_spectra import area_of, cycles, doublet, expected, leaf, tree

from imgpipe.phantoms.xps import draw_systematics, make_batch
from imgpipe.steps.xps import fit_components

EXACT = {"background": "shirley", "alternatives": False, "sensitivity": False, "constants_exact": True}
FEW, MANY = 300, 5000
SPECIES = ["Li2S", "Li6PS5Cl", "SOx"]
CASES = {"14 %, 1.0 eV": (14.0, 1.0, 10_000.0), "43 %, 1.0 eV": (43.0, 1.0, 10_000.0),
         "14 %, 1.3 eV": (14.0, 1.3, 5_000.0), "43 %, 1.3 eV": (43.0, 1.3, 5_000.0)}  # fmt: skip


def shares_of(li2s: float) -> dict[str, float]:
    return {"Li2S": li2s, "Li6PS5Cl": 95.0 - li2s, "SOx": 5.0}


@functools.cache
def matched(li2s: float, fwhm: float, peak: float, count: int, **settings: object) -> tuple[xr.Dataset, np.ndarray]:
    """Return fits of `count` spectra (seeds 0 ...) and their true shares."""
    curve = expected(shares_of(li2s), area=area_of(peak, fwhm), fwhm=fwhm)
    rows = np.stack([np.random.default_rng(seed).poisson(curve) for seed in range(count)])
    given = tree(S_2p=leaf(rows, ("cycle", "energy"), cycle=cycles(count)))
    chosen = {**EXACT, **settings}
    found = fit_components(given, model="published_s2p", curves="none", **chosen)["S 2p"].to_dataset()
    return found.sel(component=SPECIES), np.array(list(shares_of(li2s).values()))


def coverage(found: xr.Dataset, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the coverage of one standard uncertainty, and of the 95 % interval, per component."""
    within = np.abs(found["area_percent"] - truth) <= found["u_area_percent"]
    inside = (found["area_percent_low"] <= truth) & (found["area_percent_high"] >= truth)
    return within.values.mean(axis=0), inside.values.mean(axis=0)


def assert_promises(found: xr.Dataset, truth: np.ndarray, count: int) -> None:
    assert np.abs(found["area_percent"].values.mean(axis=0) - truth).max() < 0.5
    one, two = coverage(found, truth)
    print("coverage", one, two)
    for share, nominal in ((one, 0.6827), (two, 0.95)):
        band = 3.0 * np.sqrt(nominal * (1.0 - nominal) / count)
        assert (np.abs(share - nominal) <= band).all(), (share, nominal, band)


@pytest.mark.parametrize("case", CASES)
def test_matched_shares_are_unbiased_and_covered_few(case):
    assert_promises(*matched(*CASES[case], FEW), FEW)


@pytest.mark.truth
@pytest.mark.parametrize("case", CASES)
def test_matched_shares_are_unbiased_and_covered(case):
    found, truth = matched(*CASES[case], MANY)
    assert_promises(found, truth, MANY)
    one, two = coverage(found, truth)
    assert ((one >= 0.66) & (one <= 0.70)).all(), one
    assert ((two >= 0.94) & (two <= 0.96)).all(), two


def cramer_rao(li2s: float, fwhm: float, peak: float) -> float:
    """Return the smallest sd of an unbiased share of Li2S, points: areas, position, width and background free."""
    total = area_of(peak, fwhm)
    start = np.array([*(total * s / 100.0 for s in shares_of(li2s).values()), 0.0, fwhm, 0.02, 0.0])
    energy = leaf(np.zeros(141))["energy"].values
    floor = total * expected(shares_of(li2s), area=1.0, fwhm=fwhm, step=0.0)[0]

    def curve(p: np.ndarray) -> np.ndarray:
        at = np.array([160.4, 161.2, 166.9]) + p[3]
        peaks = sum(a * doublet(energy, x, p[4], 0.2) for a, x in zip(p[:3], at, strict=True))
        running = np.concatenate([[0.0], np.cumsum(0.5 * (peaks[1:] + peaks[:-1]) * np.diff(energy))])
        return np.asarray(peaks + p[5] * running + floor + p[6])

    steps = np.array([1.0, 1.0, 1.0, 1e-5, 1e-5, 1e-6, 1e-2])
    slope = np.array(
        [(curve(start + d) - curve(start - d)) / (2 * s) for d, s in zip(np.diag(steps), steps, strict=True)]
    )
    covariance = np.linalg.inv(slope / curve(start) @ slope.T)
    share = 100.0 / start[:3].sum() * (np.array([1.0, 0.0, 0.0]) - li2s / 100.0)
    return float(np.sqrt(share @ covariance[:3, :3] @ share))


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.truth)])
@pytest.mark.parametrize("li2s", [14.0, 43.0])
def test_the_share_is_as_sharp_as_the_data_allow(li2s, count):
    found, truth = matched(li2s, 1.0, 10_000.0, count)
    rms = float(np.sqrt(((found["area_percent"].values[:, 0] - truth[0]) ** 2).mean()))
    bound = cramer_rao(li2s, 1.0, 10_000.0)
    print("rms", rms, "bound", bound)
    assert rms <= 1.2
    assert rms <= bound * (1.1 + 3.0 / np.sqrt(2 * count))


@pytest.mark.parametrize("li2s", [14.0, 43.0])
def test_broad_lines_with_widths_and_shift_of_their_own_get_a_wide_interval(li2s):
    found, truth = matched(
        li2s, 1.3, 5_000.0, FEW, width_ratio_prior="free", chemical_shift_prior=0.3, alternatives=True
    )
    half = 1.96 * found["u_area_percent"].sel(component="Li2S")
    print("half-width", float(half.median()))
    assert float(half.median()) >= 10.0
    assert coverage(found, truth)[1][0] >= 0.9


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.truth)])
def test_few_counts_do_not_bias_the_areas(count):
    found, truth = matched(14.0, 1.0, 200.0, count)
    area = found["area"].values / (area_of(200.0, 1.0) * truth / 100.0)
    u = area.std(axis=0) / np.sqrt(count)
    print("bias", area.mean(axis=0) - 1.0, "u", u)
    total = found["area"].values.sum(axis=1) / area_of(200.0, 1.0)
    assert abs(total.mean() - 1.0) < 0.02
    assert (np.abs(np.median(area, axis=0) - 1.0) < 0.02 + 4.0 * u).all()


def mismatched(count: int, li2s: float, **settings: object) -> tuple[xr.Dataset, np.ndarray]:
    """Return fits of spectra whose background, shifts and widths are drawn, and the true shares (b, c)."""
    one, truth = make_batch(range(count), li2s_percent=li2s, **draw_systematics(range(count)))
    given = xr.DataTree.from_dict({"/S 2p": one})
    found = fit_components(given, model="published_s2p", sensitivity=False, curves="none", **settings)["S 2p"]
    percent = truth["area_percent"].transpose(..., "component").sel(component=SPECIES)
    return found.to_dataset().sel(component=SPECIES), percent.values


MODELS = {
    "as published": {},
    "without a slope": {"background": "shirley"},
    "priors for constants": {"chemical_shift_prior": 0.1, "width_ratio_prior": 0.1},
}


@pytest.mark.parametrize("count", [120, pytest.param(1000, marks=[pytest.mark.truth, pytest.mark.timeout(900)])])
@pytest.mark.parametrize("li2s", [14.0, 43.0])
@pytest.mark.parametrize("model", MODELS)
def test_the_interval_covers_where_background_shift_and_width_are_drawn(model, li2s, count):
    found, truth = mismatched(count, li2s, **MODELS[model])
    one, two = coverage(found, truth)
    error = found["area_percent"].values - truth
    width = found["u_area_percent"].values.mean(axis=0) / np.sqrt((error**2).mean(axis=0))
    print(model, li2s, "coverage", one, two, "u over rms", width)
    assert (two >= 0.90 - 3.0 * np.sqrt(0.09 / count) * (count < 1000)).all(), two
    assert (found["u_model"].mean("cycle") > 0).all()


def test_the_spread_over_models_is_what_makes_it_cover():
    with_spread, truth = mismatched(120, 14.0, chemical_shift_prior=0.1, width_ratio_prior=0.1)
    without, _ = mismatched(120, 14.0, chemical_shift_prior=0.1, width_ratio_prior=0.1, alternatives=False)
    assert coverage(with_spread, truth)[1][0] >= coverage(without, truth)[1][0]
    assert (with_spread["u_area_percent"] >= without["u_area_percent"] - 1e-9).all()
