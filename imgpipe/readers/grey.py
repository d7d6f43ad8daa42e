"""Turn decoded pixels into one grey value each (numpy only)."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgpipe.errors import ReadError

Pixels = np.ndarray[Any, Any]


def from_channels(pixels: Pixels) -> Pixels:
    """Return the grey image of pixels with colour channels, when all colours are equal.

    Parameters
    ----------
    pixels : (rows, columns) grey, or (rows, columns, 2 to 4) grey + alpha, RGB or RGB + alpha

    Raises
    ------
    ReadError
        when the colours differ: there is no one right grey value.
    """
    if pixels.ndim == 2:
        return pixels
    channels = pixels.shape[-1]
    if channels in (1, 2):
        return pixels[..., 0]
    if channels not in (3, 4):
        raise ReadError(f"pixels with {channels} channels are no SEM image.", remedy="save one detector per file.")
    red = pixels[..., 0]
    different = np.count_nonzero((pixels[..., 1] != red) | (pixels[..., 2] != red))
    if different:
        raise ReadError(
            "a colour image, where a grey one is needed: "
            f"red, green and blue differ in {different} of {red.size} pixels.",
            remedy="save the original grey image of the detector, without coloured overlay or writing.",
        )
    return red


def from_palette(pixels: Pixels, palette: Pixels) -> tuple[Pixels, str]:
    """Return grey values of an image stored as indices, and a flag when the palette is coloured.

    Parameters
    ----------
    pixels : indices
    palette : (3, entries) red, green, blue, 8 or 16 bit
    """
    ramp = palette[0].astype(np.int64)
    if not (np.array_equal(palette[0], palette[1]) and np.array_equal(palette[0], palette[2])):
        return pixels, "false colours: the stored values are read, not the colours"
    if np.all(np.diff(ramp) >= 0) and ramp[-1] > ramp[0]:
        return pixels, "" if np.all(np.diff(ramp) > 0) else "a look-up table is applied on display only"
    if np.all(np.diff(ramp) <= 0):
        return (len(ramp) - 1 - pixels).astype(pixels.dtype), "stored inverted"
    return pixels, "an uneven grey palette is ignored"


def inverted(pixels: Pixels, bits: int) -> Pixels:
    """Return grey values of an image stored with white as zero."""
    return (((1 << bits) - 1) - pixels.astype(np.int64)).astype(pixels.dtype)


def native(pixels: Pixels) -> Pixels:
    """Return pixels in native byte order and a type that numpy computes with everywhere.

    Raises
    ------
    ReadError
        complex numbers or masks: they are no grey values.
    """
    if pixels.dtype.kind == "c":
        raise ReadError("pixels are complex numbers (an FFT?).", remedy="give the image itself.")
    if pixels.dtype.kind == "b":
        raise ReadError("a black and white mask, where a grey image is needed.", remedy="give the grey image.")
    if pixels.dtype.kind not in "uif":
        raise ReadError(f"pixels of type {pixels.dtype} are no grey values.", remedy="export as 8 or 16 bit grey.")
    target = np.dtype(np.float32) if pixels.dtype.itemsize == 2 and pixels.dtype.kind == "f" else pixels.dtype
    return np.ascontiguousarray(pixels, dtype=target.newbyteorder("="))
