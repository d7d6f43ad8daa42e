"""A lazy series of many spectra: memory of chunks instead of data, progress, the numbers of the road in memory.

The series is drawn block by block from one curve, so that it never exists as a whole.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from s2p_spectra import area_of, cycles, expected, leaf, tree

from imgpipe.blocks import chunks_watched
from imgpipe.steps.xps import fit_components

ROWS = 1000
MODEL = {"model": "published_s2p", "background": "shirley", "sensitivity": False}
CURVE = expected({"Li2S": 14.0, "Li6PS5Cl": 81.0, "SOx": 5.0}, area=area_of(5000.0, 1.0), fwhm=1.0)


def drawn(block: int) -> np.ndarray:
    return np.random.default_rng([20, block]).poisson(CURVE, size=(ROWS, CURVE.size)).astype(np.float64)


def lazy_series(count: int) -> xr.DataTree:
    import dask.array as da

    def chunk(block_info: dict | None = None) -> np.ndarray:
        return drawn(block_info[None]["chunk-location"][0])

    rows = da.map_blocks(
        chunk, chunks=((ROWS,) * (count // ROWS), (CURVE.size,)), dtype=np.float64, meta=np.empty((0, 0))
    )
    made = leaf(np.zeros((1, CURVE.size)), ("cycle", "energy"), cycle=cycles(1))
    counts = xr.Variable(("cycle", "energy"), rows, made["counts"].attrs)
    return tree(
        S_2p=xr.Dataset({"counts": counts}, {"energy": made["energy"], "cycle": cycles(count)}, attrs=made.attrs)
    )


def fitted(count: int) -> tuple[xr.Dataset, list[float]]:
    told: list[float] = []
    with chunks_watched(told.append, every=0.0):
        found = fit_components(lazy_series(count), **MODEL)["S 2p"].to_dataset()
    return found, told


def assert_as_in_memory(found: xr.Dataset, count: int) -> None:
    """Fit the first and the last block in memory; interpolated doubts don't enter area and position."""
    for block in (0, count // ROWS - 1):
        here = slice(block * ROWS, (block + 1) * ROWS)
        rows = tree(S_2p=leaf(drawn(block), ("cycle", "energy"), cycle=cycles(ROWS)))
        alone = fit_components(rows, **MODEL, curves="none", alternatives=False)["S 2p"].to_dataset()
        for name in ("area", "u_area", "position", "area_percent"):
            np.testing.assert_allclose(found[name].values[here], alone[name].values, rtol=2e-3, err_msg=name)


def test_a_lazy_series_gives_the_numbers_of_the_road_in_memory_and_tells_its_progress():
    found, told = fitted(3 * ROWS)
    assert_as_in_memory(found, 3 * ROWS)
    assert len(told) >= 3
    assert max(told) == 1.0
    assert found["counts"].chunks is not None
    assert float(found["converged"].mean()) > 0.999


IN_A_PROCESS = """
import json, resource, sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from imgpipe.kernels.fit import warm_up
from imgpipe.steps.xps import fit
from steps.xps.test_fit_large_series import ROWS, assert_as_in_memory, fitted

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def watched(*given, whole=fit.run_group):
    found = whole(*given)
    sizes.update(fitting=peak() - before, packed=found.block.nbytes / 2**20)
    fit.run_group = whole
    return found

sizes = {{}}
warm_up()
fitted(3 * ROWS)
fit.run_group = watched
before = peak()
start, cpu = time.time(), time.process_time()
found, told = fitted({count})
seconds, cpu = time.time() - start, time.process_time() - cpu
sizes.update(all=peak() - before, results=sum(v.nbytes for v in found.variables.values() if v.chunks is None) / 2**20)
assert_as_in_memory(found, {count})
print(json.dumps(dict(sizes, seconds=seconds, cpu=cpu, told=len(told))))
"""


@pytest.mark.truth
@pytest.mark.skipif(sys.platform == "win32", reason="resource is not on Windows")
def test_a_hundred_thousand_spectra_take_the_memory_of_chunks():
    """Fitting grows by the packed results only, in parts and then as a whole; the counts (108 MB) are never held."""
    count, tests = 100_000, str(Path(__file__).parents[2])
    program = IN_A_PROCESS.format(tests=tests, count=count)
    ended = subprocess.run(
        [sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, timeout=1800, check=False
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    print(told)
    assert told["told"] >= count // 2048
    assert told["fitting"] < 2.0 * told["packed"]
