"""Real instrument files through a recipe (numbers from the SOURCES.md beside them)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from imgpipe.batch import run

RECIPE = """\
imgpipe: 1
title: Cap edge of a FIB-SEM slice pair
inputs: "{sample}_{stack}.tif"
steps:
  - crop: {left: 480, right: 728}
  - correct_foreshortening
  - trace_edges
  - fit_edges
  - layer_thickness
"""
CAP_EDGE = (404.70, 413.88)
PIXEL_SIZE = 12.326225


def test_zeiss_pair(real_data: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    shutil.copy(real_data / "fibsem/rosettasciio/tiff/ZEISS_SEM_multipage.tif", images / "pair_cap-face.tif")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    result = run(recipe, [images], tmp_path / "out")
    assert result.failures == []
    leaf = result.tree("pair_cap-face")["image"].to_dataset()
    steps = [float(np.diff(leaf[dim].values).mean()) for dim in ("y", "x")]
    np.testing.assert_allclose(steps, PIXEL_SIZE, rtol=1e-6)  # no second foreshortening
    assert float(leaf["face_angle"]) == 54.0
    rows = leaf["interface_position"].values[:, 0] / PIXEL_SIZE
    np.testing.assert_allclose(np.nanmedian(rows, axis=1), CAP_EDGE, atol=1.0)
    traced = leaf["traced_position"].values[:, 0] / PIXEL_SIZE
    np.testing.assert_allclose(np.nanmedian(traced, axis=1), CAP_EDGE, atol=1.0)
    table = result.table("interfaces")
    assert table.interface.tolist() == ["cap|face"]
    assert (result.path / "report.html").exists()
