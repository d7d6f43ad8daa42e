"""What is said of scale and tilt reaches the rows of the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgpipe.batch import run
from imgpipe.phantoms.cross_section import make
from imgpipe.phantoms.vendor_tiff import write

RECIPE = """\
imgpipe: 1
inputs: "{sample}_{stack}.tif"
steps:
SCALE
TILT
  - trace_edges
  - fit_edges
  - layer_thickness
"""
SCALE = "  - calibrate_scale: {u: 0.5 %, u_is: standard, certificate: C-1, beam_energy: ENERGY}"
TILT = "  - correct_foreshortening"


@pytest.mark.parametrize(
    ("scale", "tilt", "flags", "shared"),
    [
        ("2 keV", True, set(), "scale C-1; tilt Helios G4 CX, 52 deg"),
        (
            "5 keV",
            True,
            {"nominal scale", "scale certificate not applied: it is for another beam energy, 5000 eV"},
            None,
        ),
        ("", True, {"nominal scale"}, None),
        ("2 keV", False, {"foreshortened: tilt not corrected"}, "scale C-1"),
    ],
)
def test_flags_and_ids_of_shared_terms(
    tmp_path: Path, scale: str, tilt: bool, flags: set[str], shared: str | None
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    data, _ = make(4, shape=(192, 256), thickness=(100.0, 60.0), pixel_size=2.0, face_angle=52.0)
    write(data, images / "a_Pt-Mg-W-Cu.tif", vendor="fei")
    text = RECIPE.replace("SCALE", SCALE.replace("ENERGY", scale) if scale else "")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text.replace("TILT", TILT if tilt else ""))
    table = run(recipe, [images], tmp_path / "out", report=False).table("layers")
    for row in table.itertuples():
        assert {flag for flag in row.flag.split("; ") if flag} == flags
        assert shared is None or row.shared_id == shared
