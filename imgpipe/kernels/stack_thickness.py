"""Thickness of every layer of a stack, pooled over the images of one field set (z pages)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.layer_statistics import LayerStatistics, layer_statistics
from imgpipe.kernels.thickness_budget import RandomTerms

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FittedEdges:
    """Fitted edges of one image: lengths in the unit of x and y.

    position, variance, covariance : (interface, x) edge in use; the covariance is that with the next interface
    u_shift : (interface,) noise of the shift from the symmetric to the asymmetric model that `position` contains
    asymmetric, crossing : (interface,) from the symmetric position to that of the other two models
    uncleaned : (interface, x) positions with the removed curtains put back; None where none were removed
    traced : (interface, x) True where tracking found the edge
    """

    position: Floats
    variance: Floats
    covariance: Floats
    u_shift: Floats
    asymmetric: Floats
    crossing: Floats
    traced: NDArray[np.bool_]
    uncleaned: Floats | None = None


@dataclass(frozen=True)
class LayerResult:
    """One layer, pooled over pages: statistics of the pages, best thickness, random terms."""

    pages: tuple[LayerStatistics, ...]
    thickness: float
    terms: RandomTerms
    n_eff: float

    def mean(self, name: str) -> float:
        """Mean over pages of one number of `LayerStatistics`; NaN when no page has it."""
        values = np.array([getattr(page, name) for page in self.pages])
        known = values[np.isfinite(values)]
        return float(known.mean()) if known.size else float("nan")


def measure_layer(pages: list[FittedEdges], layer: int, x: Floats) -> LayerResult:
    """Measure layer number `layer` (0 between the first two interfaces) in every page, and pool."""
    statistics = tuple(_statistics(page, layer, x) for page in pages)
    seen = [k for k, s in enumerate(statistics) if np.isfinite(s.mean)]
    if not seen:
        nan = float("nan")
        return LayerResult(statistics, nan, RandomTerms(nan, nan, nan, nan, nan, nan), nan)
    best = np.array([statistics[k].mean for k in seen])
    n_eff = float(np.mean([statistics[k].n_eff for k in seen]))
    noise = [np.hypot(statistics[k].u_localisation, _shift_noise(pages[k], layer, statistics[k].angle)) for k in seen]
    terms = RandomTerms(
        localisation=float(np.sqrt(np.mean(np.square(noise)) / len(seen))),
        sampling=float(np.sqrt(np.mean([statistics[k].u_sampling ** 2 for k in seen]))),
        edge_model=float(np.mean([_model_spread(pages[k], layer, statistics[k].angle) for k in seen])),
        curtain=float(np.mean([_curtain_change(pages[k], statistics[k], layer, x) for k in seen])),
        fields=float(best.std(ddof=1) / np.sqrt(best.size)) if best.size > 1 else 0.0,
    )
    return LayerResult(statistics, float(best.mean()), terms, n_eff)


def _statistics(page: FittedEdges, layer: int, x: Floats) -> LayerStatistics:
    upper, lower = page.position[layer], page.position[layer + 1]
    variance = page.variance[layer] + page.variance[layer + 1] - 2 * np.nan_to_num(page.covariance[layer])
    lost = ~(page.traced[layer] & page.traced[layer + 1])
    return layer_statistics(upper, lower, variance, x, lost)


def _along_normal(shift: Floats, layer: int, angle: float) -> float:
    return float(np.nan_to_num(shift[layer + 1]) - np.nan_to_num(shift[layer])) * float(np.cos(angle))


def _shift_noise(page: FittedEdges, layer: int, angle: float) -> float:
    pair = np.nan_to_num(page.u_shift[layer : layer + 2])
    return float(np.hypot(pair[0], pair[1]) * np.cos(angle))


def _model_spread(page: FittedEdges, layer: int, angle: float) -> float:
    """Half the spread of the mean thickness by the symmetric model, the asymmetric one and the 50 % crossing.

    All three count from the symmetric model; what of it is in use doesn't matter for their spread.
    """
    opinions = [0.0, _along_normal(page.asymmetric, layer, angle), _along_normal(page.crossing, layer, angle)]
    return 0.5 * (max(opinions) - min(opinions))


def _curtain_change(page: FittedEdges, statistics: LayerStatistics, layer: int, x: Floats) -> float:
    """Change of the mean thickness when the curtains are put back, over columns that both fits have."""
    if page.uncleaned is None:
        return 0.0
    change = np.diff(page.uncleaned[layer : layer + 2] - page.position[layer : layer + 2], axis=0)[0]
    known = change[np.isfinite(change)]
    return abs(float(known.mean())) * float(np.cos(statistics.angle)) if known.size else float("nan")
