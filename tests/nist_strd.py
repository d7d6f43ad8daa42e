"""The 27 nonlinear regression sets of NIST StRD: data, starts, certified values, and each model in two forms.

* `Recipe.curve(x, b)`: the model with all its parameters b, as a user of scipy writes it.
* `Recipe.terms`: the same model as columns of shapes, with linear parameters as amplitudes. The shapes stand in
  `nist_shapes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from pathlib import Path

import numpy as np

TWO_PI = 2.0 * np.pi


@dataclass(frozen=True)
class Data:
    """One set: x rising (Nelson: 1000 x1 + x2), starts (2, b), certified values and standard deviations (b,)."""

    name: str
    x: np.ndarray
    y: np.ndarray
    starts: np.ndarray
    certified: np.ndarray
    sd: np.ndarray
    rss: float
    freedom: int


@dataclass(frozen=True)
class Term:
    """A shape, its parameters (int: place in b, float: constant), place of its amplitude in b (None: known), weight."""

    shape: str
    parameters: tuple[int | float, ...]
    amplitude: int | None
    weight: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """A model.

    curve : the model with all its parameters, (x, b) -> y
    terms : the same as columns of shapes
    alike : groups of places in b that may change places without changing the curve (the sum of exponentials)
    low : place in b and lower bound: where the formula has a pole or is the same for both signs
    """

    curve: Callable[[np.ndarray, np.ndarray], np.ndarray]
    terms: tuple[Term, ...]
    alike: tuple[tuple[int, ...], ...] = ()
    low: tuple[tuple[int, float], ...] = ()


def read(path: Path) -> Data:
    """Read a .dat file; the numbers of lines are those its header promises."""
    text = path.read_text()
    lines = text.splitlines()
    name = re.search(r"Dataset Name:\s+(\w+)", text)[1]
    table = np.array([re.split(r"\s+", m) for m in re.findall(r"^ *b\d+ = +(.+?) *$", text, re.MULTILINE)], dtype=float)
    first, last = map(int, re.search(r"^ *Data +\(lines (\d+) to +(\d+)\)", text, re.MULTILINE).groups())
    numbers = np.array([line.split() for line in lines[first - 1 : last]], dtype=float)
    assert len(numbers) == int(re.search(r"Number of Observations: +(\d+)", text)[1])
    freedom = len(numbers) - len(table)  # what the header of Rat43 says is a misprint
    y, x = numbers[:, 0], numbers[:, 1]
    if name == "Nelson":
        y, x = np.log(y), 1000.0 * x + numbers[:, 2]
    order = np.argsort(x, kind="stable")
    rss = float(re.search(r"Residual Sum of Squares: +(\S+)", text)[1])
    return Data(name, rising(x[order]), y[order], table[:, :2].T, table[:, 2], table[:, 3], rss, freedom)


def rising(x: np.ndarray) -> np.ndarray:
    """Return x with repeated values moved apart by the smallest step there is."""
    out = x.copy()
    for i in range(1, out.size):
        if out[i] <= out[i - 1]:
            out[i] = np.nextafter(out[i - 1], np.inf)
    return out


def digits(found: np.ndarray, data: Data) -> float:
    """Return the number of digits to which the worst parameter agrees, at most the 11 that are certified."""
    return max(_digits(other, data.certified) for other in twins(found, RECIPES[data.name].alike))


def twins(b: np.ndarray, alike: tuple[tuple[int, ...], ...]) -> Iterator[np.ndarray]:
    """Yield b with the groups of parameters that are alike in every order."""
    for order in permutations(alike):
        out = b.copy()
        out[[p for group in alike for p in group]] = b[[p for group in order for p in group]]
        yield out


def _digits(found: np.ndarray, certified: np.ndarray) -> float:
    if not np.isfinite(found).all():
        return 0.0
    worst = np.max(np.abs(found - certified) / np.abs(certified))
    return float(np.clip(-np.log10(max(worst, 1e-11)), 0.0, 11.0))


def gauss(x: np.ndarray, b: np.ndarray) -> np.ndarray:
    one, two = ((x - b[i]) / b[i + 1] for i in (3, 6))
    return b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-(one**2)) + b[5] * np.exp(-(two**2))


def lanczos(x: np.ndarray, b: np.ndarray) -> np.ndarray:
    return sum(b[i] * np.exp(-b[i + 1] * x) for i in (0, 2, 4))


def rational(x: np.ndarray, b: np.ndarray, above: int) -> np.ndarray:
    """Return the ratio of polynomials, `above` coefficients in the numerator, the constant 1 below."""
    return np.polyval(b[:above][::-1], x) / np.polyval([*b[above:][::-1], 1.0], x)


def enso(x: np.ndarray, b: np.ndarray) -> np.ndarray:
    phases = ((1, TWO_PI * x / 12.0), (4, TWO_PI * x / b[3]), (7, TWO_PI * x / b[6]))
    return b[0] + sum(b[i] * np.cos(phase) + b[i + 1] * np.sin(phase) for i, phase in phases)


def nelson(x: np.ndarray, b: np.ndarray) -> np.ndarray:
    time = np.floor(x / 1000.0)
    return b[0] - b[1] * time * np.exp(-b[2] * (x - 1000.0 * time))


def roszman(x: np.ndarray, b: np.ndarray) -> np.ndarray:
    return b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi


def polynomial_ratio(above: int, below: int) -> Recipe:
    parameters = (*range(above, above + below), *([0.0] * (3 - below)))
    terms = tuple(Term("ratio", (*parameters, float(power)), power) for power in range(above))
    return Recipe(partial(rational, above=above), terms)


def waves(first: int, period: int | float) -> tuple[Term, Term]:
    return Term("cosine", (period,), first), Term("sine", (period,), first + 1)


CONSTANT = Term("constant", (), 0)
GAUSS = Recipe(
    gauss, (Term("decay", (1,), 0), Term("bell", (3, 4), 2), Term("bell", (6, 7), 5)), ((2, 3, 4), (5, 6, 7))
)
LANCZOS = Recipe(lanczos, tuple(Term("decay", (i + 1,), i) for i in (0, 2, 4)), ((0, 1), (2, 3), (4, 5)))
CHWIRUT = Recipe(lambda x, b: np.exp(-b[0] * x) / (b[1] + b[2] * x), (Term("decay_over_line", (0, 1, 2), None),))
RECIPES = {
    "Bennett5": Recipe(lambda x, b: b[0] * (b[1] + x) ** (-1.0 / b[2]), (Term("shifted_power", (1, 2), 0),)),
    "BoxBOD": Recipe(lambda x, b: b[0] * (1.0 - np.exp(-b[1] * x)), (Term("saturation", (1,), 0),)),
    "Chwirut1": CHWIRUT,
    "Chwirut2": CHWIRUT,
    "DanWood": Recipe(lambda x, b: b[0] * x ** b[1], (Term("power", (1,), 0),)),
    "ENSO": Recipe(enso, (CONSTANT, *waves(1, 12.0), *waves(4, 3), *waves(7, 6)), ((3, 4, 5), (6, 7, 8))),
    "Eckerle4": Recipe(
        lambda x, b: b[0] / b[1] * np.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
        (Term("normal", (1, 2), 0),),
        low=((1, 0.01),),
    ),
    "Gauss1": GAUSS,
    "Gauss2": GAUSS,
    "Gauss3": GAUSS,
    "Hahn1": polynomial_ratio(4, 3),
    "Kirby2": polynomial_ratio(3, 2),
    "Lanczos1": LANCZOS,
    "Lanczos2": LANCZOS,
    "Lanczos3": LANCZOS,
    "MGH09": Recipe(
        lambda x, b: b[0] * (x * x + x * b[1]) / (x * x + x * b[2] + b[3]), (Term("quadratic_ratio", (1, 2, 3), 0),)
    ),
    "MGH10": Recipe(lambda x, b: b[0] * np.exp(b[1] / (x + b[2])), (Term("arrhenius", (1, 2), 0),), low=((2, -40.0),)),
    "MGH17": Recipe(
        lambda x, b: b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4]),
        (CONSTANT, Term("decay", (3,), 1), Term("decay", (4,), 2)),
        ((1, 3), (2, 4)),
    ),
    "Misra1a": Recipe(lambda x, b: b[0] * (1.0 - np.exp(-b[1] * x)), (Term("saturation", (1,), 0),)),
    "Misra1b": Recipe(lambda x, b: b[0] * (1.0 - (1.0 + b[1] * x / 2.0) ** -2.0), (Term("second_order", (1,), 0),)),
    "Misra1c": Recipe(lambda x, b: b[0] * (1.0 - (1.0 + 2.0 * b[1] * x) ** -0.5), (Term("half_order", (1,), 0),)),
    "Misra1d": Recipe(lambda x, b: b[0] * b[1] * x / (1.0 + b[1] * x), (Term("hyperbola", (1,), 0),)),
    "Nelson": Recipe(nelson, (CONSTANT, Term("ageing", (2,), 1, -1.0))),
    "Rat42": Recipe(lambda x, b: b[0] / (1.0 + np.exp(b[1] - b[2] * x)), (Term("logistic", (1, 2, 1.0), 0),)),
    "Rat43": Recipe(
        lambda x, b: b[0] / (1.0 + np.exp(b[1] - b[2] * x)) ** (1.0 / b[3]), (Term("logistic", (1, 2, 3), 0),)
    ),
    "Roszman1": Recipe(
        roszman, (CONSTANT, Term("identity", (), 1, -1.0), Term("arctangent", (2, 3), None, -1.0 / np.pi))
    ),
    "Thurber": polynomial_ratio(4, 3),
}
