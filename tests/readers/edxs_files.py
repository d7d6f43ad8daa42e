"""Small files of X-ray spectra in the instruments' own formats, written by hand after their descriptions."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Counts = np.ndarray[Any, Any]
CHANNELS = 200
STEP = 10.0


def cube(rows: int = 6, columns: int = 8, channels: int = CHANNELS, seed: int = 3) -> Counts:
    """Return counts (y, x, energy) with a line and a background, all rows different."""
    generator = np.random.default_rng(seed)
    channel = np.arange(channels)
    shape = 0.4 + 6.0 * np.exp(-0.5 * ((channel - 0.6 * channels) / 4.0) ** 2)
    place = 1.0 + np.arange(rows * columns).reshape(rows, columns, 1) / (rows * columns)
    return generator.poisson(place * shape).astype(np.uint16)


def msa(path: Path, counts: Counts, **changes: str | None) -> Path:
    """Write a spectrum after ISO 22029; a change of None leaves a keyword out."""
    keywords: dict[str, str | None] = {
        "FORMAT": "EMSA/MAS Spectral Data File", "VERSION": "1.0", "TITLE": "Mg on Cu", "DATE": "21-NOV-2026",
        "TIME": "12:00", "OWNER": "a lab", "NPOINTS": f"{counts.size}.", "NCOLUMNS": "1.", "XUNITS": "eV",
        "YUNITS": "counts", "DATATYPE": "Y", "XPERCHAN": f"{STEP}", "OFFSET": "-20.0", "SIGNALTYPE": "EDS",
        "BEAMKV  -kV": "5.0", "PROBECUR -nA": "0.4", "LIVETIME -s": "80.0", "REALTIME -s": "100.0",
        "ELEVANGLE-dg": "35.0", "AZIMANGLE-dg": "45.0", "FWHMMNKA": "129.0",
    }  # fmt: skip
    keywords |= changes
    lines = [f"#{key:<13}: {value}" for key, value in keywords.items() if value is not None]
    rows = [f"{value:g}, " for value in counts]
    path.write_text("\r\n".join([*lines, "#SPECTRUM    : begins", *rows, "#ENDOFDATA   : "]) + "\r\n", "latin-1")
    return path


def ripple(path: Path, counts: Counts, **changes: object) -> Path:
    """Write .rpl and .raw of a map, by vector, with a step of 20 nm; a change of None leaves a key out."""
    keys: dict[str, object] = {
        "width": counts.shape[1], "height": counts.shape[0], "depth": counts.shape[2], "offset": 0,
        "data-length": counts.dtype.itemsize, "data-type": "unsigned", "byte-order": "little-endian",
        "record-by": "vector", "ev-per-chan": STEP, "width-scale": 0.02, "width-units": "um",
        "height-scale": 20.0, "height-units": "nm", "beam-energy": 5.0, "elevation-angle": 35.0, "live-time": 12.0,
    }  # fmt: skip
    keys |= {key.replace("_", "-"): value for key, value in changes.items()}
    path.write_text("key\tvalue\n" + "".join(f"{k}\t{v}\n" for k, v in keys.items() if v is not None), "latin-1")
    data = np.moveaxis(counts, 2, 0) if keys["record-by"] == "image" else counts
    path.with_suffix(".raw").write_bytes(np.ascontiguousarray(data).tobytes())
    return path


def spc(path: Path, counts: Counts) -> Path:
    """Write an EDAX spectrum, version 0.61: the fields that its description names, at their places."""
    content = bytearray(20740)
    struct.pack_into("<f", content, 0, 0.61)
    struct.pack_into("<iih", content, 24, 20740, 3840, counts.size)
    struct.pack_into("<i", content, 384, int(STEP))  # eV per channel
    struct.pack_into("<4f", content, 448, -0.02, 1.97, 8.0, 0.0)  # first and last keV, live time, tilt
    struct.pack_into("<f", content, 472, 129.0)
    struct.pack_into("<2f", content, 508, 45.0, 35.0)
    struct.pack_into("<f", content, 532, 5.0)
    struct.pack_into("<h2H", content, 638, 2, 12, 74)
    content[3840 : 3840 + 4 * counts.size] = counts.astype("<u4").tobytes()
    path.write_bytes(content)
    return path


def spd(path: Path, counts: Counts) -> Path:
    """Write an EDAX map with 16-bit counts, its .spc, and its .ipr with 0.02 um per pixel along x, 0.03 along y."""
    head = bytearray(1072)
    head[:15] = b"MAPSPECTRA_DATA"
    rows, columns, channels = counts.shape
    struct.pack_into("<8i", head, 16, 1, rows * columns, columns, rows, channels, 2, 1072, 1)
    head[48:60] = b"map_Img.bmp\0"
    path.write_bytes(bytes(head) + counts.astype("<u2").tobytes())
    spc(path.with_suffix(".spc"), counts.sum(axis=(0, 1)))
    scale = bytearray(252)
    struct.pack_into("<H", scale, 0, 333)
    struct.pack_into("<2f", scale, 64, 0.02, 0.03)
    (path.parent / "map_Img.ipr").write_bytes(scale)
    return path


def hspy(path: Path, counts: Counts, *, unit: str | None = "keV", scale: float = 0.01, offset: float = -0.02) -> Path:
    """Write a HyperSpy file with h5py alone: axes with 15 nm (or none), metadata of an SEM at 5 kV."""
    with h5py.File(path, "w") as file:
        file.attrs["file_format"], file.attrs["file_format_version"] = "HyperSpy", "3.3"
        group = file.create_group("Experiments/scan")
        group.attrs["package"], group.attrs["package_version"] = "hyperspy", "2.5.0"
        group.create_dataset("data", data=counts, chunks=True, compression="gzip")
        names = ("y", "x")[-(counts.ndim - 1) :] if counts.ndim > 1 else ()
        for number, name in enumerate(names):
            axis = {"name": name, "scale": 15.0, "offset": 0.0, "size": counts.shape[number], "units": "nm"}
            group.create_group(f"axis-{number}").attrs.update({**axis, "navigate": True})
        energy = {"name": "Energy", "scale": scale, "offset": offset, "size": counts.shape[-1], "navigate": False}
        group.create_group(f"axis-{counts.ndim - 1}").attrs.update(energy | ({"units": unit} if unit else {}))
        metadata = group.create_group("metadata")
        metadata.create_group("General").attrs["title"] = "scan"
        metadata.create_group("Signal").attrs["signal_type"] = "EDS_SEM"
        metadata.create_group("Sample").create_dataset("_list_elements", data=np.array([b"Mg", b"W"]))
        sem = metadata.create_group("Acquisition_instrument/SEM")
        sem.attrs.update({"beam_energy": 5.0, "beam_current": 0.4})
        sem.create_group("Detector/EDS").attrs.update({"elevation_angle": 35.0, "live_time": 8.0, "real_time": 10.0})
        group.create_group("original_metadata")
    return path


def _text(value: dict[str, Any]) -> Counts:
    return np.frombuffer(json.dumps(value).encode().ljust(4000, b"\0"), np.uint8)[:, None]


VELOX: dict[str, Any] = {
    "Detectors": {
        "Detector-0": {
            "DetectorName": "SuperXG21", "Dispersion": "10", "OffsetEnergy": "-20",
            "ElevationAngle": "0.61", "AzimuthAngle": "0.78", "LiveTime": "8", "RealTime": "10",
        }
    },
    "BinaryResult": {
        "Detector": "SuperXG21", "DetectorIndex": "0", "PixelUnitX": "m", "PixelUnitY": "m",
        "PixelSize": {"width": "2e-8", "height": "2e-8"}, "Offset": {"x": "0", "y": "0"},
    },
    "Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1790000000"}},
    "Optics": {"AccelerationVoltage": "5000"}, "Stage": {"AlphaTilt": "0", "BetaTilt": "0"},
    "Scan": {"FrameTime": "1"}, "Instrument": {"InstrumentClass": "Helios"}, "CustomProperties": {},
}  # fmt: skip


def velox(path: Path, counts: Counts, *, frames: int = 2) -> Path:
    """Write a Velox file: an image, and the map as a stream of channels with 65535 after each pixel, frame by frame."""
    rows, columns, channels = counts.shape
    with h5py.File(path, "w") as file:
        file["Version"] = np.array([json.dumps({"format": "Velox", "version": "11"}).encode()])
        image = file.create_group("Data/Image/1a2b")
        image["Data"] = np.arange(rows * columns, dtype=np.uint16).reshape(rows, columns, 1)
        image["Metadata"] = _text(VELOX)
        stream = file.create_group("Data/SpectrumStream/3c4d")
        stream["Data"] = velox_stream(counts, frames)[:, None]
        stream["Metadata"] = _text(VELOX)
        stream["AcquisitionSettings"] = np.array(
            [json.dumps({"bincount": str(channels), "StreamEncoding": "uint16"}).encode()]
        )
        file.create_group("Data/SpectrumImage")
        file.create_group("Displays/ImageDisplay")
    return path


def velox_stream(counts: Counts, frames: int) -> Counts:
    """Return the words of a stream: the X-rays of a pixel dealt out over the frames."""
    words: list[int] = []
    events = [np.repeat(np.arange(counts.shape[2]), pixel) for pixel in counts.reshape(-1, counts.shape[2])]
    for frame in range(frames):
        for pixel in events:
            words += [*pixel[frame::frames].tolist(), 65535]
    return np.array(words, np.uint16)
