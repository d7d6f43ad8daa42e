"""Read TIFF images of SEMs: FEI/Thermo, Zeiss, TESCAN, Hitachi, JEOL, ImageJ, OME, plain (runs in the child)."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from imgpipe.errors import ReadError
from imgpipe.readers import grey, sem_companion, sem_fei, sem_plain, sem_tescan, sem_zeiss, tiff_structure
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.sem_header import SemHeader, agree, contradiction
from imgpipe.readers.sem_image import Plane, leaf, require_modest
from imgpipe.readers.tiff_pages import PageReader

Pixels = np.ndarray[Any, Any]
ZEISS, FEI, TESCAN = 34118, (34682, 34680), 50431
MIN_IS_WHITE, PALETTE = 0, 3
LOSSY = {6: "JPEG", 7: "JPEG", 33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34892: "JPEG", 50001: "WebP"}


def read(source: Source) -> list[Leaf]:
    """Return the leaf `image` of a TIFF file; pages of equal shape make the dimension z."""
    claims = tiff_structure.survey(source.path)
    require_modest(claims.pixels, claims.decoded, claims.stored, source.limits)
    with ExitStack() as opened:
        file = opened.enter_context(tifffile.TiffFile(source.path))
        pages, left_out = _images(file, len(claims.pages))
        reader = pages[0]
        header, slice_nm = _header(source, claims.pages[reader.index], reader)
        header.flags += claims.flags + left_out + _lossy(reader)
        _require_one_scale(source, header, [claims.pages[page.index] for page in pages[1:]], reader)
        _imagej_stack(reader, len(pages))
        made = leaf(source, [_plane(page, header) for page in pages], header, slice_nm=slice_nm)
        made.close = opened.pop_all().close  # rows are read while they are written
    return [made]


def _images(file: tifffile.TiffFile, claimed: int) -> tuple[list[PageReader], list[str]]:
    """Return the pages that are images of one size (no previews), and what was left out."""
    found = [page.aspage() for page in file.pages]
    if len(found) != claimed:
        raise ReadError(f"it has {claimed} pages, but only {len(found)} can be read.")
    full = [(index, page) for index, page in enumerate(found) if not int(page.subfiletype) & 1]
    if not full:
        full = list(enumerate(found))
    largest = max((page.imagelength * page.imagewidth for _, page in full), default=0)
    model = next(page for _, page in full if page.imagelength * page.imagewidth == largest)
    same = [(index, page) for index, page in full if page.shape == model.shape and page.dtype == model.dtype]
    other = len(found) - len(same)
    left_out = [f"{other} page(s) of other size or type left out (previews?)"] if other else []
    return [PageReader(page, file.filehandle.path, index) for index, page in same], left_out


def _plane(page: PageReader, header: SemHeader) -> Plane:
    photometric = int(page.page.photometric)
    colours = page.page.colormap if photometric == PALETTE else None
    if colours is not None:
        _, flag = grey.from_palette(np.zeros(1, page.dtype), colours)
        header.flags += [flag] if flag and flag not in header.flags else []

    def rows(start: int, stop: int) -> Pixels:
        pixels = grey.from_channels(page.band(start, stop))
        if colours is not None:
            return grey.from_palette(pixels, colours)[0]
        if photometric == MIN_IS_WHITE and pixels.dtype.kind == "u":
            return grey.inverted(pixels, page.page.bitspersample)
        return pixels

    kept = grey.native(np.zeros(0, page.dtype)).dtype.name
    return Plane((page.rows, page.columns), kept, page.piece_rows, rows, page.damage)


def _header(source: Source, page: tiff_structure.Directory, reader: PageReader) -> tuple[SemHeader, float | None]:
    shape = (reader.rows, reader.columns)
    check = source.pixel_size is None
    if (text := _text(source.path, page, ZEISS)) is not None:
        return sem_zeiss.header(text, shape, check_scale=check), None
    for tag in FEI:
        if (text := _text(source.path, page, tag)) is not None:
            return sem_fei.header(text, shape, check_scale=check), None
    if (text := _text(source.path, page, TESCAN)) is not None and (
        found := sem_tescan.header(text, shape, check_scale=check)
    ) is not None:
        return found, None
    if (found := sem_companion.header(source.path, shape, check_scale=check)) is not None:
        return found, None
    return sem_plain.header(reader.page.description, _resolution(reader))


def _require_one_scale(
    source: Source, first: SemHeader, others: list[tiff_structure.Directory], reader: PageReader
) -> None:
    """Refuse a stack whose pages carry different pixel sizes."""
    for index, page in enumerate(others, 2):
        text = _text(source.path, page, ZEISS)
        if text is None:
            return
        other = sem_zeiss.header(text, (reader.rows, reader.columns), check_scale=False)
        if first.pixel_size and other.pixel_size and not agree(first.pixel_size[0], other.pixel_size[0]):
            raise contradiction("page 1", first.pixel_size[0], f"page {index}", other.pixel_size[0])


def _lossy(reader: PageReader) -> list[str]:
    kind = int(reader.page.compression)
    return [f"lossy compression ({LOSSY[kind]}): grey values at edges are altered"] if kind in LOSSY else []


def _text(path: Path, page: tiff_structure.Directory, tag: int) -> str | None:
    value = tiff_structure.value_bytes(path, page, tag)
    return None if value is None else sem_companion.decoded(value)


def _resolution(reader: PageReader) -> tuple[tuple[int, int], tuple[int, int]] | None:
    pair = [reader.page.tags.valueof(code) for code in (282, 283)]
    if not all(isinstance(value, tuple) and len(value) == 2 for value in pair):
        return None
    return (pair[0][0], pair[0][1]), (pair[1][0], pair[1][1])


def _imagej_stack(reader: PageReader, pages: int) -> None:
    """Refuse ImageJ stacks over 4 GB: they have one directory for many images."""
    for line in reader.page.description.splitlines() if reader.page.description.startswith("ImageJ=") else ():
        key, _, value = line.partition("=")
        if key == "images" and value.isdigit() and int(value) > pages:
            raise ReadError(
                f"an ImageJ stack of {value} images of which the file lists only {pages}.",
                remedy="save it as an OME-TIFF or an image sequence.",
            )
