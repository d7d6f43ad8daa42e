"""Read JEOL Analysis Station files with rosettasciio: .eds, .pts, .asw, and their images; runs in the child.

The stream of a map (.pts) is decoded here: rosettasciio builds the whole map in memory, in 8 bits that can overflow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.edxs_end import AGAIN, beyond, require_end
from imgpipe.readers.edxs_events import EventCube, jeol_keys, require_events
from imgpipe.readers.edxs_images import image_leaf
from imgpipe.readers.edxs_leaves import Acquisition, leaves, require_modest
from imgpipe.readers.edxs_signals import Signal, acquisition, header_of
from imgpipe.readers.edxs_times import share_out
from imgpipe.readers.leaf import Leaf, Source

CHANNELS = 4096
_LAST_BLOCK = b"\5\0\0\0"
_LAST_BYTES = 374
"""Bytes from the detector's name in the last block of a spectrum to the end of the file."""
_PICTURES = (".img", ".map")
_ONE_CHANNEL = 0.02
"""keV up to which rosettasciio is asked to decode a map of which only the header is wanted."""


def read(source: Source) -> list[Leaf]:
    """Return the leaves of one file: ``sum`` (.eds), ``map`` (.pts), ``image`` (.img, .map)."""
    return _leaves([source.path], source)


def read_project(source: Source) -> list[Leaf]:
    """Return the leaves of all files that a project (.asw) names.

    Raises
    ------
    ReadError
        a file is missing, or lies outside of the project's folder.
    """
    from rsciio.jeol._api import _parsejeol

    with open(source.path, "rb") as handle:
        handle.seek(12)
        tree = _parsejeol(handle)
    root = source.path.parent.resolve()
    return _leaves([_inside(root, name) for name in _names(tree)], source)


def _names(tree: Any) -> list[str]:
    found = []
    for sample in tree.get("SampleInfo", {}).values():
        for view in sample.get("ViewInfo", {}).values():
            found += [str(data["Filename"]) for data in view.get("ViewData", {}).values()]
    if not found:
        raise ReadError("the project names no data.", remedy="give the .pts or .eds file itself.")
    return found


def _inside(root: Path, name: str) -> Path:
    path = root.joinpath(*name.split("\\")).resolve()
    if not path.is_relative_to(root):
        raise ReadError(f"it names a file outside of its folder ({name}); such files are not opened.")
    if not path.is_file():
        raise ReadError(f"the project's file {name} is missing.", remedy="copy the whole folder of the project.")
    return path


def _leaves(paths: list[Path], source: Source) -> list[Leaf]:
    spectra, signals = [], []
    for path in paths:
        if path.suffix.lower() in _PICTURES:
            signals.append(_one(path))
        else:
            spectra.append(_map(path, source) if path.suffix.lower() == ".pts" else _spectrum(path))
    pictures: list[Leaf] = []
    for signal in signals:
        pictures.append(image_leaf(signal, source, pictures, "JEOL"))
    return [*pictures, *(leaves(spectra, source) if spectra or not pictures else [])]


def _one(path: Path, **options: Any) -> Signal:
    from rsciio.jeol import file_reader

    found = file_reader(str(path), **options)
    if not found:
        raise ReadError(f"{path.name} is no file of JEOL's Analysis Station, or has the wrong suffix.")
    signal: Signal = found[0]
    return signal


def _spectrum(path: Path) -> Acquisition:
    try:
        signal = _one(path)
    except (IndexError, KeyError, EOFError):  # numbers are missing where it ends
        told = "the file is cut or damaged: it ends within its header, its channels or its results."
        raise ReadError(told, remedy=AGAIN) from None
    header = header_of(signal)
    header.flags += _require_end(path, signal)
    raw = signal["original_metadata"]["Header"]
    header.put("real_time", raw.get("real time"))
    header.settle(None)
    channels = int(raw["NumCH"])
    if signal["data"].size != channels:
        raise ReadError(f"the file is cut: it states {channels} channels, found are {signal['data'].size}.")
    header.declare(signal["original_metadata"].get("Footer", {}).get("Selected elements", {}))
    header.raw = {"original_metadata": signal["original_metadata"]}
    return acquisition(signal, unit="keV", header=header)


def _require_end(path: Path, signal: Signal) -> list[str]:
    """Look for the parameters of the detector, the last block of a spectrum, of one size always; return flags."""
    name = str(signal["original_metadata"]["Footer"]["Parameters"]["DetT"])
    at = path.read_bytes().rfind(_LAST_BLOCK + name.encode() + b"\0") if name else -1
    if at < 0:
        return []
    end = at + len(_LAST_BLOCK) + _LAST_BYTES
    require_end(path, end)
    return beyond(path, end)


def _map(path: Path, source: Source) -> Acquisition:
    words, said = _stream(path, source)
    signal = dict(_one(path, cutoff_at_kV=_ONE_CHANNEL, SI_dtype=np.uint32))
    rows, columns = signal["data"].shape[:2]
    require_modest(rows * columns * CHANNELS, source.limits)
    keys, frames, partial = jeol_keys(words, (rows, columns, CHANNELS))
    signal["data"] = EventCube(keys, (rows, columns, CHANNELS))
    axes = [dict(axis) for axis in signal["axes"]]
    axes[-1]["size"] = CHANNELS
    signal["axes"] = axes
    header = header_of(signal)
    measured = signal["original_metadata"]["PTTD Data"]["AnalyzableMap MeasData"]["Doc"]
    header.put("live_time", measured.get("LiveTime"))
    header.settle(None)
    share_out(header, rows * columns)  # both are the sums of all pixels and sweeps
    header.flags += [*said, *([f"a last, incomplete frame was left out ({frames} complete)"] if partial else [])]
    header.raw = {"measured": measured}
    return acquisition(signal, unit="keV", header=header)


def _stream(path: Path, source: Source) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Return the 16-bit words of a map, and flags; refuse a file that is shorter than it states."""
    with open(path, "rb") as handle:
        head = handle.read(36)
        if len(head) < 36 or head[:4] != b"\x30\x01\0\0":
            raise ReadError(f"{path.name} is no map of JEOL's Analysis Station.")
        start, length = (int.from_bytes(head[at : at + 4], "little") for at in (28, 32))
        require_end(path, start + length)
        require_events(length // 2, source.limits)
        handle.seek(start)
        return np.frombuffer(handle.read(length // 2 * 2), "<u2"), beyond(path, start + length)
