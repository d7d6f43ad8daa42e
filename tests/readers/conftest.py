"""Files of every format that the readers know, and their pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture
from readers import vendor_files
from readers.vendor_files import FEI, TESCAN, ZEISS, grain, tagged, with_bar

from imgpipe.readers import close, formats


def _compressed(path: Path) -> Path:
    Picture.fromarray(grain()).save(path, compression="tiff_lzw")
    return path


def _tiled(path: Path) -> Path:
    stack = np.stack([grain(seed=seed) for seed in range(3)])
    tifffile.imwrite(path, stack, bigtiff=True, tile=(64, 64), photometric="minisblack", metadata=None)
    return path


def _png(path: Path) -> Path:
    Picture.fromarray(grain()).save(path)
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    "fei.tif": lambda path: tagged(path, with_bar(grain(dtype="uint16")), FEI, vendor_files.fei_text(200, 160)),
    "zeiss.tif": lambda path: tagged(path, grain(), ZEISS, vendor_files.zeiss_text(200)),
    "tescan.tif": lambda path: tagged(
        path, with_bar(grain()), TESCAN, vendor_files.tescan_text(), compression="zlib", rowsperstrip=16
    ),
    "lzw.tif": _compressed,
    "tiled.tif": _tiled,
    "image.png": _png,
    "image.dm3": lambda path: vendor_files.dm3(path, grain(dtype="uint16")),
    "image.dm4": lambda path: vendor_files.dm3(path, grain(dtype="uint16"), version=4),
}
FORMAT_NAMES = tuple(MAKERS)


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a good file of the named format."""

    def write(name: str) -> Path:
        return MAKERS[name](tmp_path / name)

    return write


@pytest.fixture
def misbehaving(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a file whose reader misbehaves in the named way."""

    def write(how: str) -> Path:
        form = formats.Format("test", (".bad",), ((0, b"BAD!"),), f"readers.bad_readers:{how}", "numpy")
        monkeypatch.setattr(formats, "FORMATS", [*formats.FORMATS, form])
        path = tmp_path / "file.bad"
        path.write_bytes(b"BAD!" + bytes(100))
        return path

    return write


@pytest.fixture
def fresh_children() -> None:
    """Let the next file be read by a new child."""
    close()
