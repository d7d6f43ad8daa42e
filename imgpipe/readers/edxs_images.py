"""Images that stand beside spectra in one file become leaves like those of the SEM readers (runs in the child)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from imgpipe.readers import grey
from imgpipe.readers.edxs_axes import length_factor
from imgpipe.readers.edxs_header import EdxsHeader
from imgpipe.readers.edxs_leaves import free_name, taken
from imgpipe.readers.edxs_signals import Signal, header_of, ordered
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.sem_header import SemHeader
from imgpipe.readers.sem_image import Plane, leaf, require_modest

_SHARED = ("beam_energy", "beam_current", "stage_tilt", "magnification", "working_distance")


def image_leaf(signal: Signal, source: Source, made: Sequence[Leaf], maker: str) -> Leaf:
    """Return an image of rosettasciio as the leaf ``image`` (``image 2`` ...), at its own scale.

    Parameters
    ----------
    signal : (y, x), grey
    made : leaves that have their names already
    maker : whose format it is
    """
    axes = ordered(signal["axes"])
    steps = [_step(axis) for axis in axes]
    sizes = (steps[1], steps[0]) if steps[0] and steps[1] else None
    return plane_leaf(signal["data"], sizes, header_of(signal), source, made, maker)


def plane_leaf(
    data: Any,
    pixel_size: tuple[float, float] | None,
    told: EdxsHeader,
    source: Source,
    made: Sequence[Leaf],
    maker: str,
) -> Leaf:
    """Return a grey image with its metadata as a leaf.

    Parameters
    ----------
    data : (y, x)
    pixel_size : (x, y) in nm, None where the file has none
    """
    require_modest(int(np.prod(data.shape)), 0, 0, source.limits)
    image = grey.native(taken(data, (slice(None), slice(None))))
    header = SemHeader(maker, pixel_size=pixel_size, pixel_size_source=f"{maker} file", raw=told.raw)
    header.quantities |= {name: told.numbers[name] for name in _SHARED if name in told.numbers}
    header.attrs |= {**told.attrs, "tilt_corrected": "unknown"}
    plane = Plane(image.shape, image.dtype.name, image.shape[0], lambda top, end: image[top:end])
    found = leaf(_without_settings(source), [plane], header)
    found.name = free_name("image", made)
    found.attrs["technique"] = "edxs"  # it stands beside the spectra, and is not measured itself
    return found


def _without_settings(source: Source) -> Source:
    """Return the source without pixel size and data bar: these belong to maps here, images have their own scale."""
    return dataclasses.replace(source, pixel_size=None, data_bar="none")


def _step(axis: dict[str, Any]) -> float | None:
    factor = length_factor(axis.get("units"))
    return abs(float(axis["scale"])) * factor if factor else None
