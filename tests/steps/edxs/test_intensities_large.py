"""A map larger than memory: its element maps in bounded memory, one task a chunk and pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from photon_spectra import leaf, spectra

GIBIBYTE = 2**20
"""In kB, as the system counts memory."""
CODE = """
import pathlib, sys
import dask, dask.array as da, numpy as np, xarray as xr
from dask.callbacks import Callback
from imgpipe.model import quantity
from imgpipe.steps.edxs.intensities import line_intensities

data = da.from_zarr(sys.argv[1])
coords = {name: (name, 10.0 * np.arange(n), {"units": "nm"}) for name, n in zip("yx", data.shape)}
coords["energy"] = ("energy", -95.0 + 10.0 * np.arange(data.shape[-1]), {"units": "eV"})
counts = quantity(data, "counts", "counts", "y x energy", coords=coords)
def highest():
    status = pathlib.Path("/proc/self/status").read_text()  # ru_maxrss would count what the calling process held
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
tasks = []
class Counting(Callback):
    def _posttask(self, *told):
        tasks.append(told[0])
with Counting(), dask.config.set(scheduler="threads", num_workers=2):
    found = line_intensities(counts, None, quantity(5000.0, "eV", ""), quantity(130.0, "eV", ""), elements=["Mg", "W"])
mean = found["intensity"].mean(("y", "x"), dtype=np.float64).values
print(len(tasks) / data.npartitions, highest(), *mean[:2])
"""


def element_maps(store: Path) -> tuple[float, float, float, float]:
    """Return tasks a chunk, peak memory in kB, and the mean of Mg and W, of a run in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, str(store)], capture_output=True, text=True, check=True,
        env=environment,
    )  # fmt: skip
    tasks, peak, mg, w = (float(text) for text in done.stdout.split()[-4:])
    return tasks, peak, mg, w


def written(store: Path, rng: np.random.Generator, side: int, channels: int, chunk: int) -> None:
    """Write a map chunk by chunk; all rows of chunks are alike."""
    array = zarr.create_array(store, shape=(side, side, channels), chunks=(chunk, chunk, channels), dtype="u2")
    for x in range(0, side, chunk):
        y = spectra(rng, chunk**2, {"Mg": 60.0, "W": 40.0}, background=100.0, channels=channels, beam_energy=5000.0)
        block = y.reshape(chunk, chunk, channels)
        for place in range(0, side, chunk):
            array[place : place + chunk, x : x + chunk] = block


def test_memory_and_tasks_of_a_small_map(rng, tmp_path):
    written(tmp_path / "map.zarr", rng, 64, 1024, 16)
    tasks, peak, mg, w = element_maps(tmp_path / "map.zarr")
    assert tasks <= 3.0
    assert peak < GIBIBYTE
    assert mg == pytest.approx(60.0, rel=0.02)
    assert w == pytest.approx(40.0, rel=0.02)


@pytest.mark.truth
def test_a_map_of_eight_gigabytes_within_one(rng, tmp_path):
    written(tmp_path / "map.zarr", rng, 1024, 4096, 64)
    tasks, peak, mg, w = element_maps(tmp_path / "map.zarr")
    print(f"{1024 * 1024 * 4096 * 2 / 1e9:.1f} GB: {tasks:.3f} tasks a chunk, peak {peak / 1024:.0f} MiB")
    assert tasks <= 3.0
    assert peak < GIBIBYTE
    assert mg == pytest.approx(60.0, rel=0.01)
    assert w == pytest.approx(40.0, rel=0.01)


def test_the_leaf_of_photons_is_what_the_process_reads(rng):
    assert float(leaf(spectra(rng, 1, {"Mg": 1.0}))["energy"][0]) == -95.0
