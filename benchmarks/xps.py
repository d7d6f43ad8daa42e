"""S 2p, three doublets, 10 free parameters, active Shirley: imgpipe's engine, lmfit, scipy, HyperSpy."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import xps_engine, xps_floor, xps_peers
from benchmarks.measure import Measurement, markdown, measured
from benchmarks.xps_data import Spectra, spectra
from benchmarks.xps_models import Lineshape
from benchmarks.xps_scaling import dask_job, in_chunks, wall_seconds

Floats = NDArray[np.float64]
Fit = Callable[[Floats, Floats, Lineshape], tuple[Floats, Floats]]
HEADER = [
    "method", "fits / CPU s", "x lmfit by hand", "chi2 above imgpipe, median (worst)", "position, meV", "area, %",
    "peak MiB",
]  # fmt: skip
TITLES: dict[Lineshape, str] = {"gl": "Gauss-Lorentz sum", "voigt": "true Voigt"}
BY_HAND, OURS = "lmfit, one hand-written model, bounds", "imgpipe, least squares as the peers"


@dataclass(frozen=True)
class Peer:
    """A method, and how many spectra it gets."""

    name: str
    fit: Fit
    count: int


def report(*, small: bool) -> str:
    """Return the tables of this benchmark as Markdown."""
    data = spectra(200 if small else 20_000)
    shapes: tuple[Lineshape, ...] = ("gl", "voigt")
    parts = []
    for lineshape in shapes:
        parts += [
            f"## XPS, S 2p, 141 points, 3 doublets, 10 free parameters, active Shirley, {TITLES[lineshape]}",
            fits_table(data, lineshape, small=small),
        ]
    parts += ["## XPS, size of a call, threads, dask", scaling_table(data, small=small)]
    return "\n\n".join(parts)


def peers(*, small: bool) -> list[Peer]:
    """Return who takes part, as far as installed."""
    from benchmarks import xps_hyperspy

    by_hand = [
        Peer(BY_HAND, xps_peers.lmfit_by_hand, 300),
        Peer("lmfit, built-in models, static Shirley", xps_peers.lmfit_usual, 25),
    ]
    others = [
        Peer("scipy least_squares trf, bounds", xps_peers.scipy_trf, 300),
        Peer("scipy leastsq, analytic Jacobian", xps_peers.scipy_leastsq_analytic, 600),
        Peer("HyperSpy multifit, lm", xps_hyperspy.multifit, 300),
        Peer("HyperSpy multifit, trf, bounds", xps_hyperspy.multifit_bounded, 150),
    ]
    if importlib.util.find_spec("lmfit") is None:
        by_hand = []
    # Small runs leave out the two that take longest.
    return [Peer(one.name, one.fit, 6) for one in by_hand[:1] + others[:3]] if small else by_hand + others


def fits_table(data: Spectra, lineshape: Lineshape, *, small: bool) -> str:
    """Time all methods on the same spectra; compare chi squares and errors against the truth."""
    chosen = peers(small=small)
    ours = _timed(xps_engine.least_squares, data, lineshape, repeats=1 if small else 5)
    likely = _timed(xps_engine.likelihood, data, lineshape, repeats=1 if small else 5)
    taken = {one.name: (one.count, _timed(one.fit, data.first(one.count), lineshape, repeats=1)) for one in chosen}
    base = next((count / one.seconds for name, (count, one) in taken.items() if name == BY_HAND), np.nan)
    chi = ours.result[1]
    everybody = {OURS: (len(chi), ours), **taken}
    rows = [_row(name, count, one, data, base, chi) for name, (count, one) in everybody.items()]
    rows.insert(1, _row("imgpipe, Poisson likelihood (default)", len(chi), likely, data, base, None))
    speed = len(chi) / ours.seconds
    said = "Errors are medians against the truth (Li2S / Li6PS5Cl / SOx)."
    return f"{markdown(HEADER, rows)}\n\n{said} {_ratios(taken, speed)}\n\n{floor_text(data, lineshape, ours)}"


def _timed(function: Fit, data: Spectra, lineshape: Lineshape, repeats: int) -> Measurement:
    warm = (data.energy, data.counts[:2], lineshape)
    return measured(function, data.energy, data.counts, lineshape, warm=warm, repeats=repeats)


def _row(name: str, count: int, one: Measurement, data: Spectra, base: float, chi: Floats | None) -> list[str]:
    parameters, own = one.result
    position = 1e3 * np.median(np.abs(parameters[:, :3] - data.position[:count]), axis=0)
    area = 100.0 * np.median(np.abs(parameters[:, 5:8] / data.area[:count] - 1.0), axis=0)
    above = own - chi[:count] if chi is not None else np.zeros(0)
    shown = f"{np.median(above):+.4f} ({above.max():+.2f})" if above.size else "another statistic"
    speed = count / one.seconds
    errors = [" / ".join(f"{value:.1f}" for value in values) for values in (position, area)]
    return [name, _number(speed), f"{speed / base:.2f}", shown, *errors, f"{one.mebibytes:.0f}"]


def _ratios(taken: dict[str, tuple[int, Measurement]], speed: float) -> str:
    ratios = [f"{speed * one.seconds / count:.0f} times {name}" for name, (count, one) in taken.items()]
    return f"imgpipe is {'; '.join(ratios)}."


def floor_text(data: Spectra, lineshape: Lineshape, ours: Measurement) -> str:
    """Say how far the fit is from its arithmetic."""
    floor = xps_floor.measure(data.energy, lineshape)
    result = xps_engine.fitted(data.energy, data.counts[:500], lineshape, "gaussian")
    evaluations = float(result.iterations.mean()) + 1.0
    least = evaluations * (floor.shape + floor.products)
    taken = 1e6 * ours.seconds / len(data.counts)
    return (
        f"Floor: {evaluations:.1f} evaluations of 6 peaks with derivatives ({floor.shape:.2f} us; an exponential takes "
        f"{floor.exponential:.2f} ns) and of 55 sums of products ({floor.products:.2f} us) are {least:.0f} us; a fit "
        f"takes {taken:.0f} us, {taken / least:.1f} times as long."
    )


def scaling_table(data: Spectra, *, small: bool) -> str:
    """Time calls of several sizes, two threads, and a large dask job."""
    rows = []
    for size in (100,) if small else (1, 10, 100, 1000, 10_000):
        used = data.first(min(len(data.counts), 200 if size == 1 else 10_000))
        warm = (used.energy, used.counts[:2], "gl", size)
        one = measured(in_chunks, used.energy, used.counts, "gl", size, warm=warm, repeats=1 if small else 3)
        speed = len(used.counts) / one.seconds
        rows.append([f"{size} spectra a call", f"{_number(speed)} / CPU s", f"{one.mebibytes:.0f}"])
    walls = {threads: _wall(data, threads) for threads in (1, 2)}
    for threads, wall in walls.items():
        speed = len(data.counts) / wall
        shown = f"{_number(speed)} / s of wall time ({walls[1] / wall:.2f} times one thread)"
        rows.append([f"{threads} thread{'s' if threads > 1 else ''}", shown, ""])
    count, chunk = (2_000, 500) if small else (100_000, 2_000)
    few = data.first(20)
    job = measured(dask_job, few, count, chunk, 2, warm=(few, 100, 50, 2), repeats=1)
    wall, reports, _ = job.result
    shown = (
        f"{_number(count / wall)} / s of wall time, {_number(count / job.seconds)} / CPU s, {reports} progress reports"
    )
    rows.append([f"dask, {count:,} spectra in chunks of {chunk:,}, 2 threads", shown, f"{job.mebibytes:.0f}"])
    return markdown(["how", "fits", "peak MiB"], rows)


def _wall(data: Spectra, threads: int) -> float:
    warm = (data.energy, data.counts[:8], "gl", threads)
    return float(measured(wall_seconds, data.energy, data.counts, "gl", threads, warm=warm, repeats=1).result)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
