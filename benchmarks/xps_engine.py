"""The benchmark's model in imgpipe's engine, with general links and priors like any other model."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.xps_models import HIGH, LOW, NAMES, SECOND, SPLITTING, START, Lineshape, weights_variance
from imgpipe.kernels.fit import FitResult, Model, Problem, fit

Floats = NDArray[np.float64]
Fits = tuple[Floats, Floats]
NONLINEAR = (0, 1, 2, 3, 4, 9)
"""Places of the free parameters among the ten; the areas and the constant are amplitudes."""
SHAPE: dict[Lineshape, str] = {"gl": "gl_sum", "voigt": "voigt"}


def problem(x: Floats, lineshape: Lineshape) -> Problem:
    """Return the compiled model: three doublets, the second line linked to the first, active Shirley, constant."""
    model = Model()
    segment = model.segment(x)
    free = {i: model.parameter(NAMES[lineshape][i], LOW[lineshape][i], HIGH[lineshape][i]) for i in NONLINEAR}
    shirley = model.shirley(free[9])
    for j in range(3):
        column = model.column(NAMES[lineshape][5 + j])
        second = model.linked(f"{NAMES[lineshape][j]} 2p1/2", {free[j]: 1.0}, SPLITTING)
        for position, ratio in ((free[j], 1.0), (second, SECOND)):
            model.term(SHAPE[lineshape], segment, column, [position, free[3], free[4]], ratio / (1.0 + SECOND), shirley)
    model.term("constant", segment, model.column("b0"))
    return model.compile()


def start(lineshape: Lineshape) -> Floats:
    """Return the start of the free parameters, the same as everybody's."""
    return np.array([START[lineshape][i] for i in NONLINEAR])


def fitted(x: Floats, counts: Floats, lineshape: Lineshape, noise: Literal["poisson", "gaussian"]) -> FitResult:
    """Fit all spectra with covariance."""
    variance = weights_variance(counts) if noise == "gaussian" else None
    return fit(problem(x, lineshape), counts, noise=noise, variance=variance, start=start(lineshape))


def least_squares(x: Floats, counts: Floats, lineshape: Lineshape) -> Fits:
    """Fit with the weights that the peers use."""
    return in_order(fitted(x, counts, lineshape, "gaussian"))


def likelihood(x: Floats, counts: Floats, lineshape: Lineshape) -> Fits:
    """Fit by maximum likelihood of Poisson counts: imgpipe's default. The second array is the deviance."""
    return in_order(fitted(x, counts, lineshape, "poisson"))


def in_order(result: FitResult) -> Fits:
    """Return the ten parameters in the order of `benchmarks.xps_models`, and the statistic."""
    return np.concatenate([result.q[:, :5], result.amplitude, result.q[:, 5:]], axis=1), result.statistic
