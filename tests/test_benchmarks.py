"""Benchmarks run, and their numbers are right: not timed here, only small."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def rows(text: str) -> dict[str, list[str]]:
    """Return the cells of every table row by its first cell."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {cells[0]: cells[1:] for cells in lines}


def run(name: str) -> str:
    """Return what a benchmark on small data prints."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, "--small"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_cross_section_benchmark_compares_and_is_right() -> None:
    found = rows(run("cross_section"))
    for name in ("imgpipe, tracked edges", "imgpipe, joint fit (after tracking)", "scipy curve_fit erf, each column"):
        biases = [float(cell.split("/")[0]) for cell in found[name][2:4]]
        assert max(map(abs, biases)) < 0.15, (name, biases)
    tracked, loop = found["imgpipe, tracked edges"], found["scipy curve_fit erf, each column"]
    spread = [[float(cell.split("/")[1]) for cell in cells[2:4]] for cells in (tracked, loop)]
    assert spread[0][0] < spread[1][0]
    assert spread[0][1] < spread[1][1]
    left, layers, blocks = (float(cell) for cell in found["imgpipe remove_curtains"][2:5])
    assert left < 3.0
    assert layers < 0.6
    assert blocks < 1.0


def test_the_xps_benchmark_compares_equal_fits_and_is_right() -> None:
    gl, voigt, scaling = run("xps").split("## XPS, ")[1:]
    for table in (gl, voigt):
        found = rows(table)
        ours, likely = found["imgpipe, least squares as the peers"], found["imgpipe, Poisson likelihood (default)"]
        for method in (ours, likely):
            positions, areas = ([float(v) for v in cell.split(" / ")] for cell in method[3:5])
            assert max(positions) < 20.0, method  # medians of 200 spectra, meV
            assert max(areas) < 4.0, method
        for name in ("scipy least_squares trf, bounds", "scipy leastsq, analytic Jacobian", "HyperSpy multifit, lm"):
            median = float(found[name][2].split(" ")[0])
            assert abs(median) < 0.01, name  # equal chi square: equal work
    assert "dask, 2,000 spectra in chunks of 500, 2 threads" in scaling


def numbers(cell: str) -> list[float]:
    """Return the numbers of a cell, parted by slashes."""
    return [float(part.split(" ")[0].rstrip("%")) for part in cell.split(" / ")]


def test_the_edxs_benchmark_compares_and_is_right() -> None:
    lines, few, maps, scaling = run("edxs").split("## EDXS, ")[1:]
    ours = rows(lines)["imgpipe, Poisson likelihood"]
    peer = rows(lines)["scipy curve_fit, sigma = sqrt(counts)"]
    assert sum(numbers(peer[4])) <= sum(numbers(peer[3])), "rms on the same scans, points"
    three = 3.0 * 100.0 * (0.68 * 0.32 / 300) ** 0.5
    assert all(abs(share - 68.3) < three for share in numbers(ours[5])), ours
    assert all(abs(share - 95.0) < 3.0 * 100.0 * (0.95 * 0.05 / 300) ** 0.5 for share in numbers(ours[6])), ours
    assert abs(float(ours[7])) < 0.5, "plateaus, %"
    assert float(ours[8].rstrip("%")) > 99.0
    assert abs(float(rows(few)["imgpipe, Poisson likelihood"][7])) < 2.0
    model = rows(maps)["imgpipe line_intensities, model"]
    others = {name: cells for name, cells in rows(maps).items() if name.startswith("eXSpy")}
    assert model[5] == "0.0%", "no negative counts"
    assert all(float(model[3]) < float(cells[3]) for cells in others.values()), "rms"
    assert abs(float(model[4].split(" ")[0])) < 1.0, "largest bias, counts"
    assert len(others) == 3
    for cells in (rows(scaling)["32 x 32 x 2048"], rows(scaling)["64 x 64 x 2048"]):
        assert int(cells[2]) <= 3 * int(cells[1]) + 3, "tasks a chunk"
