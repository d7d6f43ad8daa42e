"""The data bar that no metadata tells of: found when it is drawn, never taken for granted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from readers.vendor_files import grain, with_bar

from imgpipe.readers.data_bar import detect


def _found(image: np.ndarray) -> int:  # type: ignore[type-arg]
    return detect(image[-int(0.3 * image.shape[0]) :], image.shape[0])


@pytest.mark.parametrize("rows", [20, 30, 40])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("invert", [False, True])
def test_drawn_bar_is_found(rows: int, dtype: str, invert: bool) -> None:
    image = with_bar(grain(dtype=dtype), rows)
    if invert:
        image[-rows:] = np.iinfo(dtype).max - image[-rows:]
    assert _found(image) == rows


def test_real_bar_below_an_image(real_data: Path) -> None:
    """The bar of the FEI file has borders, two light greys and anti-aliased writing."""
    stored = tifffile.imread(real_data / "fibsem/rosettasciio/tiff/FEI-Helios-Ebeam-16bits.tif")
    assert _found(np.concatenate([grain(442, 512, "uint16"), stored[442:]])) == 29


def test_real_images_without_bar(real_data: Path) -> None:
    for page in tifffile.imread(real_data / "fibsem/rosettasciio/tiff/ZEISS_SEM_multipage.tif"):
        assert [_found(np.rot90(page, quarter)) for quarter in range(4)] == [0, 0, 0, 0]


def test_anti_aliased_writing(rng: np.random.Generator) -> None:
    image = with_bar(grain(400, 500), 40)
    writing = image[-30:, 50:200]
    writing[rng.random(writing.shape) < 0.2] = 128
    assert _found(image) == 40


@pytest.mark.parametrize("seed", range(10))
def test_images_without_bar(seed: int) -> None:
    assert _found(grain(seed=seed)) == 0


def test_black_trench_is_no_bar(rng: np.random.Generator) -> None:
    image = grain(400, 400)
    image[-60:] = 0
    assert _found(image) == 0
    image[-60:][rng.random((60, 400)) < 0.01] = 1
    assert _found(image) == 0


def test_black_corner_is_no_bar() -> None:
    image = grain(400, 400)
    image[-100:, :250] = 0
    assert _found(image) == 0


def test_two_level_image_is_no_bar() -> None:
    image = np.where(grain(300, 300) > 100, 255, 0).astype(np.uint8)
    assert _found(image) == 0


def test_tiny_images() -> None:
    assert detect(np.zeros((1, 1), np.uint8), 1) == 0
    assert detect(np.zeros((0, 0), np.uint8), 0) == 0
