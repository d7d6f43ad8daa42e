"""X-ray spectra in the viewer: a map is an image, a measured map one per element, a spectrum a clear message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from napari.components import ViewerModel

from imgpipe.blocks import is_lazy
from imgpipe.errors import DataError
from imgpipe.model import axis, quantity, texts
from imgpipe.napari import canvas, reading
from imgpipe.napari.conversion import element_layers, with_image
from imgpipe.napari.measuring import View, image_leaf

EXAMPLES = Path(__file__).parents[2] / "example_data" / "edxs"


def spectral_map() -> xr.Dataset:
    """Return 3 x 4 spectra of two counts a channel, pixels of 100 nm."""
    coords = {"y": axis("y", 3, 100.0, "nm"), "x": axis("x", 4, 100.0, "nm"), "energy": axis("energy", 5, 10.0, "eV")}
    counts = quantity(np.full((3, 4, 5), 2, dtype=np.uint8), "counts", "counts", "y x energy", coords)
    return xr.Dataset({"counts": counts}, attrs={"technique": "edxs"})


def measured_map() -> xr.Dataset:
    """Return the same after measuring: the counts of two elements in each pixel."""
    values = np.arange(24.0).reshape(2, 3, 4)
    element = texts(["Mg", "W"], "element", "element")
    area = quantity(values, "counts", "intensity", ("element", "y", "x"), {"element": element})
    return spectral_map().assign(intensity=area)


def test_a_map_is_an_image_of_all_its_counts_and_stays_lazy() -> None:
    assert (with_image(spectral_map())["image"].values == 10).all()
    assert is_lazy(with_image(spectral_map().chunk())["image"])
    assert image_leaf(xr.DataTree.from_dict({"map": spectral_map()}))["image"].shape == (3, 4)


def test_a_measured_map_is_drawn_as_elements_with_the_scale_of_the_map() -> None:
    names = [options["name"] for _, options, _ in element_layers(measured_map())]
    assert names == ["Mg map", "W map"]
    viewer, view = ViewerModel(), View(Path("a.bcf"), "a", with_image(measured_map()), {})
    assert canvas.draw(viewer, view) is None
    canvas.draw(viewer, view)
    assert [layer.name for layer in viewer.layers] == ["a", "Mg map", "W map"]
    assert all(tuple(layer.scale) == (100.0, 100.0) for layer in viewer.layers)
    assert [layer.visible for layer in viewer.layers] == [True, True, False]
    np.testing.assert_array_equal(viewer.layers["W map"].data, np.arange(12.0, 24.0).reshape(3, 4))


def test_the_reader_shows_image_and_map_of_a_file_at_their_own_scales() -> None:
    layers = reading.read_layers(str(EXAMPLES / "inclined_map.hspy"))
    assert [options["name"] for _, options, _ in layers] == ["inclined_map image", "inclined_map map"]
    assert [options["scale"] for _, options, _ in layers] == [[25.0, 25.0], [100.0, 100.0]]
    assert int(np.asarray(layers[1][0]).sum()) > 100_000


def test_a_line_scan_is_refused_in_words() -> None:
    with pytest.raises(DataError, match=r"plated_line\.hspy.*neither an image nor a map"):
        reading.read_layers(str(EXAMPLES / "plated_line.hspy"))
