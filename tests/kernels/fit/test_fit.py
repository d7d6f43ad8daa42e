"""The engine against scipy: same optimum, same covariance, honest noise, bounds, guards."""

from __future__ import annotations

import numpy as np
import plain_fit
import pytest
from scipy.optimize import least_squares, minimize

from imgpipe.kernels.fit import CONVERGED, SINGULAR, STOPPED, TOO_FEW, Model, Problem, evaluate, fit, monte_carlo

X = np.linspace(158.0, 172.0, 141)
TRUTH = np.array([160.4, 161.3, 166.9, 1.2, 0.3, 0.02])
START = TRUTH + np.array([0.1, 0.1, 0.1, 0.1, -0.1, 0.01])
AREAS = np.array([1000.0, 2500.0, 800.0, 300.0])


def sulfur(shape: str = "gl_sum", prior: bool = False) -> Model:
    """Return three S 2p doublets with active Shirley background: 10 free parameters."""
    m = Model()
    s = m.segment(X)
    places = (("Li2S", 160.4), ("PS4", 161.4), ("SOx", 166.9))
    positions = [m.parameter(name, at - 1.0, at + 1.0) for name, at in places]
    width = m.parameter("width", 0.5, 2.5, prior=(1.25, 0.05) if prior else None)
    mix, k = m.parameter("mix", 0.0, 1.0), m.parameter("k", 0.0, 0.5)
    for position, (name, _) in zip(positions, places, strict=True):
        column = m.column(name, prior=(900.0, 60.0) if prior and name == "Li2S" else None)
        other = m.linked(f"{name} 1/2", {position: 1.0}, 1.18)
        for place, weight in ((position, 1.0), (other, 0.5)):
            m.term(shape, s, column, [place, width, mix], weight=weight, background=m.shirley(k))
    m.term("constant", s, m.column("base"))
    if prior:
        m.prior({positions[1]: 1.0, positions[0]: -1.0}, 0.95, 0.02)
    return m


