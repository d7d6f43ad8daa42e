"""Small files in the instruments' own formats, written for tests after what real files of each maker hold."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

Image = np.ndarray[Any, Any]
ZEISS, FEI, TESCAN = 34118, 34682, 50431
BAR_ROWS = 20


def grain(rows: int = 160, columns: int = 200, dtype: str = "uint8", seed: int = 7) -> Image:
    """Return a noisy layered image without extreme values."""
    generator = np.random.default_rng(seed)
    layers = 60.0 + 90.0 * (np.arange(rows)[:, None] > rows * 0.4) + generator.normal(0, 8, (rows, columns))
    top = np.iinfo(dtype).max
    return np.clip(layers * (top // 256 + 1), 1, top - 1).astype(dtype)


def with_bar(image: Image, rows: int = BAR_ROWS) -> Image:
    """Return an image with a drawn data bar below: dark ground, bright border and writing."""
    top = np.iinfo(image.dtype).max
    bar = np.zeros((rows, image.shape[1]), image.dtype)
    bar[0] = top
    bar[6:14, 10:60:4] = top
    bar[10, 80:140] = top
    return np.concatenate([image, bar])


def fei_text(columns: int, rows: int, *, pixel: float = 5e-9, tilt_corrected: str = "no", bar: int = BAR_ROWS) -> str:
    """Return the INI text of an FEI tag."""
    lines = [
        "[User]", "Date=06/13/2016", "Time=05:06:40 PM", "[System]", 'SystemType=Helios NanoLab" 660',
        "[Beam]", "HV=5000", "Beam=EBeam", "Scan=EScan", "[EBeam]", "HV=5000", f"HFW={pixel * columns}",
        "WD=0.004", "BeamCurrent=2.5e-011", f"TiltCorrectionIsOn={tilt_corrected}",
        "TiltCorrectionAngle=0.6632251", "[Scan]", "Dwelltime=1e-006", f"PixelWidth={pixel}",
        f"PixelHeight={pixel}", f"HorFieldsize={pixel * columns}", "[Stage]", "StageT=0.907571",
        "[Image]", f"ResolutionX={columns}", f"ResolutionY={rows}", "MagCanvasRealWidth=0.2072",
        "[Detectors]", "Name=TLD", "Mode=SE", "[PrivateFei]", f"DatabarHeight={bar}",
        "TimeOfCreation=13.06.2016 17:06:40",
    ]  # fmt: skip
    return "\r\n".join(lines) + "\r\n"


def zeiss_text(columns: int, *, pixel: float = 8e-9, tilt_corrected: str = "Yes", stated: float | None = None) -> str:
    """Return the text of a Zeiss tag; `stated` is AP_IMAGE_PIXEL_SIZE in m."""
    header = ["0", "0", "0", f"{pixel * columns / 1024:.7g}", "4528.961", "6", "1800.0", "2.359"]
    named = {
        "DP_SEM": "Sem = Auriga 60", "DP_DETECTOR_CHANNEL": "Signal A = InLens", "AP_MAG": "Mag =   4.53 K X",
        "DP_TILT_CORRECTION": f"Tilt Corrn. = {tilt_corrected}", "DP_DWELL_TIME": "Dwell Time = 100 ns",
        "AP_WD": "WD =  4.5 mm", "AP_IPROBE": "I Probe = 4.7 nA", "AP_ACTUALKV": "EHT =  1.80 kV",
        "AP_PIXEL_SIZE": f"Pixel Size = {2 * pixel * 1e9:.4g} nm",
        "AP_IMAGE_PIXEL_SIZE": f"Image Pixel Size = {(stated or pixel) * 1e9:.4g} nm",
        "AP_WIDTH": f"Width = {pixel * columns * 1e6:.4g} µm", "AP_STAGE_AT_T": "Stage at T =  52.6 °",
        "AP_FIB_TILT_COMP": "FIB Tilt Comp = 54.0 °", "AP_DATE": "Date :18 Apr 2016", "AP_TIME": "Time :22:45:19",
    }  # fmt: skip
    body = [line for key, value in named.items() for line in (key, value)]
    return "\r\n".join([*header, *body]) + "\r\n"


def tescan_text(*, pixel: float = 6e-9, strip: int = BAR_ROWS, fields: int = 1, tilt: str = "0") -> str:
    """Return the INI text of a TESCAN tag or .hdr file."""
    entries = {
        "AccFrames": 1, "Date": "2024-03-02", "Device": "MIRA3 LMH", "ImageStripSize": strip, "Magnification": 25000,
        "PixelSizeX": pixel, "PixelSizeY": pixel, "Time": "10:11:12", "ViewFieldsCountX": fields,
        "ViewFieldsCountY": 1, "BeamCurrent": 1.5e-10, "Detector": "InBeam SE", "Detector0": "InBeam SE",
        "Detector1": "BSE", "DwellTime": 3.2e-6, "HV": 5000, "StageTilt": 55.0, "TiltCorrection": tilt, "WD": 0.005,
    }  # fmt: skip
    return "[MAIN]\r\n" + "\r\n".join(f"{key}={value}" for key, value in entries.items()) + "\r\n"


def hitachi_text(columns: int, rows: int, *, pixel_nm: float = 9.921875) -> str:
    """Return the companion file of a Hitachi image."""
    return "\r\n".join([
        "[SemImageFile]", "InstructName=SU8000", "Date=2023/05/04", "Time=11:12:13", f"DataSize={columns}x{rows}",
        f"PixelSize={pixel_nm}", "SignalName=SE(U)", "AcceleratingVoltage=5000 Volt", "Magnification=10000",
        "WorkingDistance=8100 um", "EmissionCurrent=9600 nA", "StagePositionT=52.0", "MicronMarker=5000",
    ]) + "\r\n"  # fmt: skip


def jeol_text(columns: int, rows: int, *, bar_pixels: int = 180, marker: str = "1um", extra: str = "") -> str:
    """Return the companion file of a JEOL image."""
    return "\r\n".join([
        "$CM_FORMAT JEOL/SEM", "$CM_INSTRUMENT JSM-7800F", "$CM_SIGNAL SEI", "$CM_MAG 25000", "$CM_ACCEL_VOLT 5.00",
        "$CM_DATE 2019/03/12", "$CM_TIME 10:21:55", f"$CM_FULL_SIZE {columns} {rows}",
        "$CM_STAGE_POS 2.044 0.704 10.2 11.0 52.0 0", "$$SM_WD 10.2", f"$$SM_MICRON_BAR {bar_pixels}",
        f"$$SM_MICRON_MARKER {marker}", extra,
    ]) + "\r\n"  # fmt: skip


def tagged(path: Path, image: Image, tag: int, text: str, **options: Any) -> Path:
    """Write a TIFF with one private text tag (Windows Latin, as the instruments do)."""
    content = text.encode("cp1252")
    tifffile.imwrite(
        path, image, extratags=[(tag, 2, len(content) + 1, content + b"\0", True)], metadata=None, **options
    )
    return path


def dm3(path: Path, image: Image, *, scale: float = 4.0, unit: str = "nm", version: int = 3) -> Path:
    """Write a minimal DigitalMicrograph file (version 3 or 4) with one real image."""
    wide = "Q" if version == 4 else "I"

    def long(*values: int) -> bytes:
        return struct.pack(f">{len(values)}{wide}", *values)

    def tag(name: str, kind: int, body: bytes) -> bytes:
        size = struct.pack(">Q", len(body)) if version == 4 else b""
        return struct.pack(">BH", kind, len(name)) + name.encode() + size + body

    def group(name: str, *tags: bytes, root: bool = False) -> bytes:
        body = b"\1\0" + long(len(tags)) + b"".join(tags)
        if version == 4 and not root:  # a group has its size between its flags and its count in version 4
            inner = long(len(tags)) + b"".join(tags)
            return struct.pack(">BH", 20, len(name)) + name.encode() + b"\1\0" + struct.pack(">Q", len(inner)) + inner
        return body if root else tag(name, 20, body)

    def data(name: str, info: tuple[int, ...], content: bytes) -> bytes:
        return tag(name, 21, b"%%%%" + long(len(info), *info) + content)

    def real(name: str, value: float) -> bytes:
        return data(name, (6,), struct.pack("<f", value))

    def whole(name: str, value: int) -> bytes:
        return data(name, (5,), struct.pack("<I", value))

    def word(name: str, text: str) -> bytes:
        return data(name, (20, 4, len(text)), text.encode("utf-16-le"))

    encoded = {"uint8": (10, 6), "uint16": (4, 10), "int16": (2, 1), "float32": (6, 2), "int32": (3, 7)}
    element, data_type = encoded[image.dtype.name]
    axes = [group("", real("Origin", 0.0), real("Scale", scale), word("Units", unit)) for _ in image.shape]
    brightness = group("Brightness", real("Origin", 0.0), real("Scale", 1.0), word("Units", ""))
    pixels = group(
        "ImageData",
        group("Calibrations", brightness, group("Dimension", *axes)),
        data("Data", (20, element, image.size), image.astype(image.dtype.newbyteorder("<")).tobytes()),
        whole("DataType", data_type),
        group("Dimensions", *[whole("", size) for size in image.shape[::-1]]),
        whole("PixelDepth", image.dtype.itemsize),
    )
    microscope = group("Microscope Info", real("Voltage", 5000.0), real("Indicated Magnification", 2e4))
    listed = group("ImageList", group("", pixels, group("ImageTags", microscope), word("Name", "section")))
    root = group("", listed, root=True)
    head = struct.pack(f">I{wide}I", version, len(root), 1)
    path.write_bytes(head + root + bytes(8))
    return path
