"""Read Velox .emd files with rosettasciio, the stream of X-rays decoded here; runs in the child.

rosettasciio needs another library for such streams and holds the whole map; here the X-rays are kept as events.
"""

from __future__ import annotations

import json
import math
from typing import Any

import h5py
import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.edxs_end import beyond, flagged, hdf5_end
from imgpipe.readers.edxs_events import EventCube, require_events, velox_keys
from imgpipe.readers.edxs_header import EdxsHeader, number
from imgpipe.readers.edxs_images import image_leaf
from imgpipe.readers.edxs_leaves import Acquisition, leaves, require_modest
from imgpipe.readers.edxs_signals import Signal, acquisition, header_of, is_image, is_spectral
from imgpipe.readers.edxs_times import share_out_if_total
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.nexus_guard import looked_over, opened

SUMMED = "sum of {} detectors"


def read(source: Source) -> list[Leaf]:
    """Return ``map``, ``sum`` and ``image`` of a Velox file.

    Raises
    ------
    ReadError, DataError
        no Velox file, links to other files, no stream of X-rays (pruned), a damaged stream.
    """
    with opened(source.path) as file:
        said = looked_over(file, source.limits)
        _require_velox(file)
        signals, reader = _signals(file)
        spectral = [acquisition(one) for one in signals if is_spectral(one) and one["data"].ndim == 1]
        spectral = [*_maps(file, reader, source), *spectral]
        pictures: list[Leaf] = []
        for one in signals:
            if is_image(one):
                pictures.append(image_leaf(one, source, pictures, "Velox"))
        if not spectral and not pictures:
            raise ReadError("it holds neither spectra nor images.")
        made = [*pictures, *(leaves(spectral, source) if spectral else [])]
    end = hdf5_end(source.path)
    return flagged(made, [*said, *(beyond(source.path, end) if end is not None else [])])


def _require_velox(file: h5py.File) -> None:
    version = file.get("Version")
    told = _json(version) if isinstance(version, h5py.Dataset) else {}
    if told.get("format") not in ("Velox", "DevelopersKit") or "Data" not in file:
        raise ReadError(
            "it is an HDF5 file, but not one of Velox.", remedy="other .emd files: save them as .hspy with HyperSpy."
        )


def _json(field: h5py.Dataset) -> dict[str, Any]:
    """Return the JSON text of a field, kept as bytes or as one text."""
    value = field[0] if field.ndim == 1 else field[:, 0].tobytes()
    text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
    found = json.loads(text.strip("\0"))
    return found if isinstance(found, dict) else {}


def _signals(file: h5py.File) -> tuple[list[Signal], Any]:
    """Return spectra and images, and rosettasciio's reader, which knows the metadata."""
    from imgpipe.readers.edxs_velox_file import VeloxReader

    reader = VeloxReader()
    reader.read_file(file)
    return list(reader.dictionaries), reader


def _maps(file: h5py.File, reader: Any, source: Source) -> list[Acquisition]:
    """Return the map summed over all detectors, as one acquisition; none where the file holds no stream."""
    group = file["Data"].get("SpectrumStream")
    streams = [group[key] for key in group] if isinstance(group, h5py.Group) else []
    if not streams:
        if "SpectrumImage" in file["Data"]:
            raise ReadError(
                "its spectrum image has no stream of X-rays (pruned, or converted by other software).",
                remedy="give the file as it was acquired, or the .bcf it was made from.",
            )
        return []
    bins = {int(_json(stream["AcquisitionSettings"])["bincount"]) for stream in streams}
    if len(bins) != 1:
        raise ReadError(f"its detectors have different numbers of channels: {sorted(bins)}.")
    shape = (*(int(size) for size in reader.spatial_shape), bins.pop())
    require_modest(int(np.prod(shape)), source.limits)
    require_events(sum(int(stream["Data"].size) for stream in streams), source.limits)
    found = [velox_keys(stream["Data"], shape, None) for stream in streams]  # type: ignore[arg-type]
    signal = reader.stream_signal(streams[0], shape[2])
    signal["data"] = EventCube(np.concatenate([keys for keys, _ in found]), shape)  # type: ignore[arg-type]
    one = acquisition(signal, header=_header(signal))
    visited = max((count for _, count in found), default=0)
    scanning = _scanning(signal["original_metadata"], visited, shape[0] * shape[1])
    share_out_if_total(one.header, shape[0] * shape[1], scanning)
    one.header.flags += [SUMMED.format(len(streams))] if len(streams) > 1 else []
    one.header.flags += _visits([visited for _, visited in found], shape[0] * shape[1])
    return [one]


def _scanning(told: dict[str, Any], visited: int, pixels: int) -> float | None:
    """Return the time in s that the beam was on the `visited` pixels, None where the file does not say it."""
    scan = told.get("Scan")
    if not isinstance(scan, dict):
        return None
    dwell, frame = number(scan.get("DwellTime")), number(scan.get("FrameTime"))
    return dwell * visited if dwell else frame * visited / pixels if frame else None


def _visits(visited: list[int], pixels: int) -> list[str]:
    frames = {count / pixels for count in visited}
    if len(frames) == 1 and frames.copy().pop() % 1 == 0:
        return []
    told = ", ".join(f"{frame:.4g}" for frame in sorted(frames))
    return [f"the streams of X-rays end within a frame ({told} frames)"]


def _header(signal: Signal) -> EdxsHeader:
    """Return the metadata of a map; what the detector says about itself is in SI units."""
    told = header_of(signal)
    raw = signal["original_metadata"]
    wanted = raw["BinaryResult"].get("Detector", "")
    detector: dict[str, Any] = next(
        (one for one in raw["Detectors"].values() if wanted and wanted in one["DetectorName"]), {}
    )
    told.put("live_time", detector.get("LiveTime"))
    told.put("real_time", detector.get("RealTime"))
    azimuth, elevation = (_degrees(detector.get(key)) for key in ("AzimuthAngle", "ElevationAngle"))
    told.put("azimuth_angle", azimuth)
    told.settle(elevation)
    told.note("detector", detector.get("DetectorName"))
    return told


def _degrees(value: object) -> float | None:
    found = number(value)
    return None if found is None else math.degrees(found)
