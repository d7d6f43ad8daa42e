"""Sample data: a small phantom of a coated foil, as a microscope would have written it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

from imgpipe.napari.reading import read_layers
from imgpipe.phantoms.cross_section import make, write

NAME = "phantom_Pt-Mg-W-Cu.tif"
SHAPE = (300, 512)


def cross_section() -> list[tuple[Any, dict[str, Any], str]]:
    """Return 140 nm Mg on 30 nm W between Pt and Cu; the file behind it lives as long as the program."""
    folder = Path(tempfile.mkdtemp(prefix="imgpipe-sample-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    dataset, _ = make(7, preset="realistic", shape=SHAPE, face_angle=54.0, tilt_corrected=True, tilt=1.5)
    path = folder / NAME
    write(dataset, path)
    return read_layers(str(path))
