"""What tests of recipes and runs share: steps of another package, small images, a recipe, the command in a child."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from imgpipe.steps import load_step, step_table

ROOT = Path(__file__).parents[1]
OUTSIDE = Path(__file__).parent / "outside"
PIXEL_SIZE = 5.0
RECIPE = """\
imgpipe: 1
title: small
inputs:
  image: {files: "{sample}_{day:d}d.tif", units: {day: d}, pixel_size: 5 nm, data_bar: none}
steps:
  - brighten: {by: 3}
  - mean_grey
keep: [image]
"""


@pytest.fixture
def outside_package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the steps of tests/outside join through entry points, here and in child processes."""
    monkeypatch.syspath_prepend(OUTSIDE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(OUTSIDE), str(ROOT)]))
    step_table.cache_clear()
    load_step.cache_clear()
    yield
    step_table.cache_clear()
    load_step.cache_clear()


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with recipe, images and a complete result ``out`` of three groups; copy it before changing it."""
    from imgpipe.batch import run

    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(OUTSIDE)
        recipe, images = make_study(folder)
        step_table.cache_clear()
        load_step.cache_clear()
        run(recipe, [images], folder / "out", report=False)
    return folder


@pytest.fixture
def study(finished_study: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished study that a test may spoil."""
    return Path(shutil.copytree(finished_study, tmp_path / "study"))


def write_image(path: Path, level: int = 100, seed: int = 1, size: tuple[int, int] = (48, 40)) -> Path:
    """Write a noisy grey image around a level as TIFF."""
    noise = np.random.default_rng(seed).integers(-20, 20, size)
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.clip(level + noise, 1, 254).astype(np.uint8))
    return path


def make_study(folder: Path, levels: tuple[int, ...] = (60, 90, 120), recipe: str = RECIPE) -> tuple[Path, Path]:
    """Write one image per level (``a_1d.tif``, ``b_2d.tif`` ...) and a recipe; return recipe and folder of images."""
    images = folder / "images"
    for number, level in enumerate(levels):
        write_image(images / f"{'abcdefgh'[number]}_{number + 1}d.tif", level, seed=number)
    path = folder / "recipe_of_study.yaml"
    path.write_text(recipe, encoding="utf-8")
    return path, images


def imgpipe(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a child process."""
    return subprocess.run(
        [sys.executable, "-m", "imgpipe.cli", *map(str, words)],
        capture_output=True, text=True, timeout=120, check=False, cwd=cwd,
    )  # fmt: skip


def numbers_of(out: Path) -> dict[str, bytes]:
    """Return the bytes that equal runs must share: data.zarr and tables, by path."""
    found = [*out.glob("*/data.zarr/**/*"), *out.glob("**/tables/*")]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in found if path.is_file()}
