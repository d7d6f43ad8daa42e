"""Open an instrument's file as a data tree: look, know it, let a child read it, build the lazy tree."""

from __future__ import annotations

import json
import logging
import re
import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgpipe import errors
from imgpipe.errors import DataError, ReadError
from imgpipe.readers.file_stamp import look, require_unchanged
from imgpipe.readers.formats import HEAD, Format, detect, folder_format
from imgpipe.readers.ingest import POOL
from imgpipe.readers.leaf import Limits, Source
from imgpipe.units import parse_quantity

if TYPE_CHECKING:
    import xarray as xr

_log = logging.getLogger(__name__)
_BYTES = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*$", re.IGNORECASE)
PixelSize = float | str | tuple[float | str, float | str]


def read(
    path: str | Path,
    *,
    scratch: Path | None = None,
    pixel_size: PixelSize | None = None,
    data_bar: str | int = "auto",
    timeout_s: float = 120.0,
    memory_limit: str | int = "4 GiB",
    max_pixels: int = Limits.max_pixels,
    max_ratio: float = Limits.max_ratio,
    saturated_limit: float | None = None,
) -> xr.DataTree:
    """Read a file of an instrument: a child process copies its pixels into `scratch`, what comes back is lazy.

    Parameters
    ----------
    path : the file
    scratch : an existing folder for the copy; None: a temporary one, removed when the data is no longer used
    pixel_size : nm (a number), a length ("12.3 nm") or (x, y); overrules the file, and differences are flagged
    data_bar : ``auto`` (from the metadata, else detected), ``none``, or rows to take off the bottom
    timeout_s : seconds the reader may take
    memory_limit : memory the reader may occupy, such as "4 GiB"
    max_pixels : refuse files that claim more pixels
    max_ratio : refuse files whose compression ratio is higher
    saturated_limit : refuse images with a higher share (0 to 1) of saturated pixels, and images that are constant,
        too small or hold NaN; None: only flag them

    Returns
    -------
    an SEM image has the one leaf ``image``, with coordinates in nm (or px without a pixel size); a file of spectra one
    leaf per region (``S 2p``, ``survey``), of several samples ``SAMPLE/S 2p``, over the energy in eV

    Raises
    ------
    ReadError, DataError
        the file can't be read, or is not what it claims to be; a setting can't be used, or the pixels can't
    """
    path = Path(path)
    in_place = folder_format(path)
    if in_place is not None:
        return _open_in_place(path, in_place)
    before, head = look(path, HEAD)
    form, warned = detect(path, head)
    request = {
        "reader": form.reader,
        "path": str(path.absolute()),
        "pixel_size": _pixel_size(pixel_size),
        "data_bar": _data_bar(data_bar),
        "limits": {"max_pixels": int(max_pixels), "max_ratio": float(max_ratio)},
    }
    memory = _bytes(memory_limit)
    place = _folder(scratch)
    try:
        reply = POOL.ask({**request, "scratch": str(place)}, timeout_s=timeout_s, memory_limit=memory)
        leaves = _leaves(reply)
        require_unchanged(path, before)
    except errors.ImgpipeError as error:
        if scratch is None:
            shutil.rmtree(place, ignore_errors=True)
        raise _named(error, path, form) from None
    for line in warned:
        _log.warning("%s: %s", path, line)
    for leaf in leaves:
        _describe(leaf, path, form, [*warned, *reply["notes"]], request)
    return _tree(leaves, place, owned=scratch is None, saturated_limit=saturated_limit)


def _open_in_place(path: Path, form: Format) -> xr.DataTree:
    """Return the lazy tree of a folder that is read where it is (settings of images don't apply)."""
    import importlib

    import xarray as xr

    module, _, function = form.reader.partition(":")
    try:
        found: dict[str, xr.Dataset] = getattr(importlib.import_module(module), function)(Source(path))
    except errors.ImgpipeError as error:
        raise _named(error, path, form) from None
    step = {"step": "read", "reader": form.reader, "library": f"{form.library} {version_of(form.library)}"}
    for name, leaf in found.items():
        earlier = json.loads(leaf.attrs.get("provenance", "[]"))
        told = {"source_file": path.name, "provenance": json.dumps([*earlier, step])}
        found[name] = leaf.assign_attrs({"flags": "", **leaf.attrs, **told})
    return xr.DataTree.from_dict(found)


