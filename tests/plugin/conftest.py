"""A small image file, quick stand-ins for the layer steps, and a recipe of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from imgpipe import steps, template

RECIPE = """\
imgpipe: 1
title: quick stand-ins
inputs: {image: {files: "{sample}.tif", pixel_size: 4 nm}}
steps:
- denoise: {sigma: 2}
- trace_fake: {depth: 0.25}
- measure_fake: {}
"""
SHAPE = (120, 200)
BRIGHT_ROWS = slice(40, 80)


@pytest.fixture(autouse=True)
def fake_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the stand-ins into the table of steps, beside the real ones."""
    monkeypatch.setitem(steps.STEPS, "trace_fake", "plugin.fake_layers:trace_fake")
    monkeypatch.setitem(steps.STEPS, "measure_fake", "plugin.fake_layers:measure_fake")
    monkeypatch.setitem(steps.STEPS, "wait_fake", "plugin.fake_layers:wait_fake")
    steps.step_table.cache_clear()
    steps.load_step.cache_clear()
    yield
    steps.step_table.cache_clear()
    steps.load_step.cache_clear()


@pytest.fixture
def quick_technique(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a new dock start with the stand-ins."""
    quick = dataclasses.replace(template.TECHNIQUES["cross_section"], steps=("denoise", "trace_fake", "measure_fake"))
    monkeypatch.setitem(template.TECHNIQUES, "cross_section", quick)


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    """Write a plain TIFF (no pixel size in it): bright between the rows 40 and 80, dark elsewhere."""
    image = np.random.default_rng(5).integers(20, 40, SHAPE, dtype=np.uint8)
    image[BRIGHT_ROWS] += 180
    path = tmp_path / "data" / "foil.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, image)
    return path


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    """Write the recipe of the stand-ins."""
    path = tmp_path / "quick.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path
