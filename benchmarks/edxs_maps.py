"""Part 2 of the EDXS benchmark: element maps of a spectrum image, against eXSpy's windows and models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import edxs_map_peers
from benchmarks.edxs_map import CHANNELS, LINES, ElementMap, element_map
from benchmarks.edxs_map_ours import by_model, by_windows
from benchmarks.edxs_measure import costed, memory
from benchmarks.measure import Measurement, markdown

Floats = NDArray[np.float64]
Counts = NDArray[Any]
OURS, OUR_WINDOWS = "imgpipe line_intensities, model", "imgpipe line_intensities, windows"
ENOUGH = 5.0
"""Expected counts from which on coverage is counted: below, intervals of a non-negative number cover more."""
PLAIN, USUAL = "eXSpy windows", "eXSpy windows, background windows"
HEADER = [
    "method", "pixels", "pixels / CPU s", f"x {PLAIN}", "rms, mean of the elements, counts", "largest bias, counts",
    "negative", "refused", "within u / 1.96 u, %", "peak MiB",
]  # fmt: skip


METHODS: list[tuple[str, Callable[[Counts], Any], int, int]] = [
    (OURS, by_model, 1, 3),
    (OUR_WINDOWS, by_windows, 1, 3),
    (PLAIN, edxs_map_peers.windows, 1, 1),
    (USUAL, edxs_map_peers.background_windows, 1, 1),
    ("eXSpy model, least squares, all at once", edxs_map_peers.model_least_squares, 4, 1),
    ("eXSpy model, weighted, each spectrum", edxs_map_peers.model_weighted, 32, 1),
]
"""Name, method, every how many rows and columns of the map it gets, repeats. Small runs leave the last one out."""


@dataclass(frozen=True)
class Taken:
    """A method's maps (element, y, x), its u or None, which pixels it got, and what it took."""

    name: str
    maps: Floats
    u: Floats | None
    stride: int
    cost: Measurement


def maps_tables(*, small: bool) -> list[str]:
    """Return the parts of the report about element maps."""
    side = 48 if small else 256
    data = element_map(side)
    methods = [
        _taken(name, method, data, stride, repeats, small=small)
        for name, method, stride, repeats in METHODS[: -1 if small else None]
    ]
    floor = costed(one_pass, data.counts, warm=(data.counts[:2, :2],), repeats=3, small=small)
    title = f"## EDXS, element maps, {side} x {side} x {CHANNELS}, uint8, {len(LINES)} elements"
    mean = data.counts.sum(dtype=np.int64) / side**2
    said = f"{mean:.0f} counts a pixel, drawn photon by photon."
    return [
        title,
        f"{said}\n\n{_costs(methods, data)}\n\n{_distance(methods[0], methods, floor)}",
        _errors(methods, data),
    ]


def one_pass(counts: Counts) -> Counts:
    """Sum over the energy: the floor of any method that reads each channel once."""
    return np.asarray(counts.sum(axis=-1, dtype=np.uint32))


def _taken(
    name: str, method: Callable[[Counts], Any], data: ElementMap, stride: int, repeats: int, *, small: bool
) -> Taken:
    part = np.ascontiguousarray(data.counts[::stride, ::stride])
    one = costed(method, part, warm=(data.counts[:3, :3],), repeats=repeats, small=small)
    maps, u = one.result if isinstance(one.result, tuple) else (one.result, None)
    return Taken(name, maps, u, stride, one)


def _truth(data: ElementMap, stride: int) -> Floats:
    """Return the expected photons of each element's line (element, y, x)."""
    return np.asarray(data.photons[:, ::stride, ::stride] * data.alpha[:, None, None])


def _costs(methods: list[Taken], data: ElementMap) -> str:
    speed = {one.name: one.maps[0].size / one.cost.seconds for one in methods}
    rows = [
        [one.name, f"{one.maps[0].size:,}", f"{speed[one.name]:,.0f}", f"{speed[one.name] / speed[PLAIN]:.3g}",
         *_quality(one, _truth(data, one.stride)), memory(one.cost)]
        for one in methods
    ]  # fmt: skip
    return markdown(HEADER, rows)


def _quality(one: Taken, truth: Floats) -> list[str]:
    """Return rms, largest bias, negative share, elements without a number, and coverage of a method."""
    given: NDArray[np.bool_] = np.asarray(np.isfinite(one.maps).all(axis=(1, 2)))
    names = [element for element, number in zip(LINES, given, strict=True) if number]
    error = (one.maps - truth)[given]
    bias = error.mean(axis=(1, 2))
    worst = int(np.argmax(np.abs(bias)))
    within = ""
    if one.u is not None:
        enough = truth[given] >= ENOUGH
        ratio = (np.abs(error) / one.u[given])[enough]
        within = " / ".join(f"{100.0 * float((ratio <= factor).mean()):.1f}" for factor in (1.0, 1.96))
    return [
        f"{_rms(error).mean():.2f}", f"{bias[worst]:+.2f} ({names[worst]})", f"{(one.maps[given] < 0).mean():.1%}",
        f"{len(LINES) - len(names)} of {len(LINES)}", within,
    ]  # fmt: skip


def _distance(ours: Taken, methods: list[Taken], floor: Measurement) -> str:
    pixels = ours.maps[0].size
    per_pixel = {one.name: one.cost.seconds / one.maps[0].size for one in methods}
    ratios = [f"{per_pixel[one.name] / per_pixel[OURS]:.3g} times {one.name}" for one in methods[2:]]
    far = ours.cost.seconds / max(floor.seconds, 1e-9)
    return (
        f"imgpipe's model is {'; '.join(ratios)}. Floor, one sum over the energy of {pixels:,} pixels: imgpipe's model "
        f"takes {far:.1f} times as long, its windows {methods[1].cost.seconds / max(floor.seconds, 1e-9):.1f} times."
    )


def _errors(methods: list[Taken], data: ElementMap) -> str:
    """Compare the methods element by element."""
    header = ["element", "mean counts", *(f"{one.name}: bias / rms" for one in methods)]
    rows = []
    for number, (element, line) in enumerate(LINES.items()):
        row = [f"{element} {line}", f"{_truth(data, 1)[number].mean():.1f}"]
        for one in methods:
            error = one.maps[number] - _truth(data, one.stride)[number]
            known = np.isfinite(error).all()
            row.append(f"{error.mean():+.2f} / {_rms(error[None])[0]:.2f}" if known else "refused")
        rows.append(row)
    return markdown(header, rows)


def _rms(error: Floats) -> Floats:
    return np.asarray(np.sqrt(np.mean(error**2, axis=(1, 2))))
