"""What people fit XPS spectra with today: lmfit and scipy, one spectrum after the other.

Each function fits all spectra (spectrum, point) from the same start and returns parameters (spectrum, 10) in the order
of `benchmarks.xps_models` and the chi square (spectrum,) of the fit it has made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, leastsq

from benchmarks.xps_models import (
    HIGH,
    LOW,
    NAMES,
    SECOND,
    SPLITTING,
    START,
    Lineshape,
    curve,
    curve_and_jacobian,
    running,
    weights_variance,
)

Floats = NDArray[np.float64]
Fits = tuple[Floats, Floats]


def lmfit_by_hand(x: Floats, counts: Floats, lineshape: Lineshape) -> Fits:
    """Fit one hand-written lmfit Model with bounds: the good script."""
    from lmfit import Model

    names = NAMES[lineshape]

    def spectrum(x, a, b, c, d, e, f, g, h, i, j):  # type: ignore[no-untyped-def]
        return curve(x, np.array([a, b, c, d, e, f, g, h, i, j]), lineshape)

    model = Model(spectrum)
    start = model.make_params()
    for letter, name in zip("abcdefghij", names, strict=True):
        place = names.index(name)
        start[letter].set(value=START[lineshape][place], min=LOW[lineshape][place], max=HIGH[lineshape][place])
    found, chi = np.zeros((len(counts), 10)), np.zeros(len(counts))
    for number, y in enumerate(counts):
        result = model.fit(y, start, x=x, weights=1.0 / np.sqrt(weights_variance(y)))
        found[number] = [result.params[letter].value for letter in "abcdefghij"]
        chi[number] = result.chisqr
    return found, chi


def lmfit_usual(x: Floats, counts: Floats, lineshape: Lineshape) -> Fits:
    """Subtract a static Shirley background, then fit six built-in models joined by expressions: the usual script."""
    composite, start = _built_in(lineshape)
    found, chi = np.zeros((len(counts), 10)), np.zeros(len(counts))
    for number, y in enumerate(counts):
        background = static_shirley(x, y)
        result = composite.fit(y - background, start, x=x, weights=1.0 / np.sqrt(weights_variance(y)))
        values = result.best_values
        positions = [values[f"d{j}_center"] for j in range(3)]
        areas = [values[f"d{j}_amplitude"] * (1.0 + SECOND) for j in range(3)]
        found[number] = [*positions, *_widths(values, lineshape), *areas, np.nan, np.nan]
        chi[number] = result.chisqr
    return found, chi


def _built_in(lineshape: Lineshape) -> tuple[Any, Any]:
    """Return the composite model and its parameters."""
    from lmfit.models import PseudoVoigtModel, VoigtModel

    start = START[lineshape]
    kind, wide = (PseudoVoigtModel, "fraction") if lineshape == "gl" else (VoigtModel, "gamma")
    parts = [kind(prefix=f"{part}{j}_") for j in range(3) for part in "de"]
    composite = parts[0]
    for part in parts[1:]:
        composite = composite + part
    parameters = composite.make_params()
    sigma, other = (start[3] / 2, start[4]) if lineshape == "gl" else (start[3] / 2.3548, start[4] / 2)
    for j in range(3):
        parameters[f"d{j}_center"].set(value=start[j], min=LOW[lineshape][j], max=HIGH[lineshape][j])
        parameters[f"d{j}_amplitude"].set(value=start[5 + j] / (1.0 + SECOND), min=0.0)
        parameters[f"e{j}_center"].set(expr=f"d{j}_center + {SPLITTING}")
        parameters[f"e{j}_amplitude"].set(expr=f"{SECOND} * d{j}_amplitude")
        for part in "de":
            first = (part, j) == ("d", 0)
            for name, value in (("sigma", sigma), (wide, other)):
                if first:
                    parameters[f"d0_{name}"].set(value=value, min=0.0, vary=True, expr="")
                else:
                    parameters[f"{part}{j}_{name}"].set(expr=f"d0_{name}")
    parameters["d0_sigma"].set(min=0.1)
    if lineshape == "gl":
        parameters["d0_fraction"].set(max=1.0)
    return composite, parameters


def _widths(values: dict[str, float], lineshape: Lineshape) -> tuple[float, float]:
    if lineshape == "gl":
        return 2.0 * values["d0_sigma"], values["d0_fraction"]
    return 2.3548 * values["d0_sigma"], 2.0 * values["d0_gamma"]


def static_shirley(x: Floats, y: Floats, rounds: int = 20) -> Floats:
    """Return the static Shirley background between the means of the first and last five points."""
    low, high = y[:5].mean(), y[-5:].mean()
    background = np.full_like(y, low)
    for _ in range(rounds):
        part = running(y - background, x[1] - x[0])
        background = low + (high - low) * part / part[-1]
    return background


def scipy_trf(x: Floats, counts: Floats, lineshape: Lineshape) -> Fits:
    """Fit with scipy.optimize.least_squares, trust region with bounds, two-point Jacobian."""
    start, bounds = np.array(START[lineshape]), (np.array(LOW[lineshape]), np.array(HIGH[lineshape]))
    found, chi = np.zeros((len(counts), 10)), np.zeros(len(counts))
    for number, y in enumerate(counts):
        w = 1.0 / np.sqrt(weights_variance(y))

        def residual(p: Floats, y: Floats = y, w: Floats = w) -> Floats:
            return (curve(x, p, lineshape) - y) * w

        result = least_squares(residual, start, bounds=bounds, x_scale=np.maximum(np.abs(start), 1e-2))
        found[number], chi[number] = result.x, 2.0 * result.cost
    return found, chi


def scipy_leastsq_analytic(x: Floats, counts: Floats, lineshape: Lineshape) -> Fits:
    """Fit with scipy.optimize.leastsq (MINPACK) and a hand-derived Jacobian, without bounds, with covariance."""
    start = np.array(START[lineshape])
    found, chi = np.zeros((len(counts), 10)), np.zeros(len(counts))
    for number, y in enumerate(counts):
        w = 1.0 / np.sqrt(weights_variance(y))

        def residual(p: Floats, y: Floats = y, w: Floats = w) -> Floats:
            return (curve(x, p, lineshape) - y) * w

        def jacobian(p: Floats, y: Floats = y, w: Floats = w) -> Floats:
            return curve_and_jacobian(x, p, lineshape)[1] * w

        best, _, details, _, _ = leastsq(residual, start, Dfun=jacobian, col_deriv=True, full_output=True)
        found[number], chi[number] = best, np.sum(details["fvec"] ** 2)
    return found, chi
