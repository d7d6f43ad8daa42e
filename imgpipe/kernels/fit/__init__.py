"""One engine for all curve fits: batched, constrained, amplitudes linear, noise Poisson or Gaussian, with covariance.

`Model` collects segments, parameters (with bounds, links and priors), amplitudes and terms; `Model.compile` turns it
into arrays; `fit` fits a batch by variable projection and Levenberg-Marquardt; `evaluate` draws the curves.

Cost of a GL fit of 141 points with 10 parameters: about 45 microseconds, of which six evaluations of six peaks with
derivatives take a third (2 ns a point; the arithmetic alone would take 1), normal equations and backgrounds another.
Compiled once per machine (about a minute) and kept on disk; any change of these files compiles anew.
"""

from __future__ import annotations

from imgpipe.kernels.fit.compiled import Problem
from imgpipe.kernels.fit.fitting import FitResult, evaluate, fit, warm_up
from imgpipe.kernels.fit.loop import CONVERGED, SINGULAR, STOPPED, TOO_FEW
from imgpipe.kernels.fit.model import Model
from imgpipe.kernels.fit.sampling import monte_carlo
from imgpipe.kernels.fit.shape import Shape
from imgpipe.kernels.fit.shapes import SHAPES, height_of, stack_shapes

__all__ = [
    "CONVERGED", "SHAPES", "SINGULAR", "STOPPED", "TOO_FEW", "FitResult", "Model", "Problem", "Shape", "evaluate",
    "fit", "height_of", "monte_carlo", "stack_shapes", "warm_up",
]  # fmt: skip
