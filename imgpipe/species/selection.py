"""Which optional components the data carry: forward selection by the Bayesian information criterion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgpipe.species.fitting import Options, bic, fitter
from imgpipe.species.parts import Spot
from imgpipe.species.plan import FitPlan

STRONG = 6.0
"""Fall of BIC that counts as strong evidence (Kass and Raftery 1995)."""


@dataclass(frozen=True)
class Candidate:
    """One model that was tried.

    Attributes
    ----------
    components : of all regions, as "region: name"
    added : what it has more than the best model before it; empty for the first
    bic, reduced : sum over the spectra, mean of statistic over degrees of freedom
    gain : by how much BIC fell against the best model before it; accepted when at least `STRONG`
    """

    components: tuple[str, ...]
    added: str
    bic: float
    reduced: float
    n_free: int
    gain: float
    accepted: bool


def select(
    plan: FitPlan, spots: Sequence[Spot], y: np.ndarray, options: Options, strong: float = STRONG
) -> tuple[list[Candidate], list[Spot]]:
    """Add optional components one at a time, the best first, as long as BIC falls by `strong`.

    Parameters
    ----------
    y : (b, n) counts of all spots side by side; one decision for all spectra

    Returns
    -------
    every model tried, in order, and the spots with the components that are carried
    """
    optional = list(
        dict.fromkeys((s.region.region, c.name) for s in spots for c in s.region.components if not c.required)
    )
    kept: list[tuple[str, str]] = []
    tried = [_tried(plan, _reduced(spots, optional, kept), y, options, "", np.inf, 0.0)]
    tried[0] = replace(tried[0], gain=0.0, accepted=True)
    best = tried[0].bic
    while len(kept) < len(optional):
        round_ = []
        for one in (o for o in optional if o not in kept):
            fewer = _reduced(spots, optional, [*kept, one])
            round_.append((one, _tried(plan, fewer, y, options, f"{one[0]}: {one[1]}", best, strong)))
        one, winner = min(round_, key=lambda pair: pair[1].bic)
        tried += [replace(c, accepted=c is winner and c.accepted) for _, c in round_]
        if not winner.accepted:
            break
        kept.append(one)
        best = winner.bic
    return tried, _reduced(spots, optional, kept)


def _reduced(spots: Sequence[Spot], optional: Sequence[tuple[str, str]], kept: Sequence[tuple[str, str]]) -> list[Spot]:
    gone = [one for one in optional if one not in kept]
    return [
        replace(spot, region=spot.region.without([name for region, name in gone if region == spot.region.region]))
        for spot in spots
    ]


def _tried(
    plan: FitPlan, spots: Sequence[Spot], y: np.ndarray, options: Options, added: str, before: float, strong: float
) -> Candidate:
    one = fitter(plan, spots, replace(options, thorough=True))  # a local minimum would decide for or against
    result = one.fit(y)
    free = result.q.shape[1] + result.amplitude.shape[1]
    total = float(np.sum(bic(one, y, result)))
    names = tuple(dict.fromkeys(f"{s.region.region}: {c.name}" for s in spots for c in s.region.components))
    reduced = float(np.mean(result.statistic) / max(y.shape[1] - free, 1))
    return Candidate(names, added, total, reduced, free, before - total, before - total >= strong)
