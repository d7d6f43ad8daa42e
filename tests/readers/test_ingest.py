"""The ingesting child: what a reader does wrong stays a message, and the next file is read."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask
import numpy as np
import psutil
import pytest
import tifffile
from readers.vendor_files import grain

import imgpipe
from imgpipe.errors import DataError, OutputError, ReadError
from imgpipe.readers import close, read
from imgpipe.readers.ingest import POOL, Child

Misbehaving = Callable[[str], Path]


def _works(folder: Path) -> None:
    tifffile.imwrite(folder / "good.tif", grain())
    assert np.array_equal(read(folder / "good.tif")["image"].image.values, grain())


def test_row_18_segfault(misbehaving: Misbehaving, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"reader crashed \(SIGSEGV\)") as caught:
        read(misbehaving("segfault"))
    assert caught.value.file == str(tmp_path / "file.bad")
    _works(tmp_path)


def test_row_19_hang(misbehaving: Misbehaving, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"no answer within 0\.3 s.*timeout_s"):
        read(misbehaving("hang"), timeout_s=0.3)
    _works(tmp_path)


def test_row_20_memory(misbehaving: Misbehaving, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"used 0\.\d\d GiB of memory, more than the limit of 0\.39 GiB.*memory_limit"):
        read(misbehaving("eat_memory"), memory_limit="400 MiB")
    _works(tmp_path)


def test_a_reader_that_ends_the_process(misbehaving: Misbehaving, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="exit code 0"):
        read(misbehaving("exit_quietly"))
    _works(tmp_path)


def test_row_62_a_full_disk_is_not_the_files_fault(misbehaving: Misbehaving, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="can't write the copy") as caught:
        read(misbehaving("fill_the_disk"), scratch=tmp_path / "scratch")
    assert caught.value.file == str(tmp_path / "scratch")
    close()


def test_a_reader_that_prints_on_the_channel_of_answers(misbehaving: Misbehaving) -> None:
    assert int(read(misbehaving("print_loudly"))["image"].image.sum()) == 255 * 256 // 2


def test_a_warm_child_is_used_again(tmp_path: Path, fresh_children: None) -> None:
    _works(tmp_path)
    first = [child._process.pid for child in POOL._idle]
    _works(tmp_path)
    assert [child._process.pid for child in POOL._idle] == first


def test_close_ends_the_children(tmp_path: Path) -> None:
    _works(tmp_path)
    numbers = [child._process.pid for child in POOL._idle]
    close()
    assert numbers
    assert not any(psutil.pid_exists(number) for number in numbers)


def test_threads_read_at_the_same_time(tmp_path: Path) -> None:
    for seed in range(6):
        tifffile.imwrite(tmp_path / f"{seed}.tif", grain(seed=seed))
    with ThreadPoolExecutor(2) as threads:
        trees = list(threads.map(lambda seed: read(tmp_path / f"{seed}.tif"), range(6)))
    for seed, tree in enumerate(trees):
        assert np.array_equal(tree["image"].image.values, grain(seed=seed))


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, signal; from imgpipe.readers.ingest import Child\n"
        "child = Child(); print(child._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = str(Path(imgpipe.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": root},
        check=False,
        timeout=60,
    )
    number = int(done.stdout)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(number).wait(20)
    assert not psutil.pid_exists(number)


def test_a_file_in_the_working_folder_does_not_shadow_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_children: None
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    _works(tmp_path)


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "good.tif", grain())
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(read("good.tif")["image"].image.values, grain())


def test_the_temporary_copy_lives_as_long_as_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tifffile.imwrite(tmp_path / "good.tif", grain())
    image = read(tmp_path / "good.tif")["image"].to_dataset().image
    gc.collect()
    assert np.array_equal(image.values, grain())
    assert list(tmp_path.glob("imgpipe-*"))
    del image
    gc.collect()
    assert not list(tmp_path.glob("imgpipe-*"))


def test_a_failed_read_leaves_no_temporary_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "cut.tif").write_bytes(b"II*\0\10\0\0\0")
    with pytest.raises(ReadError):
        read(tmp_path / "cut.tif")
    assert not list(tmp_path.glob("imgpipe-*"))


def test_the_scratch_folder_of_the_caller_is_kept(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "good.tif", grain())
    read(tmp_path / "good.tif", scratch=tmp_path / "scratch")
    gc.collect()
    assert list((tmp_path / "scratch").iterdir())


def test_data_is_lazy_chunked_and_travels(tmp_path: Path) -> None:
    wide = np.random.default_rng(0).integers(1, 250, (300, 5000), np.uint8)
    tifffile.imwrite(tmp_path / "wide.tif", wide)
    image = read(tmp_path / "wide.tif", scratch=tmp_path / "scratch")["image"].image
    assert dask.is_dask_collection(image)
    assert image.chunks == ((300,), (2048, 2048, 904))
    assert np.array_equal(pickle.loads(pickle.dumps(image)).values, wide)  # noqa: S301 - as dask sends it


def test_a_damaged_chunk_of_the_copy_is_seen(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "good.tif", grain())
    image = read(tmp_path / "good.tif", scratch=tmp_path / "scratch")["image"].image
    chunk = next(path for path in (tmp_path / "scratch").rglob("*") if path.is_file() and path.name != "zarr.json")
    content = bytearray(chunk.read_bytes())
    content[1000] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        image.compute()


@pytest.mark.parametrize("limit", ["4 GiB", "4GB", "4096 MiB", 4 << 30])
def test_memory_limit_spellings(tmp_path: Path, limit: str | int) -> None:
    tifffile.imwrite(tmp_path / "good.tif", grain())
    read(tmp_path / "good.tif", memory_limit=limit)


@pytest.mark.parametrize("options", [{"memory_limit": "much"}, {"data_bar": "maybe"}, {"data_bar": -1}])
def test_wrong_settings(tmp_path: Path, options: dict[str, object]) -> None:
    tifffile.imwrite(tmp_path / "good.tif", grain())
    with pytest.raises(DataError):
        read(tmp_path / "good.tif", **options)  # type: ignore[arg-type]


def test_provenance_and_source_are_kept(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "good.tif", grain())
    attrs = read(tmp_path / "good.tif", pixel_size=3.0)["image"].attrs
    (step,) = json.loads(attrs["provenance"])
    assert step["step"] == "read"
    assert step["settings"] == {"pixel_size": [3.0, 3.0], "data_bar": "auto"}
    assert attrs["source_file"] == "good.tif"


def test_two_reads_give_equal_attributes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "good.tif", grain())
    one, two = (read(tmp_path / "good.tif")["image"].to_dataset() for _ in range(2))
    assert one.identical(two)


def test_memory_stays_bounded_for_a_large_image(tmp_path: Path, fresh_children: None) -> None:
    """120 MB of pixels pass through a child that never holds more than a band of them."""
    height, width = 12_000, 10_000
    path = tmp_path / "large.tif"
    stored = tifffile.memmap(path, shape=(height, width), dtype=np.uint8, photometric="minisblack")
    stored[:] = np.arange(width, dtype=np.uint8)[None] | 1
    stored.flush()
    del stored
    child = Child()
    request = {
        "reader": "imgpipe.readers.sem_tiff:read", "path": str(path), "pixel_size": None, "data_bar": "none",
        "limits": {}, "scratch": str(tmp_path / "scratch"),
    }  # fmt: skip
    before = child.resident_bytes()
    peak = [0]
    watching = threading.Event()

    def watch() -> None:
        while not watching.wait(0.01):
            peak[0] = max(peak[0], child.resident_bytes())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        child.ask(request, timeout_s=60, memory_limit=0)
    finally:
        watching.set()
        thread.join()
        child.kill()
    assert peak[0] - before < 250e6
