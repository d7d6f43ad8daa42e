"""A layer thinner than about two edge widths: what can and what can't be said of it.

Its thickness w and its contrast c are degenerate: the image knows ``c w``, the blur hides the rest. The
pooled profile of many columns is fitted as a box under a Gaussian blur. With the blur of the other edges
the box has one width; with a sharper blur it is wider: the widest box that any credible blur allows is the
upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from imgpipe.kernels.fit import CONVERGED, STOPPED, Model, Problem, fit

Floats = NDArray[np.float64]
LEAST_BLUR = 0.75
"""The blur of a thin layer's edges is at least this fraction of that of the sharpest other edge."""
MOST_BLUR = 1.1
"""And at most this fraction."""
PIXEL_BLUR = 0.4
"""Least blur in pixels where no other edge tells: pixels have a size."""
ONE_SIDED = 1.645
SIGNIFICANT = 5.0
ABSURD = 4.0
AMBIGUOUS = 1.3
NARROWEST = 0.5
"""Least width of a box, pixels: narrower ones of ever more contrast can't be told from each other."""
Box = tuple[Floats, Floats, float]
"""Levels above, inside and below and the two positions (5,), their covariance (5, 5), reduced chi squared."""


@dataclass(frozen=True)
class ThinLayer:
    """A thin layer in the pooled profile; positions in pixels from the course of pooling.

    width : best thickness with the blur `sigma`
    upper_bound : 95 % upper bound
    contrast_width, u_contrast_width : (c - (a + b) / 2) w with plateau levels a, c, b; counts times pixels
    level : c, counts, at `width`
    upper, lower : positions of its two edges
    shift_upper, shift_lower : change of these positions when the blur is the least credible one
    credible : part of that change that the misfit allows (two standard deviations), 0 to 1
    sigma : blur used
    blur_known : other edges of the image tell the blur
    above, below_it : a and b, the levels beside it, counts
    """

    width: float
    upper_bound: float
    contrast_width: float
    u_contrast_width: float
    level: float
    upper: float
    lower: float
    shift_upper: float
    shift_lower: float
    credible: float
    sigma: float
    blur_known: bool
    above: float = float("nan")
    below_it: float = float("nan")

    @property
    def significant(self) -> bool:
        """Whether there is a layer at all: its contrast times width stands out of the noise fivefold."""
        return abs(self.contrast_width) > SIGNIFICANT * self.u_contrast_width

    def below(self, limit: float) -> bool:
        """Whether only a bound can be given: thinner than `limit` edge sigmas, or of a width that hangs on the blur.

        Where no other edge tells the blur, the limit is one and a half times as high.
        """
        least = limit * self.sigma * (1.0 if self.blur_known else 1.5)
        return self.width < least or self.upper_bound > AMBIGUOUS * self.width


def thin_layer(
    distance: Floats, value: Floats, count: Floats, sigma: float | None, variance: tuple[float, float]
) -> ThinLayer | None:
    """Describe a thin layer by its pooled profile; None when no box fits.

    Parameters
    ----------
    distance, value, count : (bin,) pixels from the course, mean grey, number of pixels (0: empty)
    sigma : Gaussian blur of other edges of the image, pixels; None when there is no other
    variance : a, b of the noise variance a + b * level of one pixel
    """
    used = count > 0
    y, v, n = distance[used], value[used], count[used]
    weight = n / np.maximum(variance[0] + variance[1] * v, 1e-12)
    if y.size < 12:
        return None
    least = PIXEL_BLUR if sigma is None else max(LEAST_BLUR * sigma, PIXEL_BLUR)
    trials = np.geomspace(0.6, 5.0, 12) if sigma is None else np.geomspace(least, MOST_BLUR * sigma, 8)
    tried = [
        (box, float(blur)) for box, blur in zip(_boxes(y, v, weight, trials), trials, strict=True) if box is not None
    ]
    if not tried:
        return None
    nominal, best = min(tried, key=lambda one: (one[0][2], one[1]))
    p, cov, scale = nominal
    q, wide_cov, wide_scale = _widest(y, v, weight, min(least, best), best, nominal)
    u = np.sqrt(max(wide_cov[3, 3] + wide_cov[4, 4] - 2 * wide_cov[3, 4], 0.0) * max(wide_scale, 1.0))
    width, widest_width = float(p[4] - p[3]), float(q[4] - q[3])
    contrast = _contrast(p)
    return ThinLayer(
        width=width,
        upper_bound=max(width, widest_width) + ONE_SIDED * float(u),
        contrast_width=contrast * width,
        u_contrast_width=_u_product(p, cov) * float(np.sqrt(max(scale, 1.0))),
        level=float(p[1]),
        upper=float(p[3]),
        lower=float(p[4]),
        shift_upper=float(q[3] - p[3]),
        shift_lower=float(q[4] - p[4]),
        credible=_credible(scale, wide_scale, y.size - 5),
        sigma=float(best),
        blur_known=sigma is not None,
        above=float(p[0]),
        below_it=float(p[2]),
    )


