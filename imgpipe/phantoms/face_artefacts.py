"""What a milled face shows beside its layers: grains, curtains, charging, redeposited material, frost.

All functions take and return the noise-free image (y, x) in grey; each has a strength that switches it off at 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imgpipe.phantoms.materials import ICE_GREY
from imgpipe.phantoms.rough_interfaces import rough_profile

Floats = NDArray[np.float64]

_CAP_SHARE = 0.25  # curtains are weaker in the cap, which is there to prevent them
_REDEPOSIT_GREY = 104.0


def curtain_stripes(rng: np.random.Generator, width: int, rms: float, longest: float) -> Floats:
    """Draw the relative brightness of each column: a 1/f spectrum with random phases.

    Parameters
    ----------
    width : columns
    rms : of the process, relative (0.03 is 3 %)
    longest : longest wavelength, px; slower changes belong to charging

    Returns
    -------
    (width,) with process mean 0
    """
    ring = 1 << int(np.ceil(np.log2(2 * width)))
    frequency = np.fft.rfftfreq(ring)
    power = np.zeros_like(frequency)
    power[1:] = 1.0 / np.maximum(frequency[1:], 1.0 / longest)
    power[frequency < 1.0 / (4.0 * longest)] = 0.0
    amplitude = np.sqrt(power / power.sum()) * ring / 2.0
    phase = rng.standard_normal((2, frequency.size))
    return np.asarray(rms * np.fft.irfft((phase[0] + 1j * phase[1]) * amplitude, ring)[:width])


def add_curtains(image: Floats, stripes: Floats, cap_edge: Floats, onset: float) -> None:
    """Multiply vertical stripes into the image, in place: weak in the cap, rising below it.

    Parameters
    ----------
    stripes : (x,) relative brightness
    cap_edge : (x,) row where the cap ends
    onset : rows over which a curtain grows to its full strength
    """
    for start in range(0, image.shape[0], 256):
        rows = np.arange(start, min(start + 256, image.shape[0]), dtype=np.float64)[:, None]
        below = np.maximum(rows - cap_edge, 0.0)
        strength = 1.0 - (1.0 - _CAP_SHARE) * np.exp(-below / max(onset, 1e-9))
        image[start : start + 256] *= 1.0 + strength * stripes


def charging_field(rng: np.random.Generator, shape: tuple[int, int], strength: float) -> Floats:
    """Draw a slow brightness field: a tilted plane and half a wave, relative, rms near `strength`."""
    y = np.linspace(-1.0, 1.0, shape[0])[:, None]
    x = np.linspace(-1.0, 1.0, shape[1])[None, :]
    slope_y, slope_x, wave = rng.standard_normal(3)
    phase = rng.uniform(0.0, 2 * np.pi)
    return np.asarray(1.0 + strength * (slope_y * y + slope_x * x + wave * np.cos(np.pi * (x + 0.5 * y) + phase)))


def add_redeposit(image: Floats, rng: np.random.Generator, opacity: float, upper_row: float) -> None:
    """Cover the foot of the face with mottled redeposited material, in place.

    Parameters
    ----------
    opacity : at full strength, 0 to 1
    upper_row : mean row where the cover begins
    """
    height, width = image.shape
    edge = upper_row + rough_profile(rng, width, 0.12 * (height - upper_row), width / 9.0, 0.8)
    mottle = _mottle(rng, image.shape, 7.0, 3.0)
    first = max(int(edge.min()), 0)
    rows = np.arange(first, height, dtype=np.float64)[:, None]
    cover = opacity * (1.0 - np.exp(-np.maximum(rows - edge, 0.0) / (0.25 * (height - upper_row) + 1.0)))
    image[first:] += cover * (_REDEPOSIT_GREY + mottle[first:] - image[first:])


def _mottle(rng: np.random.Generator, shape: tuple[int, int], rms: float, sigma: float) -> Floats:
    """Return a stationary random field of this rms, smooth over `sigma` px."""
    coarse = rng.standard_normal((int(shape[0] / sigma) + 8, int(shape[1] / sigma) + 8))
    field = cv2.GaussianBlur(coarse, (0, 0), 1.0)
    size = (int(field.shape[1] * sigma), int(field.shape[0] * sigma))
    fine = cv2.resize(field, size, interpolation=cv2.INTER_CUBIC)[: shape[0], : shape[1]]
    return np.asarray(fine * (rms * 2.0 * np.sqrt(np.pi)))


def add_grains(
    image: Floats, rng: np.random.Generator, last_edge: Floats, contrast: float, size: tuple[float, float], blur: float
) -> None:
    """Give the grains of the substrate their channelling contrast, in place.

    Parameters
    ----------
    last_edge : (x,) row where the substrate begins
    contrast : relative standard deviation of the signal from grain to grain
    size : mean grain diameter along y and x, px
    blur : sigma of the probe, px
    """
    first = max(int(last_edge.min()) - 1, 0)
    height, width = image.shape[0] - first, image.shape[1]
    if height < 2:
        return
    factor = 1.0 + contrast * _grain_levels(rng, (height, width), size)
    rows = np.arange(first, image.shape[0], dtype=np.float64)[:, None]
    factor -= (factor - 1.0) * (1.0 - np.clip(rows - last_edge + 0.5, 0.0, 1.0))
    image[first:] *= cv2.GaussianBlur(factor, (0, 0), max(blur, 0.3))


def _grain_levels(rng: np.random.Generator, shape: tuple[int, int], size: tuple[float, float]) -> Floats:
    """Return one standard normal level per cell of a random tessellation (y, x)."""
    tall = (max(int(shape[0] * size[1] / size[0]), 2), shape[1])  # isotropic on this grid
    count = max(int(tall[0] * tall[1] / (0.785 * size[1] ** 2)), 2)
    seeds = np.ones(tall, dtype=np.uint8)
    seeds[rng.integers(0, tall[0], count), rng.integers(0, tall[1], count)] = 0
    _, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows = (np.arange(shape[0]) * (tall[0] / shape[0])).astype(np.intp)
    levels = np.clip(rng.standard_normal(count + 1), -2.0, 2.0)
    return np.asarray(levels[labels[rows] % levels.size])


@dataclass(frozen=True)
class Crystals:
    """Frost crystals on the face: centre and radii in px."""

    row: Floats
    column: Floats
    radius_y: Floats
    radius_x: Floats


def draw_frost(
    rng: np.random.Generator, shape: tuple[int, int], expected: float, radius: float, aspect: float
) -> Crystals:
    """Draw frost crystals, Poisson in number and lognormal in size.

    Parameters
    ----------
    expected : mean number in the image
    radius : median radius along x, px
    aspect : y radius over x radius
    """
    count = int(rng.poisson(expected))
    row = rng.uniform(0, shape[0], count)
    column = rng.uniform(0, shape[1], count)
    radius_x = radius * np.exp(0.4 * rng.standard_normal(count))
    return Crystals(row, column, aspect * radius_x, radius_x)


def add_frost(image: Floats, crystals: Crystals) -> NDArray[np.bool_]:
    """Put the crystals on the face, in place, with a bright rim; return the mask of what they hide (y, x)."""
    hidden = np.zeros(image.shape, dtype=bool)
    for row, column, radius_y, radius_x in zip(
        crystals.row, crystals.column, crystals.radius_y, crystals.radius_x, strict=True
    ):
        top, bottom = max(int(row - 1.5 * radius_y), 0), min(int(row + 1.5 * radius_y) + 2, image.shape[0])
        left, right = max(int(column - 1.5 * radius_x), 0), min(int(column + 1.5 * radius_x) + 2, image.shape[1])
        y = (np.arange(top, bottom)[:, None] - row) / radius_y
        x = (np.arange(left, right)[None, :] - column) / radius_x
        distance = np.sqrt(x**2 + y**2)
        cover = 1.0 / (1.0 + np.exp((distance - 1.0) / 0.06))
        rim = 0.35 * np.exp(-0.5 * ((distance - 0.9) / 0.12) ** 2)
        patch = (slice(top, bottom), slice(left, right))
        image[patch] += cover * (ICE_GREY * (0.85 + rim) - image[patch])
        hidden[patch] |= cover > 0.05
    return hidden
