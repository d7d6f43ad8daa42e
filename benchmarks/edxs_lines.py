"""Part 1 of the EDXS benchmark: many line scans, three interfaces each, fitted by everybody on the same counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.edxs_engine import equal_start, own_start
from benchmarks.edxs_floor import floor_text
from benchmarks.edxs_measure import costed, memory
from benchmarks.edxs_scan_peers import ScanFits, hyperspy_multifit, scipy_two_pass, scipy_usual
from benchmarks.edxs_scans import Scans, scans
from benchmarks.measure import Measurement, markdown

Floats = NDArray[np.float64]
Fit = Callable[[Floats, Floats], ScanFits]
OURS, ALONE = "imgpipe, Poisson likelihood", "imgpipe, finds its own start"
USUAL, CAREFUL = "scipy curve_fit, sigma = sqrt(counts)", "scipy curve_fit, twice"
HYPERSPY = "HyperSpy multifit, Offset + 3 Erf"
HEADER = [
    "method", "scans", "scans / CPU s", "x curve_fit", "rms of position, points", "imgpipe on the same scans",
    "within u, %", "within 1.96 u, %", "plateau bias, %", "converged", "lost", "peak MiB",
]  # fmt: skip
FAR = 10.0
"""A position farther than this from the truth is lost: another interface, or none. Points."""
FEW = 0.08
"""Factor on the counts that puts all plateaus below 10 counts a point."""


@dataclass(frozen=True)
class Peer:
    """A method, and how many scans it gets."""

    name: str
    fit: Fit
    count: int


def lines_tables(*, small: bool) -> list[str]:
    """Return the parts of the report about line scans."""
    count = 300 if small else 10_000
    return [
        f"## EDXS, {count:,} line scans, 200 points, 3 erf interfaces, plateaus 10-120 counts, 10 free parameters",
        _table(scans(count), _peers(30, 15) if small else _peers(5000, 2000), small=small),
        "## EDXS, the same at 0.8-9.6 counts",
        _table(scans(count, scale=FEW, seed=6), _peers(20, 0) if small else _peers(1000, 300), small=small),
    ]


def _peers(by_scipy: int, by_hyperspy: int) -> list[Peer]:
    chosen = [
        Peer(USUAL, scipy_usual, by_scipy),
        Peer(CAREFUL, scipy_two_pass, by_scipy),
        Peer(HYPERSPY, hyperspy_multifit, by_hyperspy),
    ]
    return [one for one in chosen if one.count]


def _table(data: Scans, peers: list[Peer], *, small: bool) -> str:
    ours, alone = (_timed(fit, data, 3, small=small) for fit in (equal_start, own_start))
    taken = {one.name: (one.count, _timed(one.fit, data.first(one.count), 1, small=small)) for one in peers}
    base = taken[USUAL][0] / taken[USUAL][1].seconds
    count = len(data.counts)
    everybody = {OURS: (count, ours), ALONE: (count, alone), **taken}
    rows = [_row(name, one, data.first(used), base, ours.result) for name, (used, one) in everybody.items()]
    speed = count / ours.seconds
    ratios = [f"{speed * one.seconds / used:.1f} times {name}" for name, (used, one) in taken.items()]
    far = floor_text(data, ours.seconds)
    return f"{markdown(HEADER, rows)}\n\nimgpipe is {'; '.join(ratios)}. {far}"


def _timed(fit: Fit, data: Scans, repeats: int, *, small: bool) -> Measurement:
    warm = (data.position, data.counts[:4])
    return costed(fit, data.position, data.counts, warm=warm, repeats=repeats, small=small)


def _row(name: str, one: Measurement, data: Scans, base: float, ours: ScanFits) -> list[str]:
    fits: ScanFits = one.result
    count = len(data.counts)
    error = fits.interface - data.interface
    found = fits.converged & (np.abs(error) < FAR).all(axis=1)
    own = ours.interface[:count] - data.interface
    both = found & (np.abs(own) < FAR).all(axis=1)
    within = [_percent(np.abs(error) <= factor * fits.u_interface, found) for factor in (1.0, 1.96)]
    level = 100.0 * (fits.level[found].sum(axis=0) / data.level[found].sum(axis=0) - 1.0)
    speed = count / one.seconds
    return [
        name, f"{count:,}", f"{speed:,.0f}", f"{speed / base:.2f}", *(_joined(_rms(e[both])) for e in (error, own)),
        *within, f"{level.mean():+.2f}", f"{fits.converged.mean():.1%}", f"{1.0 - found.mean():.1%}",
        memory(one),
    ]  # fmt: skip


def _percent(inside: NDArray[np.bool_], found: NDArray[np.bool_]) -> str:
    return " / ".join(f"{100.0 * value:.1f}" for value in inside[found].mean(axis=0))


def _rms(error: Floats) -> Floats:
    return np.asarray(np.sqrt(np.mean(error**2, axis=0)))


def _joined(values: Floats) -> str:
    return " / ".join(f"{value:.3f}" for value in values)