def counts(problem: Problem, b: int, seed: int, scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    curve = evaluate(problem, TRUTH, scale * AREAS)[0][0]
    return rng.poisson(np.broadcast_to(curve, (b, curve.size))).astype(float)


def u(result) -> np.ndarray:
    return np.sqrt(np.diagonal(result.covariance, axis1=1, axis2=2))


@pytest.mark.parametrize("shape", ["gl_sum", "voigt"])
def test_gaussian_fit_is_scipys_on_all_parameters(shape):
    model = sulfur(shape, prior=True)
    problem = model.compile()
    curve = evaluate(problem, TRUTH, AREAS)[0][0]
    y = curve + np.sqrt(curve) * np.random.default_rng(1).normal(size=X.size)
    result = fit(problem, y, "gaussian", variance=curve, start=START, tolerance=1e-14)
    spread = u(result)[0]

    def residual(z):
        columns = plain_fit.columns(model, z[:6])
        return np.concatenate([(y - z[6:] @ columns) / np.sqrt(curve), plain_fit.priors(model, z[:6], z[6:])])

    found = np.concatenate([result.q[0], result.amplitude[0]])
    exact = least_squares(residual, found + 0.2 * spread, x_scale=spread, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    assert np.abs((exact.x - found) / spread).max() < 1e-4
    assert 2 * exact.cost == pytest.approx(
        result.statistic[0] + result.prior_statistic[0], rel=1e-7
    )  # Weideman's series
    inverse = np.linalg.inv(exact.jac.T @ exact.jac) / np.outer(spread, spread)
    np.testing.assert_allclose(result.covariance[0] / np.outer(spread, spread), inverse, atol=2e-4)
    assert result.status[0] == CONVERGED


def test_poisson_fit_is_the_least_deviance():
    model = sulfur(prior=True)
    problem = model.compile()
    y = counts(problem, 1, 2, 0.05)
    result = fit(problem, y, start=START, tolerance=1e-12)
    found, spread = np.concatenate([result.q[0], result.amplitude[0]]), u(result)[0]

    def merit(move):
        z = found + move * spread
        columns, priors = plain_fit.columns(model, z[:6]), plain_fit.priors(model, z[:6], z[6:])
        return plain_fit.deviance(y[0], z[6:] @ columns) + np.sum(priors**2)

    here = merit(np.zeros(10))
    assert here == pytest.approx(result.statistic[0] + result.prior_statistic[0], abs=1e-6)
    best = minimize(merit, np.full(10, 0.2), method="BFGS", options={"gtol": 1e-5})
    assert here <= best.fun + 1e-6
    assert np.abs(best.x).max() < 0.02


def test_without_variance_the_covariance_is_scaled_by_the_residuals():
    problem = sulfur().compile()
    curve = evaluate(problem, TRUTH, AREAS)[0][0]
    y = curve + 7.0 * np.random.default_rng(1).normal(size=X.size)
    free = fit(problem, y, "gaussian", start=START)
    known = fit(problem, y, "gaussian", variance=np.full(X.size, 49.0), start=START)
    np.testing.assert_allclose(free.q, known.q, atol=1e-5)
    np.testing.assert_allclose(free.covariance / known.covariance, known.reduced[0], rtol=1e-3)
    assert free.reduced[0] == pytest.approx(49.0 * known.reduced[0], rel=1e-6)


def test_scatter_over_seeds_is_the_covariance():
    problem = sulfur().compile()
    result = fit(problem, counts(problem, 2000, 5), start=START)
    assert (result.status == CONVERGED).all()
    pull = (np.concatenate([result.q, result.amplitude], axis=1) - np.concatenate([TRUTH, AREAS])) / u(result)
    assert np.abs(pull.std(axis=0) - 1.0).max() < 3.0 / np.sqrt(2 * 2000) + 0.03  # and the model is not linear
    assert np.abs(pull.mean(axis=0)).max() < 4.0 / np.sqrt(2000) + 0.05
    assert result.reduced.mean() == pytest.approx(1.0, abs=0.02)
    assert result.abbe.mean() > 1.0
    covered = np.abs(pull) < 1.96
    assert covered.mean() == pytest.approx(0.95, abs=0.01)


def test_priors_and_links_narrow_as_the_information_says():
    plain, tight = sulfur().compile(), sulfur(prior=True).compile()
    y = counts(plain, 1, 3)
    loose, held = fit(plain, y, start=START, tolerance=1e-12), fit(tight, y, start=START, tolerance=1e-12)
    information = np.linalg.inv(loose.covariance[0])
    shift = np.array([-1.0, 1.0, *np.zeros(8)])
    width, area = np.eye(10)[3], np.eye(10)[6]
    for row, sd in ((shift, 0.02), (width, 0.05), (area, 60.0)):
        information += np.outer(row, row) / sd**2
    np.testing.assert_allclose(u(held)[0], np.sqrt(np.diag(np.linalg.inv(information))), rtol=0.05)


def test_few_counts_leave_no_bias_where_weights_of_the_data_do():
    problem = sulfur().compile()
    y = counts(problem, 1500, 11, 1 / 50)
    fixed = {
        "start": TRUTH,
        "low": TRUTH - 1e-9,
        "high": TRUTH + 1e-9,
    }  # areas alone: positions have a bias of their own
    likely = fit(problem, y, **fixed)
    weighted = fit(problem, y, "gaussian", variance=np.maximum(y, 1.0), **fixed)
    bias = likely.amplitude.mean(axis=0) / (AREAS / 50) - 1.0
    assert np.abs(bias).max() < 0.02
    total = weighted.amplitude[:, :3].sum(axis=1).mean() / (AREAS[:3].sum() / 50) - 1.0
    base = weighted.amplitude[:, 3].mean() / (AREAS[3] / 50) - 1.0
    assert base < -0.05
    assert abs(total) > 2 * abs(likely.amplitude[:, :3].sum(axis=1).mean() / (AREAS[:3].sum() / 50) - 1.0)


def test_a_parameter_at_its_bound_is_flagged_and_held():
    problem = sulfur().compile()
    high = np.where(np.arange(6) == 3, 1.1, problem.high)
    result = fit(problem, counts(problem, 3, 1), start=TRUTH - np.array([0, 0, 0, 0.2, 0, 0]), high=high)
    assert result.at_high[:, 3].all()
    assert not result.at_high[:, [0, 1, 2, 4, 5]].any()
    np.testing.assert_array_equal(result.q[:, 3], 1.1)
    np.testing.assert_array_equal(result.covariance[:, 3, :], 0.0)
    held = fit(
        problem, counts(problem, 3, 1), start=TRUTH, low=np.where(high == 1.1, 1.1 - 1e-9, problem.low), high=high
    )
    np.testing.assert_allclose(u(result)[:, [0, 1, 6, 7]], u(held)[:, [0, 1, 6, 7]], rtol=1e-3)


def test_an_absent_component_is_at_zero_and_the_rest_is_known():
    problem = sulfur().compile()
    curve = evaluate(problem, TRUTH, AREAS * np.array([1, 1, 0, 1]))[0]
    y = np.random.default_rng(4).poisson(np.repeat(curve, 200, axis=0)).astype(float)
    result = fit(problem, y, start=START)
    share = result.at_zero[:, 2].mean()
    assert 0.2 < share < 0.7
    assert (result.amplitude[:, 2] >= 0).all()
    at_zero = result.at_zero[:, 2]
    assert np.isfinite(u(result)[at_zero][:, [0, 1, 3, 4, 5, 6, 7, 8, 9]]).all()
    known = result.at_low[:, 2] | result.at_high[:, 2]
    assert np.isnan(result.covariance[at_zero & ~known, 2, 2]).all()
    assert (u(result)[at_zero, 8] > 0).all()


def test_masks_and_missing_points():
    problem = sulfur().compile()
    y = counts(problem, 4, 8)
    mask = np.ones(X.size, bool)
    mask[40:50] = False
    spoiled, missing = y.copy(), y.copy()
    spoiled[:, 40:50] = 1e6
    missing[:, 40:50] = np.nan
    one, other = fit(problem, spoiled, start=START, mask=mask), fit(problem, missing, start=START)
    np.testing.assert_array_equal(one.q, other.q)
    np.testing.assert_array_equal(one.points, X.size - 10)
    full = fit(problem, y, start=START)
    assert np.abs((one.q - full.q) / u(full)[:, :6]).max() < 1.5
    per_spectrum = np.tile(mask, (4, 1))
    per_spectrum[1] = True
    mixed = fit(problem, y, start=START, mask=per_spectrum)
    np.testing.assert_array_equal(mixed.q[1], full.q[1])
    np.testing.assert_array_equal(mixed.q[0], one.q[0])


def test_per_spectrum_starts_bounds_and_prior_means():
    problem = sulfur(prior=True).compile()
    y = counts(problem, 2, 9)
    means = np.array([problem.prior_means, problem.prior_means * [1.2, 1.0, 1.0]])
    result = fit(problem, y, start=np.tile(START, (2, 1)), low=np.tile(problem.low, (2, 1)), prior_mean=means)
    single = fit(problem, y[1], start=START, prior_mean=means[1])
    np.testing.assert_array_equal(result.q[1], single.q[0])
    assert result.q[1, 3] > fit(problem, y[1], start=START).q[0, 3]


def test_warm_start_follows_a_drift_that_a_cold_start_loses():
    problem = sulfur().compile()
    drift = np.linspace(0, 3.0, 60)
    m = Model()
    s = m.segment(X)
    position = m.parameter("position")
    m.term("gaussian", s, m.column("a"), [position, 0.8])
    m.term("constant", s, m.column("b"))
    line = m.compile()
    y = evaluate(line, (161.0 + drift)[:, None], np.tile([500.0, 10.0], (60, 1)))[0]
    warm, cold = (fit(line, y, start=[161.0], warm=w, tolerance=1e-12) for w in (True, False))
    np.testing.assert_allclose(warm.q[:, 0], 161.0 + drift, atol=1e-6)
    assert np.abs(cold.q[:, 0] - 161.0 - drift).max() > 0.5
    assert problem.n_points == X.size


def test_other_starts_save_fits_that_went_astray():
    problem = sulfur().compile()
    y = counts(problem, 20, 6)
    low, high = TRUTH - np.array([3, 3, 3, 0.7, 0.3, 0.02]), TRUTH + np.array([3, 3, 3, 1.3, 0.7, 0.4])
    far = TRUTH + np.array([2.5, 2.9, -2.9, 0.9, 0.3, 0.2])
    settings = {"start": far, "low": low, "high": high}
    once, often = fit(problem, y, **settings), fit(problem, y, **settings, multistart=12)
    best = fit(problem, y, start=TRUTH, low=low, high=high)
    assert (often.statistic <= once.statistic + 1e-6).all()
    found = np.abs(often.statistic - best.statistic) < 0.01
    assert found.mean() > 0.9
    assert found.sum() > (np.abs(once.statistic - best.statistic) < 0.01).sum()


def test_equal_calls_give_equal_numbers_and_leave_the_input_alone():
    problem = sulfur().compile()
    y = counts(problem, 5, 1)
    before = y.copy()
    one, two = (fit(problem, y, start=START, multistart=2) for _ in range(2))
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, getattr(two, name), err_msg=name)
    np.testing.assert_array_equal(y, before)
    alone = fit(problem, y[3], start=START)
    np.testing.assert_array_equal(alone.covariance[0], one.covariance[3])


def test_monte_carlo_scatters_as_the_covariance():
    problem = sulfur(prior=True).compile()
    result = fit(problem, counts(problem, 2, 1), start=START)
    draws = monte_carlo(problem, result, 600, seed=4)
    again = monte_carlo(problem, result, 600, seed=4)
    np.testing.assert_array_equal(draws.q, again.q)
    scatter = np.concatenate([draws.q, draws.amplitude], axis=1).reshape(2, 600, 10).std(axis=1)
    np.testing.assert_allclose(scatter, u(result), rtol=0.15)


@pytest.mark.parametrize("noise", ["poisson", "gaussian"])
def test_spectra_that_cannot_be_fitted_say_so(noise):
    problem = sulfur().compile()
    y = counts(problem, 4, 1)
    y[0], y[1], y[2, 9:] = 0.0, np.nan, np.nan
    result = fit(problem, y, noise, start=START)
    assert result.status.tolist() == [CONVERGED, TOO_FEW, TOO_FEW, CONVERGED]
    assert result.at_zero[0].all()
    assert (result.amplitude[0] == 0).all()
    assert np.isnan(result.q[1:3]).all()
    assert result.points.tolist() == [141, 0, 9, 141]


def test_equal_columns_are_singular():
    m = Model()
    s = m.segment(X)
    for name in "ab":
        m.term("constant", s, m.column(name, nonnegative=False))
    result = fit(m.compile(), np.full((2, X.size), 9.0))
    assert (result.status == SINGULAR).all()
    assert np.isnan(result.covariance).all()


def test_the_iteration_limit_stops():
    problem = sulfur().compile()
    result = fit(
        problem, counts(problem, 2, 1), start=START + np.array([0.1, 0, 0.2, 0.3, 0.2, 0.05]), max_iterations=1
    )
    assert (result.status == STOPPED).all()
    assert np.isfinite(result.statistic).all()


def test_a_model_without_linear_amplitudes():
    m = Model()
    s = m.segment(X)
    height, position = m.parameter("height"), m.parameter("position")
    m.term("gaussian", s, m.column(fixed=1.0), [position, 1.5], weight=height)
    problem = m.compile()
    y = evaluate(problem, [300.0, 165.0], [1.0])[0]
    result = fit(problem, y, "gaussian", start=[100.0, 164.6], tolerance=1e-12)
    np.testing.assert_allclose(result.q[0], [300.0, 165.0], rtol=1e-8)
    assert result.amplitude[0, 0] == 1.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "a start is wanted for Li2S"),
        ({"start": TRUTH[:4]}, r"start has the form \(1, 4\)"),
        ({"start": TRUTH * np.nan}, "not finite"),
        ({"start": TRUTH, "noise": "binomial"}, "not 'binomial'"),
        ({"start": TRUTH, "variance": np.ones(141)}, "its own variance"),
        ({"start": TRUTH, "mask": np.ones(140)}, "mask has the form"),
    ],
)
def test_refusals(given, message):
    problem = sulfur().compile()
    with pytest.raises(ValueError, match=message):
        fit(problem, counts(problem, 2, 1), **given)


def test_counts_below_zero_and_wrong_lengths_are_refused():
    problem = sulfur().compile()
    with pytest.raises(ValueError, match="counts below zero"):
        fit(problem, np.full(X.size, -1.0), start=TRUTH)
    with pytest.raises(ValueError, match=r"want \(spectra, 141\)"):
        fit(problem, np.ones(140), start=TRUTH)
