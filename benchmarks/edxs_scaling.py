"""Part 3 of the EDXS benchmark: a map in zarr chunks through dask, peak memory and tasks against its size."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.edxs_map import CHANNELS, element_map
from benchmarks.edxs_map_ours import intensities, leaf
from benchmarks.edxs_measure import costed, memory
from benchmarks.measure import markdown

TILE = 64
"""Side of a chunk, pixels; a chunk holds the whole energy axis: 8 MiB as uint8."""


def scaling_table(*, small: bool) -> str:
    """Return the part of the report about size."""
    tile = 16 if small else TILE
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for side in (32, 64) if small else (256, 512, 1024):
            rows.append(_row(Path(folder) / f"{side}.zarr", side, tile, Path(folder), small=small))
    header = ["map", "MiB of counts", "chunks", "tasks", "tasks a chunk", "pixels / CPU s", "peak MiB"]
    title = f"## EDXS, element maps of a zarr store in chunks of {tile} x {tile} x {CHANNELS}, dask, one thread"
    return f"{title}\n\n{markdown(header, rows)}"


def _row(store: Path, side: int, tile: int, folder: Path, *, small: bool) -> list[str]:
    write_map(store, side, tile)
    little = folder / "little.zarr"
    if not little.exists():
        write_map(little, 16, 16)
    one = costed(maps_to_zarr, str(store), warm=(str(little),), small=small)
    chunks = (side // tile) ** 2
    size = side * side * CHANNELS / 2**20
    speed = side * side / one.seconds
    return [
        f"{side} x {side} x {CHANNELS}", f"{size:,.0f}", f"{chunks}", f"{one.result}", f"{one.result / chunks:.2f}",
        f"{speed:,.0f}", memory(one),
    ]  # fmt: skip


def write_map(store: Path, side: int, tile: int) -> None:
    """Write a map that repeats one drawn tile."""
    import zarr

    array = zarr.create_array(store, shape=(side, side, CHANNELS), chunks=(tile, tile, CHANNELS), dtype=np.uint8)
    counts = element_map(tile).counts
    for y in range(0, side, tile):
        for x in range(0, side, tile):
            array[y : y + tile, x : x + tile] = counts


def maps_to_zarr(store: str) -> int:
    """Write element maps beside the counts; return the number of tasks that dask has run."""
    import dask
    import dask.array as da
    from dask.callbacks import Callback

    tasks: list[Any] = []
    with dask.config.set(scheduler="synchronous"), Callback(posttask=lambda key, *_: tasks.append(key)):
        found = intensities(leaf(da.from_zarr(store)), method="model")
        found.to_zarr(f"{store}.maps", mode="w", consolidated=False)
    return len(tasks)
