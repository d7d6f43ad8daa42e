"""Layers along x are told from layers along y, with curtains across them."""

import numpy as np
import pytest

from imgpipe.kernels.stack_direction import stacked_along
from imgpipe.phantoms.cross_section import make


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tilt", [0.0, -1.72, 12.0])
def test_section_is_stacked_along_y(seed, tilt):
    dataset, _ = make(seed, preset="realistic", shape=(384, 512), curtains=0.04, tilt=tilt)
    image = dataset["image"].values
    assert stacked_along(image) == "y"
    assert stacked_along(image.T) == "x"


def test_nothing_to_see_counts_as_along_y():
    assert stacked_along(np.full((30, 40), 3, np.uint8)) == "y"
    assert stacked_along(np.zeros((1, 1))) == "y"
