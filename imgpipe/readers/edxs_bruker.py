"""Read Bruker maps (.bcf) and spectra (.spx) with rosettasciio; runs in the child.

rosettasciio decodes a map as a whole: memory is one map in its own integers (512 x 512 pixels of 2048 channels in 8
bits: 0.5 GiB), refused beforehand by `max_pixels`; what comes back is written tile by tile.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.edxs_end import AGAIN, beyond, flagged, require_end
from imgpipe.readers.edxs_images import image_leaf
from imgpipe.readers.edxs_leaves import Acquisition, leaves, require_modest
from imgpipe.readers.edxs_signals import Signal, acquisition, header_of
from imgpipe.readers.edxs_times import share_out
from imgpipe.readers.leaf import Leaf, Source

HEAD = 0x118
"""Bytes before the first chunk of the container."""
FITTING = 1e-3
"""Share of counts by which map and sum spectrum of one file may differ (pulses beyond the last channel)."""


def read_bcf(source: Source) -> list[Leaf]:
    """Return the leaves ``image`` ... and ``map`` ... of a Bruker map.

    Raises
    ------
    ReadError
        cut, damaged, or the map does not agree with the sum spectrum of its own header.
    """
    from rsciio.bruker._api import BCF_reader, bcf_hyperspectra, bcf_images

    said = _require_whole(source.path)
    file = BCF_reader(str(source.path))
    header = file.header
    pixels = header.image.width * header.image.height
    depth = max(one.data.size for one in header.spectra_data.values())
    require_modest(pixels * depth * len(file.available_indexes), source.limits)
    maps = bcf_hyperspectra(file, index="all", downsample=1)
    indexes = file.available_indexes
    made = leaves([_map(one, header, header.spectra_data[n]) for one, n in zip(maps, indexes, strict=True)], source)
    pictures: list[Leaf] = []
    for signal in bcf_images(file):
        pictures.append(image_leaf(signal, source, pictures, "Bruker"))
    return flagged([*pictures, *made], said)


def _require_whole(path: Path) -> list[str]:
    """Compare the size of the container with the chunks that its header states; return flags."""
    with open(path, "rb") as handle:
        head = handle.read(0x14C)
    if len(head) < 0x14C:
        raise ReadError(f"the file is cut: it has only {len(head)} bytes, too few for a header.", remedy=AGAIN)
    chunk, number = (int.from_bytes(head[at : at + 4], "little") for at in (0x128, 0x148))
    require_end(path, HEAD + chunk * number)
    return beyond(path, HEAD + chunk * number)


def _map(signal: Signal, header: Any, total: Any) -> Acquisition:
    """Return a map at the pixel size of its header: DX along x, DY along y (rosettasciio takes DY for both).

    `total` is the sum spectrum that the file carries beside the map.
    """
    told = header_of(signal)
    told.put("working_distance", signal["original_metadata"].get("Microscope", {}).get("WD"), 1e6)
    share_out(told, header.image.width * header.image.height)  # its real time is that of all lines together
    counts, stated = int(np.sum(signal["data"], dtype=np.int64)), int(np.sum(total.data, dtype=np.int64))
    if abs(counts - stated) > FITTING * stated:
        told.flags.append(f"the map holds {counts} counts, the sum spectrum of its file {stated}")
    found = acquisition(signal, unit="keV", header=told)
    found.lengths = [(header.y_res, header.units), (header.x_res, header.units)]
    return found


def read_spx(source: Source) -> list[Leaf]:
    """Return the leaf ``sum`` of a Bruker spectrum.

    Raises
    ------
    ReadError
        no XML, XML with entities, or other values than the header states.
    """
    from rsciio.bruker._api import spx_reader

    content = source.path.read_bytes()
    if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
        raise ReadError("its XML defines entities, which no spectrum does.", remedy="export the spectrum again.")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - entities are refused above
    except ElementTree.ParseError as error:
        raise ReadError(f"its XML is cut or damaged: {error}.") from None
    (signal,) = spx_reader(str(source.path))
    stated = root.findtext(".//ClassInstance[@Type='TRTSpectrumHeader']/ChannelCount")
    found = np.asarray(signal["data"])
    if stated and stated.strip().isdigit() and int(stated) != found.size:
        raise ReadError(f"the file is cut or damaged: it states {stated} channels, found are {found.size}.")
    return leaves([acquisition(signal, unit="keV")], source)