def _contrast(p: Floats) -> float:
    return float(p[1] - 0.5 * (p[0] + p[2]))


def _widest(y: Floats, v: Floats, weight: Floats, least: float, best: float, nominal: Box) -> Box:
    """Return the widest box among the blurs from `least` to `best` that are not absurd.

    Absurd is a misfit above `ABSURD` times the nominal one, or a contrast of the other sign.
    """
    fits = _boxes(y, v, weight, np.geomspace(least, best, 7)[:-1])
    limit = ABSURD * max(nominal[2], 1.0)
    sound = [f for f in fits if f is not None and f[2] <= limit and _contrast(f[0]) * _contrast(nominal[0]) > 0]
    return max([nominal, *sound], key=lambda fit: float(fit[0][4] - fit[0][3]))


def _u_product(p: Floats, cov: Floats) -> float:
    """Return the standard uncertainty of contrast times width."""
    width, contrast = p[4] - p[3], p[1] - 0.5 * (p[0] + p[2])
    gradient = np.array([-0.5 * width, width, -0.5 * width, -contrast, contrast])
    return float(np.sqrt(max(gradient @ cov @ gradient, 0.0)))


def _credible(chi2: float, other: float, freedom: int) -> float:
    """Part of the way from one fit to a worse one that stays within two standard deviations."""
    excess = freedom * (other - chi2) / max(chi2, 1.0)
    return 1.0 if excess <= 4.0 else 2.0 / float(np.sqrt(excess))


def _boxes(y: Floats, v: Floats, weight: Floats, blurs: Floats) -> list[Box | None]:
    """Fit levels and positions of a box for each blur; None where no sound box comes out: pressed against an end."""
    starts = np.array([_box_start(y, v, weight, float(blur)) for blur in blurs])
    begin = np.column_stack([starts, blurs])
    low = np.column_stack([np.full(blurs.size, y[0]), np.full(blurs.size, NARROWEST), blurs])
    high = np.column_stack([np.full(blurs.size, y[-1]), y[-1] - starts[:, 0], blurs])
    profile = np.repeat(v[None], blurs.size, axis=0)
    found = fit(_box_model(y), profile, noise="gaussian", variance=1.0 / weight, start=begin, low=low, high=high)
    p = np.concatenate([found.amplitude, found.q[:, :1], found.q[:, :1] + found.q[:, 1:2]], axis=1)
    turn = np.zeros((5, 6))  # from upper, width, blur and the levels to the levels, upper and lower
    turn[[0, 1, 2, 3, 4, 4], [3, 4, 5, 0, 0, 1]] = 1.0
    cov = turn @ found.covariance @ turn.T
    inside = (p[:, 3] > y[0]) & (p[:, 4] < y[-1])
    sound = inside & np.isin(found.status, (CONVERGED, STOPPED)) & np.isfinite(cov).all(axis=(1, 2))
    chi2 = found.statistic / (y.size - 5)
    return [(p[i], cov[i], float(chi2[i])) if sound[i] else None for i in range(blurs.size)]


def _box_model(y: Floats) -> Problem:
    """Return the model of a box: plateau levels above, inside and below two edges of the same blur."""
    model = Model()
    segment = model.segment(y)
    upper, width, blur = model.parameter("upper"), model.parameter("width"), model.parameter("blur")
    lower = model.linked("lower", {upper: 1.0, width: 1.0})
    above, inside, below = (model.column(name, nonnegative=False) for name in ("above", "inside", "below"))
    model.term("constant", segment, above)
    model.term("edge_erf", segment, [(above, -1.0), (inside, 1.0)], [upper, blur])
    model.term("edge_erf", segment, [(inside, -1.0), (below, 1.0)], [lower, blur])
    return model.compile()


def _box_start(y: Floats, v: Floats, weight: Floats, sigma: float) -> tuple[float, float]:
    """Best upper edge and width on a coarse grid, with the levels solved for each: no start is trusted."""
    best = (np.inf, 0.0, 2.0)
    for width in (1.0, 2.0, 3.0, 4.5, 6.5, 9.0, 12.0):
        upper = np.arange(max(y[0] + 2.0, -8.0), min(y[-1] - width - 2.0, 8.0), 0.75)
        if upper.size:
            misfit = _misfits(y, v, weight, sigma, upper, width)
            least = int(misfit.argmin())
            best = min(best, (float(misfit[least]), float(upper[least]), width))
    return best[1], best[2]


def _misfits(y: Floats, v: Floats, weight: Floats, sigma: float, upper: Floats, width: float) -> Floats:
    """Return the weighted misfit of a box for each upper edge, its levels solved by linear least squares."""
    first, second = (ndtr((y - edge[:, None]) / sigma) for edge in (upper, upper + width))
    basis = np.stack([1.0 - first, first - second, second], axis=1)
    weighted = basis * weight
    normal = weighted @ basis.transpose(0, 2, 1)
    ridge = 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    levels = np.linalg.solve(normal + ridge, (weighted @ v)[:, :, None])
    return np.asarray(np.sum(weight * (v - (levels * basis).sum(axis=1)) ** 2, axis=1))