def _tree(leaves: list[dict[str, Any]], place: Path, *, owned: bool, saturated_limit: float | None) -> xr.DataTree:
    from imgpipe.readers.admission import admit
    from imgpipe.readers.assemble import Scratch, tree

    found = tree(leaves, Scratch(place, owned=owned))
    if saturated_limit is not None:
        for leaf in found.leaves:
            if "image" in leaf.data_vars and leaf.attrs.get("technique") != "edxs":
                admit(leaf.to_dataset(), max_saturated=saturated_limit)
    return found


def probe(path: str | Path) -> None:
    """Look at the first bytes of a file, whether it is there, not empty, and of a known type (or a zarr folder).

    Raises
    ------
    ReadError
        when it can't be read for such a reason; a file that passes may still be damaged further in.
    """
    if folder_format(Path(path)) is None:
        detect(Path(path), look(Path(path), HEAD)[1])


def _leaves(reply: dict[str, Any]) -> list[dict[str, Any]]:
    if "error" in reply:
        kind = getattr(errors, reply["error"])
        raise kind(reply["message"], file=reply["file"], remedy=reply["remedy"])
    if "fault" in reply:
        told = f" (it also said: {'; '.join(reply['notes'])})" if reply["notes"] else ""
        raise ReadError(f"its content can't be decoded ({reply['fault']}){told}.", remedy=_COPY_AGAIN)
    return list(reply["leaves"])


_COPY_AGAIN = "the file is probably damaged: copy it again from the instrument."


def _named(error: errors.ImgpipeError, path: Path, form: Format) -> errors.ImgpipeError:
    """Return the same error with the file, the reader and its version."""
    if isinstance(error, errors.OutputError):  # not the file's fault
        return error
    module = form.reader.partition(":")[0].rpartition(".")[2]
    message = error.message.rstrip(".")
    return type(error)(
        f"{message} [reader {module}, {form.library} {version_of(form.library)}].",
        file=str(path),
        remedy=error.remedy or _COPY_AGAIN,
    )


def version_of(distribution: str) -> str:
    """Return the version of an installed package, or ``(version unknown)``."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "(version unknown)"


def _describe(leaf: dict[str, Any], path: Path, form: Format, warned: list[str], request: dict[str, Any]) -> None:
    leaf["attrs"]["source_file"] = path.name
    leaf["attrs"]["flags"] = "; ".join(dict.fromkeys([*leaf.pop("flags"), *warned]))
    settings = {key: request[key] for key in ("pixel_size", "data_bar")}
    step = {"step": "read", "reader": form.reader, "library": f"{form.library} {version_of(form.library)}"}
    earlier = json.loads(leaf["attrs"].get("provenance", "[]"))  # a result of imgpipe that is read again
    leaf["attrs"]["provenance"] = json.dumps([*earlier, {**step, "settings": settings}])


def _folder(scratch: Path | None) -> Path:
    if scratch is None:
        return Path(tempfile.mkdtemp(prefix="imgpipe-"))
    place = Path(scratch)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.OutputError(f"can't make the scratch folder: {error}.", file=str(place)) from None
    return place.absolute()


def _pixel_size(given: PixelSize | None) -> tuple[float, float] | None:
    if given is None:
        return None
    pair = given if isinstance(given, tuple | list) else (given, given)
    if len(pair) != 2:
        raise DataError(f"pixel_size takes one length or (x, y), found {given!r}.")
    x, y = (parse_quantity(value, "nm") for value in pair)
    if not (0 < x < float("inf") and 0 < y < float("inf")):
        raise DataError(f"pixel_size must be greater than 0, found {given!r}.", remedy="give a length such as 12.3 nm.")
    return x, y


def _data_bar(given: str | int) -> str | int:
    if given in ("auto", "none") or (isinstance(given, int) and not isinstance(given, bool) and given >= 0):
        return given
    raise DataError(f"data_bar is 'auto', 'none' or a number of rows, found {given!r}.")


def _bytes(limit: str | int) -> int:
    if isinstance(limit, int):
        return limit
    match = _BYTES.match(limit)
    if match is None:
        raise DataError(f"memory_limit takes a size such as '4 GiB', found {limit!r}.")
    power = " KMGT".index(match[2].upper() or " ")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** power)
