"""Maps: the layers of a stored scan, inclined and rough in the plane of the face, and an electron image beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from imgpipe.model import quantity
from imgpipe.phantoms.edxs.detector import Detector
from imgpipe.phantoms.edxs.spectra import Exposure, expected, live_time
from imgpipe.phantoms.edxs.tables import table

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Section:
    """A face with inclined, rough layers.

    Parameters
    ----------
    scan : stored scan whose layers are shown
    shape : rows and columns of the map
    pixel : nm
    angle : of the layers' normal against x, deg
    roughness : standard deviation of the common displacement of all interfaces, nm
    correlation : its correlation length along the interfaces, nm
    first : place of the first interface on the first row, nm
    finer : pixels of the image per pixel of the map
    noise : grey levels
    """

    scan: str = "plated"
    shape: tuple[int, int] = (48, 64)
    pixel: float = 100.0
    angle: float = 6.0
    roughness: float = 60.0
    correlation: float = 500.0
    first: float = 1400.0
    finer: int = 4
    noise: float = 5.0


GREY = {"SE": 95.0, "Mg": 70.0, "W": 225.0, "Cu": 165.0, "Pt": 235.0}
"""Grey level of each layer in the image."""


def make_map(seed: int, detector: Detector, exposure: Exposure, **section: Any) -> tuple[xr.DataTree, xr.Dataset]:
    """Make a map (y, x, energy), an image of the same place, and their truth.

    Returns
    -------
    tree : leaves ``map`` and ``image``
    truth : ``interface_x`` (interface, y), nm: where each interface crosses each row; ``angle`` (deg), ``thickness``
        (layer), along the normal; ``roughness``
    """
    place = Section(**section)
    rng = np.random.default_rng([seed, 20_000])
    scan = table(place.scan)
    rows, columns = place.shape
    shift = _displacement(rng, place)
    y, x = _steps(rows, place.pixel), _steps(columns, place.pixel)
    fine_y = _steps(rows * place.finer, place.pixel / place.finer)
    fine_x = _steps(columns * place.finer, place.pixel / place.finer)
    mean = expected(scan, detector, exposure)
    counts = _counts(rng, scan["position"].values, mean, _along(place, shift, fine_y, y, x))
    grey = _image(rng, scan, place, _along(place, shift, fine_y, fine_y, fine_x))
    tree = {
        "map": _map_leaf(scan, counts, y, x, detector, exposure),
        "image": xr.Dataset(
            {"image": quantity(grey, "1", "grey value", "y x")},
            coords={"y": _axis("y", fine_y), "x": _axis("x", fine_x)},
            attrs={"technique": "sem", "title": "BSE", "sample": place.scan},
        ),
    }
    return xr.DataTree.from_dict(tree), _truth(scan, place, shift, fine_y, y)


def _steps(count: int, step: float) -> Floats:
    return np.asarray(np.arange(count) * step, dtype=np.float64)


def _displacement(rng: np.random.Generator, place: Section) -> Floats:
    """Return the common displacement of the interfaces at the rows of the image, nm."""
    length = place.correlation * place.finer / place.pixel
    white = rng.standard_normal(place.shape[0] * place.finer + 8 * int(length))
    smooth = gaussian_filter1d(white, length / 2.0)[4 * int(length) :][: place.shape[0] * place.finer]
    return np.asarray(place.roughness * smooth * np.sqrt(np.sqrt(np.pi) * length))


def _along(place: Section, shift: Floats, fine_y: Floats, y: Floats, x: Floats) -> Floats:
    """Return the distance (y, x) from the first interface along the layers' normal, nm."""
    angle = np.deg2rad(place.angle)
    row = (x[None, :] - place.first) * np.cos(angle) - y[:, None] * np.sin(angle)
    return np.asarray(row - np.interp(y, fine_y, shift)[:, None])


def _counts(rng: np.random.Generator, position: Floats, mean: Floats, along: Floats) -> NDArray[np.uint8]:
    place = np.clip(along, position[0], position[-1]).ravel()
    low = np.clip(np.searchsorted(position, place) - 1, 0, position.size - 2)
    part = ((place - position[low]) / (position[low + 1] - position[low]))[:, None]
    drawn = rng.poisson((1.0 - part) * mean[low] + part * mean[low + 1])
    return np.asarray(np.minimum(drawn, 255).astype(np.uint8).reshape(*along.shape, -1))


def _image(rng: np.random.Generator, scan: xr.Dataset, place: Section, along: Floats) -> NDArray[np.uint8]:
    layer = np.searchsorted(scan["interface_position"].values, along)
    grey = np.array([GREY[str(name)] for name in scan["layer"].values])[layer]
    noisy = gaussian_filter(grey, 0.8) + place.noise * rng.standard_normal(grey.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def _axis(dim: str, values: Floats) -> tuple[str, Floats, dict[str, str]]:
    return dim, values, {"units": "nm", "long_name": dim}


def _map_leaf(
    scan: xr.Dataset, counts: NDArray[np.uint8], y: Floats, x: Floats, detector: Detector, exposure: Exposure
) -> xr.Dataset:
    energy = ("energy", detector.energy, {"units": "eV", "long_name": "X-ray energy"})
    seconds = live_time(scan, detector, exposure)
    return xr.Dataset(
        {
            "counts": quantity(counts, "counts", "counts", "y x energy"),
            **{name: scan[name] for name in ("beam_energy", "take_off_angle", "azimuth_angle", "face_angle")},
            "live_time": quantity(seconds, "s", "live time per pixel"),
            "real_time": quantity(seconds * 1.1, "s", "real time per pixel"),
            "detector_resolution": quantity(detector.resolution, "eV", "FWHM at Mn Ka"),
        },
        coords={"y": _axis("y", y), "x": _axis("x", x), "energy": energy},
        attrs={
            "technique": "edxs",
            "elements": " ".join(str(symbol) for symbol in scan["element"].values),
            "title": "map",
            "sample": str(scan.attrs["scan"]),
        },
    )


def _truth(scan: xr.Dataset, place: Section, shift: Floats, fine_y: Floats, y: Floats) -> xr.Dataset:
    angle = np.deg2rad(place.angle)
    borders = scan["interface_position"].values[:, None] + np.interp(y, fine_y, shift)[None, :]
    crossing = place.first + (borders + y[None, :] * np.sin(angle)) / np.cos(angle)
    kept = ["interface_sigma", "thickness", "formula", "density", "spread", "beam_energy", "face_angle"]
    return (
        scan[kept]
        .assign(
            interface_x=quantity(crossing, "nm", "where the interface crosses the row", "interface y"),
            angle=quantity(place.angle, "deg", "angle of the layers' normal against x"),
            roughness=quantity(place.roughness, "nm", "standard deviation of the interfaces' displacement"),
        )
        .assign_coords(y=_axis("y", y))
    )
