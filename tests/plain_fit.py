"""Plain numpy and scipy twin of the engine's objective: slow, obvious, and independent of its code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid, simpson
from scipy.special import erfcx, expit, gamma, ndtr, voigt_profile, xlogy

from imgpipe.kernels.fit import Model

Floats = NDArray[np.float64]
SIGMA = 1.0 / np.sqrt(8.0 * np.log(2.0))


def gaussian(x: Floats, position: float, fwhm: float) -> Floats:
    s = SIGMA * fwhm
    return np.exp(-0.5 * ((x - position) / s) ** 2) / (s * np.sqrt(2 * np.pi))


def lorentzian(x: Floats, position: float, fwhm: float) -> Floats:
    return 0.5 * fwhm / np.pi / ((x - position) ** 2 + 0.25 * fwhm**2)


def gl_sum(x: Floats, position: float, fwhm: float, m: float) -> Floats:
    u = (x - position) / fwhm
    height = (1 - m) * np.exp(-4 * np.log(2) * u**2) + m / (1 + 4 * u**2)
    return height / (fwhm * ((1 - m) * np.sqrt(np.pi / (4 * np.log(2))) + m * np.pi / 2))


def gl_product(x: Floats, position: float, fwhm: float, m: float) -> Floats:
    a, b = 4 * np.log(2) * (1 - m), 4 * m
    u = (x - position) / fwhm
    area = np.sqrt(np.pi / a) if m == 0 else np.pi / np.sqrt(b) * erfcx(np.sqrt(a / b))
    return np.exp(-a * u**2) / (1 + b * u**2) / (fwhm * area)


def voigt(x: Floats, position: float, gauss_fwhm: float, lorentz_fwhm: float) -> Floats:
    return voigt_profile(x - position, SIGMA * gauss_fwhm, 0.5 * lorentz_fwhm)


def doniach(x: Floats, position: float, fwhm: float, asymmetry: float) -> Floats:
    t, half = 2 * (x - position) / fwhm, np.pi * asymmetry / 2
    return np.cos(half - (1 - asymmetry) * np.arctan(t)) / (1 + t**2) ** ((1 - asymmetry) / 2) / np.cos(half)


def blurred(x: Floats, position: float, fwhm: float, exponent: Callable[[Floats], Floats | float], m: float) -> Floats:
    """Powers of a Lorentzian convolved with a Gaussian of FWHM m, by a fine trapezoid."""
    y = np.linspace(-6, 6, 24001) if m > 0 else np.zeros(1)
    weight = np.exp(-0.5 * y**2)
    out = np.empty_like(x)
    for i, point in enumerate(x):
        d = point - position - SIGMA * m * y
        out[i] = np.sum(weight * (1 + 4 * (d / fwhm) ** 2) ** -exponent(d)) / weight.sum()
    return out


def la(x: Floats, position: float, fwhm: float, a: float, b: float, m: float) -> Floats:
    return blurred(x, position, fwhm, lambda d: np.where(d >= 0, a, b), m)


def lf(x: Floats, position: float, fwhm: float, a: float, b: float, w: float, m: float) -> Floats:
    def exponent(d: Floats) -> Floats:
        base = np.where(d >= 0, a, b)
        return base + (3.0 - base) * d**2 / (d**2 + w**2)

    return blurred(x, position, fwhm, exponent, m)


def mahan(
    x: Floats, position: float, gauss_fwhm: float, lorentz_fwhm: float, asymmetry: float, cutoff: float
) -> Floats:
    """Voigt profiles with the density T^(a-1) exp(-T/e) of losses T: with u = T^a it has no singularity at 0."""
    if asymmetry == 0.0:
        return voigt(x, position, gauss_fwhm, lorentz_fwhm)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edges = np.concatenate([[0.0], np.geomspace(1e-12, 40.0 * cutoff, 400)]) ** asymmetry
    u = (edges[:-1, None] + 0.5 * np.diff(edges)[:, None] * (1.0 + nodes)).ravel()
    weight = (0.5 * np.diff(edges)[:, None] * weights).ravel()
    loss = u ** (1.0 / asymmetry)
    weight *= np.exp(-loss / cutoff) / (gamma(asymmetry + 1.0) * cutoff**asymmetry)
    return np.array([weight @ voigt(one - loss, position, gauss_fwhm, lorentz_fwhm) for one in x])


def tail(x: Floats, position: float, fwhm: float, length: float) -> Floats:
    t = np.linspace(0, 40, 8001)
    y = gaussian(x[:, None] - length * t, position, fwhm) * np.exp(-t)
    return simpson(y, t, axis=1)


def share_above(x: Floats, position: float) -> Floats:
    """Smooth step from one layer to the next, over 3/4 of a step of x on both sides."""
    tau = np.clip(0.5 + 0.5 * (x - position) / (0.75 * np.mean(np.diff(x))), 0.0, 1.0)
    return tau**2 * (3.0 - 2.0 * tau)


def length_above(x: Floats, position: float) -> Floats:
    """Integral of `share_above` by a fine sum."""
    fine = np.linspace(x[0] - 1.0, x[-1] + 1.0, 2_000_001)
    tau = np.clip(0.5 + 0.5 * (fine - position) / (0.75 * np.mean(np.diff(x))), 0.0, 1.0)
    return np.interp(x, fine, cumulative_trapezoid(tau**2 * (3.0 - 2.0 * tau), fine, initial=0.0))


def two_sided_distance(x: Floats, position: float, below: float, above: float) -> Floats:
    return (x - position) / below + (1.0 / above - 1.0 / below) * length_above(x, position)


def edge_two_sided(x: Floats, _: float, w: float, shift: float, position: float, below: float, above: float) -> Floats:
    up, mean = share_above(x, position), np.hypot(below, above)
    shrunk = (1.0 - up) / np.hypot(1.0, w / below) + up / np.hypot(1.0, w / above)
    distance = two_sided_distance(x, position, below, above)
    return ndtr(distance * shrunk - shift * mean / np.hypot(mean, np.sqrt(2) * w))


def edge_logistic(x: Floats, _: float, w: float, shift: float, position: float, below: float, above: float) -> Floats:
    """Logistic convolved with the normal response on each side; without a shift, and off the interface itself."""
    out, t = np.empty_like(x), np.linspace(-40.0, 40.0, 40001)
    scale = w * np.sqrt(3.0) / np.pi
    for i, point in enumerate(x):
        own = above if point > position else below
        out[i] = simpson(np.exp(-0.5 * t**2) / np.sqrt(2 * np.pi) * expit((point - position - own * t) / scale), x=t)
    return out


def one_sided(density: Callable[[Floats], Floats]) -> Callable[..., Floats]:
    """Edge whose true transition has a density on one side, counted in responses, under a standard normal one."""

    def edge(x: Floats, _: float, length: float, shift: float, position: float, below: float, above: float) -> Floats:
        own, sign = (above, 1.0) if length >= 0 else (below, -1.0)
        z = two_sided_distance(x, position, below, above) - shift
        t = np.linspace(0.0, 60.0, 60001)
        return np.array([simpson(density(t) * ndtr(v - sign * t * abs(length) / own), x=t) for v in z])

    return edge


def layer_ramp(x: Floats, _: float, w: float, shift: float, *rest: float) -> Floats:
    low, high, below, inside, above = rest
    whole = np.hypot(1.0, w / inside)
    d = (x - low) / below + (1 / inside - 1 / below) * length_above(x, low)
    d += (1 / above - 1 / inside) * length_above(x, high)
    thick = (high - low) / inside / whole
    t = np.linspace(0.0, thick, 4001)
    bell = np.exp(-0.5 * (d[:, None] / whole - shift - t) ** 2) / np.sqrt(2 * np.pi)
    return simpson((t / thick - 0.5) * bell, x=t, axis=1)


SHAPES = {
    "edge_two_sided": edge_two_sided,
    "edge_logistic": edge_logistic,
    "edge_exponential": one_sided(lambda t: np.exp(-t)),
    "edge_erfc": one_sided(lambda t: np.sqrt(2 / np.pi) * np.exp(-0.5 * t**2)),
    "layer_ramp": layer_ramp,
    "gaussian": gaussian,
    "lorentzian": lorentzian,
    "gl_sum": gl_sum,
    "gl_product": gl_product,
    "voigt": voigt,
    "doniach": doniach,
    "la": la,
    "lf": lf,
    "mahan": mahan,
    "tail": tail,
    "edge_erf": lambda x, position, sigma: ndtr((x - position) / sigma),
    "exponential": lambda x, rate: np.exp(-rate * (x - x[0])),
    "constant": lambda x: np.ones_like(x),
    "linear": lambda x: x - 0.5 * (x[0] + x[-1]),
    "quadratic": lambda x: (x - 0.5 * (x[0] + x[-1])) ** 2,
}


def background(x: Floats, s: Floats, kind: str, p: list[float]) -> Floats:
    if kind == "shirley":
        return p[0] * np.concatenate([[0.0], np.cumsum(0.5 * np.diff(x) * (s[1:] + s[:-1]))])
    b, c, d, t0 = p
    out = np.zeros_like(s)
    for i in range(1, x.size):
        t = x[i] - x[: i + 1]
        k = np.where(t > t0, b * t / ((c - t**2) ** 2 + d * t**2 + (t == 0)), 0.0)
        out[i] = np.trapezoid(k * s[: i + 1], x[: i + 1])
    return out


def columns(model: Model, q: Floats) -> Floats:
    """Return (L, n)."""
    p = [sum(s * q[i] for i, s in e.scales.items()) + e.offset for e in model.parameters]
    ends = np.cumsum([x.size for x in model.segments])
    out = np.zeros((len(model.columns), ends[-1]))
    for term in model.terms:
        x = model.segments[term.segment]
        s = SHAPES[term.shape](x, *[p[h] for h in term.parameters])
        if term.background is not None:
            s = s + background(x, s, term.background.kind, [p[h] for h in term.background.parameters])
        for column, factor, weight in term.columns:
            scale = factor * (1.0 if weight is None else p[weight])
            out[column, ends[term.segment] - x.size : ends[term.segment]] += scale * s
    return out


def priors(model: Model, q: Floats, amplitude: Floats) -> Floats:
    """Return the standardised residuals of the priors."""
    p = [sum(s * q[i] for i, s in e.scales.items()) + e.offset for e in model.parameters]
    values = [
        amplitude[e.column] if e.column is not None else sum(w * p[h] for h, w in e.weights.items())
        for e in model.priors
    ]
    return np.array([(v - e.mean) / e.sd for v, e in zip(values, model.priors, strict=True)])


def deviance(y: Floats, mu: Floats) -> float:
    return float(2 * np.sum(mu - y + xlogy(y, y) - xlogy(y, mu)))
