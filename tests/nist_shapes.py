"""Shapes of the NIST StRD models: values and derivatives, in the form in which the engine takes any shape."""

from __future__ import annotations

import math

from imgpipe.kernels.fit.shape import Shape


def constant(x, p, value, derivative):
    for i in range(x.size):
        value[i] = 1.0


def identity(x, p, value, derivative):
    for i in range(x.size):
        value[i] = x[i]


def decay(x, p, value, derivative):
    for i in range(x.size):
        value[i] = math.exp(-p[0] * x[i])
        derivative[0, i] = -x[i] * value[i]


def saturation(x, p, value, derivative):
    for i in range(x.size):
        value[i] = -math.expm1(-p[0] * x[i])
        derivative[0, i] = x[i] * math.exp(-p[0] * x[i])


def bell(x, p, value, derivative):
    for i in range(x.size):
        u = (x[i] - p[0]) / p[1]
        value[i] = math.exp(-u * u)
        derivative[0, i] = 2.0 * u / p[1] * value[i]
        derivative[1, i] = u * derivative[0, i]


def normal(x, p, value, derivative):
    for i in range(x.size):
        u = (x[i] - p[1]) / p[0]
        value[i] = math.exp(-0.5 * u * u) / p[0]
        derivative[0, i] = (u * u - 1.0) / p[0] * value[i]
        derivative[1, i] = u / p[0] * value[i]


def shifted_power(x, p, value, derivative):
    for i in range(x.size):
        base = x[i] + p[0]
        log = math.log(base) if base > 0.0 else math.nan
        value[i] = math.exp(-log / p[1])
        derivative[0, i] = -value[i] / (p[1] * base)
        derivative[1, i] = value[i] * log / (p[1] * p[1])


def power(x, p, value, derivative):
    for i in range(x.size):
        value[i] = math.exp(p[0] * math.log(x[i]))
        derivative[0, i] = math.log(x[i]) * value[i]


def decay_over_line(x, p, value, derivative):
    for i in range(x.size):
        below = p[1] + p[2] * x[i]
        value[i] = math.exp(-p[0] * x[i]) / below
        derivative[0, i] = -x[i] * value[i]
        derivative[1, i] = -value[i] / below
        derivative[2, i] = -x[i] * value[i] / below


def cosine(x, p, value, derivative):
    for i in range(x.size):
        phase = 2.0 * math.pi * x[i] / p[0]
        value[i] = math.cos(phase)
        derivative[0, i] = math.sin(phase) * phase / p[0]


def sine(x, p, value, derivative):
    for i in range(x.size):
        phase = 2.0 * math.pi * x[i] / p[0]
        value[i] = math.sin(phase)
        derivative[0, i] = -math.cos(phase) * phase / p[0]


def ratio(x, p, value, derivative):
    """x^k / (1 + a x + b x^2 + c x^3); k is never free."""
    for i in range(x.size):
        below = 1.0 + x[i] * (p[0] + x[i] * (p[1] + x[i] * p[2]))
        value[i] = x[i] ** int(p[3]) / below
        step = -value[i] / below
        for j in range(3):
            step *= x[i]
            derivative[j, i] = step
        derivative[3, i] = 0.0


def quadratic_ratio(x, p, value, derivative):
    for i in range(x.size):
        below = x[i] * (x[i] + p[1]) + p[2]
        value[i] = x[i] * (x[i] + p[0]) / below
        derivative[0, i] = x[i] / below
        derivative[1, i] = -x[i] * value[i] / below
        derivative[2, i] = -value[i] / below


def arrhenius(x, p, value, derivative):
    for i in range(x.size):
        below = x[i] + p[1]
        value[i] = math.exp(p[0] / below)
        derivative[0, i] = value[i] / below
        derivative[1, i] = -p[0] * value[i] / (below * below)


def second_order(x, p, value, derivative):
    for i in range(x.size):
        base = 1.0 + 0.5 * p[0] * x[i]
        value[i] = 1.0 - 1.0 / (base * base)
        derivative[0, i] = x[i] / (base * base * base)


def half_order(x, p, value, derivative):
    for i in range(x.size):
        base = 1.0 + 2.0 * p[0] * x[i]
        root = math.sqrt(base) if base > 0.0 else math.nan
        value[i] = 1.0 - 1.0 / root
        derivative[0, i] = x[i] / (base * root)


def hyperbola(x, p, value, derivative):
    for i in range(x.size):
        base = 1.0 + p[0] * x[i]
        value[i] = p[0] * x[i] / base
        derivative[0, i] = x[i] / (base * base)


def ageing(x, p, value, derivative):
    """x1 exp(-b x2), where x = 1000 x1 + x2."""
    for i in range(x.size):
        time = math.floor(x[i] / 1000.0)
        heat = x[i] - 1000.0 * time
        value[i] = time * math.exp(-p[0] * heat)
        derivative[0, i] = -heat * value[i]


def logistic(x, p, value, derivative):
    """(1 + exp(b - c x))^(-1/d)."""
    for i in range(x.size):
        grown = math.exp(p[0] - p[1] * x[i])
        value[i] = (1.0 + grown) ** (-1.0 / p[2])
        derivative[0, i] = -value[i] * grown / ((1.0 + grown) * p[2])
        derivative[1, i] = -x[i] * derivative[0, i]
        derivative[2, i] = value[i] * math.log(1.0 + grown) / (p[2] * p[2])


def arctangent(x, p, value, derivative):
    for i in range(x.size):
        away = x[i] - p[1]
        value[i] = math.atan(p[0] / away)
        square = away * away + p[0] * p[0]
        derivative[0, i] = away / square
        derivative[1, i] = p[0] / square


_FUNCTIONS = {
    constant: 0, identity: 0, decay: 1, saturation: 1, bell: 2, normal: 2, shifted_power: 2, power: 1,
    decay_over_line: 3, cosine: 1, sine: 1, ratio: 4, quadratic_ratio: 3, arrhenius: 2, second_order: 1, half_order: 1,
    hyperbola: 1, ageing: 1, logistic: 3, arctangent: 2,
}  # fmt: skip
NIST_SHAPES = {
    function.__name__: Shape(function.__name__, function, tuple("abcd"[:count]), ("1",) * count)
    for function, count in _FUNCTIONS.items()
}
