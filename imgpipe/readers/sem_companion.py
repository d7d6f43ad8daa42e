"""Metadata files that lie beside an image: Hitachi and JEOL ``NAME.txt``, TESCAN ``NAME-tif.hdr`` or ``NAME.hdr``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from imgpipe.readers import sem_hitachi, sem_jeol, sem_tescan
from imgpipe.readers.sem_header import SemHeader

Parser = Callable[[str, tuple[int, int], bool], SemHeader | None]
LARGEST = 1 << 20
"""Bytes of a companion file at most: a larger text file is something else."""

LONGEST_NAME = 255
"""Bytes of a file name at most, on the usual file systems."""


def header(image: Path, shape: tuple[int, int], *, check_scale: bool) -> SemHeader | None:
    """Return the header from the first companion file that is metadata of a known maker, None without one."""
    suffix = image.suffix.lstrip(".")
    candidates: list[tuple[str, Parser]] = [(f"{image.stem}{end}.hdr", sem_tescan.header) for end in (f"-{suffix}", "")]
    for ending in (".txt", ".TXT"):
        candidates += [(image.stem + ending, sem_hitachi.header), (image.stem + ending, sem_jeol.header)]
    for name, parse in candidates:
        text = _content(image.with_name(name))
        found = parse(text, shape, check_scale) if text else None
        if found is not None:
            found.flags = [f"{name}: {flag}" for flag in found.flags]
            return found
    return None


def decoded(content: bytes) -> str:
    """Return the text of a tag or a companion file: UTF-16 or UTF-8 when marked or valid, else Windows Latin."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _content(path: Path) -> str:
    if len(os.fsencode(path.name)) > LONGEST_NAME or not path.is_file() or path.stat().st_size > LARGEST:
        return ""
    return decoded(path.read_bytes())
