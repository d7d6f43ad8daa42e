"""Read PNG images of SEMs (TESCAN with its .hdr, or plain with a pixel size from the recipe); runs in the child."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from imgpipe.errors import ReadError
from imgpipe.readers import grey, png_structure, sem_companion
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.sem_header import SemHeader
from imgpipe.readers.sem_image import Plane, leaf, require_modest
from imgpipe.readers.tiff_structure import SPARE

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def read(source: Source) -> list[Leaf]:
    """Return the leaf `image` of a PNG file."""
    claims = png_structure.survey(source.path)
    pixels = claims.columns * claims.rows
    decoded = pixels * _SAMPLES.get(claims.colour, 1) * claims.bits // 8
    require_modest(pixels, decoded, claims.stored, source.limits)
    if claims.bits == 16 and claims.colour in (2, 6):
        raise ReadError("a PNG with 16 bit colours, where a grey image is needed.", remedy="save it as 16 bit grey.")
    values, flag = _decode(source)
    shape = (claims.rows, claims.columns)
    header = sem_companion.header(source.path, shape, check_scale=source.pixel_size is None)
    header = header or SemHeader("plain", attrs={"tilt_corrected": "unknown"})
    header.flags += [flag] if flag else []
    if claims.extra > SPARE:
        header.flags.append(f"{claims.extra} bytes after the end of the PNG data")
    plane = Plane(shape, values.dtype.name, claims.rows, lambda start, stop: values[start:stop])
    return [leaf(source, [plane], header)]


def _decode(source: Source) -> tuple[np.ndarray[Any, Any], str]:
    Image.MAX_IMAGE_PIXELS = None  # the number of pixels was checked before
    with Image.open(source.path) as image:
        palette = image.getpalette("RGB") if image.mode == "P" else None
        pixels = np.asarray(image)
    if palette is not None:
        return grey.from_palette(pixels, np.asarray(palette, np.uint8).reshape(-1, 3).T)
    return grey.native(grey.from_channels(pixels)), ""
