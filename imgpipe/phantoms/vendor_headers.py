"""The metadata that SEM programs write beside their pixels: FEI, Zeiss, TESCAN, Hitachi, JEOL.

Keys, units and line ends are those of real files (FEI tag 34682 and Zeiss tag 34118 of files in the rosettasciio test
data; TESCAN blocks as read by Gwyddion's module ``tescan.c``; the text files of Hitachi and JEOL as their users know
them). Only what a reader of cross-sections needs is written.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from imgpipe.phantoms.data_bar import length_text, nice_length

_DEGREE = float(np.pi / 180)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Acquisition:
    """What a microscope knows about one image; lengths in nm.

    Attributes
    ----------
    name : file name without folder
    rows, columns : of the image without data bar
    bar_rows : of the data bar
    pixel_size : nm
    beam_energy, beam_current, dwell_time : eV, A, s
    working_distance, magnification, stage_tilt : nm, 1, deg
    tilt_corrected : "yes", "no" or "unknown"
    tilt_correction : angle between beam and face that the scan was corrected for, deg
    detector : name of the detector
    date : (year, month, day)
    """

    name: str
    rows: int
    columns: int
    bar_rows: int
    pixel_size: float
    beam_energy: float
    beam_current: float
    dwell_time: float
    working_distance: float
    magnification: float
    stage_tilt: float
    tilt_corrected: str
    tilt_correction: float
    detector: str
    date: tuple[int, int, int]


_FEI = """[User]
Date={month:02d}/{day:02d}/{year}
Time=10:00:00 AM
User=supervisor
UserText=

[System]
Type=DualBeam
Dnumber=9900000
Software=15.1.0.3117
Source=FEG
Column=Elstar
FinalLens=Elstar
SystemType=Helios G4 CX

[Beam]
HV={a.beam_energy:g}
Spot=
ScanRotation=0
ImageMode=Normal
Beam=EBeam
Scan=EScan

[EBeam]
Source=FEG
HV={a.beam_energy:g}
HFW={width:.9g}
VFW={height:.9g}
WD={wd:.9g}
BeamCurrent={a.beam_current:g}
TiltCorrectionIsOn={on}
DynamicFocusIsOn=no
ScanRotation=0
LensMode=Immersion
StageTa={tilt:.9g}
StageTb=0
TiltCorrectionAngle={correction:.9g}
PreTilt=

[Scan]
InternalScan=true
Dwelltime={a.dwell_time:g}
PixelWidth={pixel:.9g}
PixelHeight={pixel:.9g}
HorFieldsize={width:.9g}
VerFieldsize={height:.9g}
Average=0
Integrate=1

[EScan]
InternalScan=true
Dwell={a.dwell_time:g}
PixelWidth={pixel:.9g}
PixelHeight={pixel:.9g}
HorFieldsize={width:.9g}
VerFieldsize={height:.9g}

[Stage]
StageX=0
StageY=0
StageZ=0.004
StageR=0
StageT={tilt:.9g}
StageTb=0
WorkingDistance={wd:.9g}

[Image]
ResolutionX={a.columns}
ResolutionY={a.rows}
MagCanvasRealWidth={canvas:.9g}
MagnificationMode=3
DriftCorrected=Off
PostProcessing=None

[Detectors]
Number=1
Name={a.detector}
Mode=SE

[Specimen]
Temperature=123.15

[PrivateFei]
BitShift=0
DataBarSelected=HV curr WD mag HFW tilt det MicronBar
TimeOfCreation={day:02d}.{month:02d}.{year} 10:00:00
DatabarHeight={a.bar_rows}
"""


def fei(a: Acquisition) -> str:
    """Return the INI text of tag 34682: SI units, angles in rad."""
    year, month, day = a.date
    text = _FEI.format(
        a=a,
        year=year,
        month=month,
        day=day,
        pixel=a.pixel_size * 1e-9,
        width=a.pixel_size * a.columns * 1e-9,
        height=a.pixel_size * a.rows * 1e-9,
        wd=a.working_distance * 1e-9,
        on="yes" if a.tilt_corrected == "yes" else "no",
        tilt=a.stage_tilt * _DEGREE,
        correction=_from_normal(a) * _DEGREE,
        canvas=a.magnification * a.pixel_size * a.columns * 1e-9,
    )
    return text.replace("\n", "\r\n")


def zeiss(a: Acquisition) -> str:
    """Return the text of tag 34118: unnamed numbers, then pairs of key and ``Name = value unit``.

    The fourth unnamed number is the pixel size of an image 1024 columns wide at full precision; ``AP_PIXEL_SIZE`` is
    the one of the display and wrong for this image.
    """
    shown = a.pixel_size * 1e-9 * a.columns / 1024
    head = ["0", "0", "0"]
    for zone in range(4):
        head += [_old_c(shown, 6), _old_c(a.magnification, 6), "6", _old_c(a.beam_energy, 6), _old_c(2.359, 6)]
        head += [_old_c(a.beam_current, 6), _old_c(a.working_distance * 1e-9, 6), str(zone + 1)]
    head[-1] = "648"
    year, month, day = a.date
    entries = [
        ("DP_SEM", "Sem = Crossbeam 550"),
        ("DP_DETECTOR_TYPE", f"Detector = {a.detector}"),
        ("DP_DETECTOR_CHANNEL", f"Signal A = {a.detector}"),
        ("DP_IMAGE_STORE", f"Store resolution = {a.columns} * {a.rows + a.bar_rows}"),
        ("DP_STAGE_TILTED", "Stage Tilted = Yes"),
        ("DP_TILT_CORRECTION", f"Tilt Corrn. = {'On' if a.tilt_corrected == 'yes' else 'Off'}"),
        ("DP_SCAN_ROT", "Scan Rot = Off"),
        ("DP_DWELL_TIME", f"Dwell Time = {a.dwell_time * 1e9:g} ns"),
        ("AP_WD", f"WD =  {a.working_distance * 1e-6:.1f} mm"),
        ("AP_MAG", f"Mag =  {a.magnification / 1000:.2f} K X"),
        ("AP_IPROBE", f"I Probe =  {a.beam_current * 1e12:.1f} pA"),
        ("AP_TILT_ANGLE", f"Tilt Angle = {-_from_normal(a):.1f} °"),
        ("AP_PIXEL_SIZE", f"Pixel Size = {_engineering(a.pixel_size * 2.0)}"),
        ("AP_HEIGHT", f"Height = {_engineering(a.pixel_size * (a.rows + a.bar_rows))}"),
        ("AP_WIDTH", f"Width = {_engineering(a.pixel_size * a.columns)}"),
        ("AP_IMAGE_PIXEL_SIZE", f"Image Pixel Size = {_engineering(a.pixel_size)}"),
        ("AP_FIB_SEM_ANGLE", "FIB SEM Angle =  54.0 °"),
        ("AP_FIB_TILT_COMP", f"FIB Tilt Comp =  {a.tilt_correction:.1f} °"),
        ("AP_STAGE_AT_T", f"Stage at T =  {a.stage_tilt:.1f} °"),
        ("AP_ACTUALKV", f"EHT =  {a.beam_energy / 1000:.2f} kV"),
        ("AP_DATE", f"Date :{day:02d} {_MONTHS[month - 1]} {year}"),
        ("AP_TIME", "Time :10:00:00"),
        ("SV_VERSION", "Version = V06.03.00.00"),
        ("SV_SERIAL_NUMBER", "Serial No. = Crossbeam 550-00-00"),
        ("SV_FILE_NAME", f"File Name = {a.name}"),
    ]
    lines = [*head, *(line for entry in entries for line in entry)]
    return "\r\n".join(lines) + "\r\n"


def _old_c(value: float, digits: int) -> str:
    """Return a number as SmartSEM writes it: three digits in the exponent."""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{mantissa}e{exponent[0]}{int(exponent[1:]):03d}"


def _engineering(length: float) -> str:
    """Return a length in nm with four digits and the unit that suits it."""
    for unit, size in (("mm", 1e6), ("µm", 1e3), ("nm", 1.0)):
        if length >= size:
            return f"{length / size:.4g} {unit}"
    return f"{length * 1000:.4g} pm"


def tescan_sections(a: Acquisition) -> dict[str, dict[str, str]]:
    """Return the sections MAIN and SEM: SI units, degrees."""
    year, month, day = a.date
    main = {
        "AccFrames": "1",
        "Company": "TESCAN",
        "Date": f"{year}-{month:02d}-{day:02d}",
        "Device": "AMBER",
        "DeviceModel": "S8254X",
        "ImageStripSize": f"{a.bar_rows}",
        "Magnification": f"{a.magnification:.3f}",
        "MagnificationReference": "0.127",
        "PixelSizeX": f"{a.pixel_size * 1e-9:.9g}",
        "PixelSizeY": f"{a.pixel_size * 1e-9:.9g}",
        "SignalNames": a.detector,
        "Time": "10:00:00",
    }
    sem = {
        "AcceleratorVoltage": f"{a.beam_energy:.1f}",
        "Detector": a.detector,
        "Detector0": a.detector,
        "DwellTime": f"{a.dwell_time:g}",
        "HV": f"{a.beam_energy:.1f}",
        "PredictedBeamCurrent": f"{a.beam_current:g}",
        "ScanMode": "RESOLUTION",
        "ScanRotation": "0",
        "StageTilt": f"{a.stage_tilt:.4f}",
        "TiltCorrection": f"{_from_normal(a):.4f}",
        "WD": f"{a.working_distance * 1e-9:.9g}",
    }
    return {"MAIN": main, "SEM": sem}


def tescan_tag(a: Acquisition) -> bytes:
    """Return the value of tag 50431: blocks of size (4 bytes, with the type), type (2 bytes) and text."""
    blocks = b""
    for kind, entries in zip((2, 3), tescan_sections(a).values(), strict=True):
        text = "".join(f"{key}={value}\r\n" for key, value in entries.items()).encode("ascii")
        blocks += struct.pack("<IH", len(text) + 2, kind) + text
    return blocks + struct.pack("<IH", 2, 0)


def tescan_hdr(a: Acquisition) -> str:
    """Return the text of the companion file ``NAME-tif.hdr``."""
    lines = []
    for section, entries in tescan_sections(a).items():
        lines += [f"[{section}]", *(f"{key}={value}" for key, value in entries.items()), ""]
    return "\r\n".join(lines)


def hitachi_txt(a: Acquisition) -> str:
    """Return the text of the companion file ``NAME.txt`` of a Hitachi instrument."""
    year, month, day = a.date
    lines = [
        "[SemImageFile]",
        "InstructName=Ethos NX5000",
        "SerialNumber=0000-00",
        f"SampleName={a.name.rpartition('.')[0]}",
        "Format=tif",
        f"ImageName={a.name}",
        f"Date={year}/{month:02d}/{day:02d}",
        "Time=10:00:00",
        f"DataSize={a.columns}x{a.rows}",
        f"PixelSize={a.pixel_size:.6f}",
        f"SignalName={a.detector}",
        f"AcceleratingVoltage={a.beam_energy:.0f} Volt",
        "DecelerationVoltage=0 Volt",
        f"Magnification={a.magnification:.0f}",
        f"WorkingDistance={a.working_distance / 1000:.0f} um",
        f"StagePositionT={a.stage_tilt:g}",
    ]
    return "\r\n".join(lines) + "\r\n"


def jeol_txt(a: Acquisition) -> str:
    """Return the text of the companion file ``NAME.txt`` of a JEOL instrument."""
    year, month, day = a.date
    bar = nice_length(0.18 * a.columns * a.pixel_size)
    lines = [
        "$CM_FORMAT JEOL/SEM",
        "$CM_VERSION 1.0",
        f"$CM_DATE {year}/{month:02d}/{day:02d}",
        "$CM_TIME 10:00:00",
        "$CM_INSTRUMENT JIB-4700F",
        f"$CM_ACCEL_VOLT {a.beam_energy / 1000:.2f}",
        f"$CM_MAG {a.magnification:.0f}",
        f"$CM_SIGNAL {a.detector}",
        f"$CM_FULL_SIZE {a.columns} {a.rows}",
        f"$CM_STAGE_POS 0.000 0.000 10.000 0.000 {a.stage_tilt:.3f} 0",
        f"$CM_PIXEL_SIZE {a.pixel_size / 1000:.9g}",
        f"$$SM_MICRON_BAR {round(bar / a.pixel_size)}",
        f"$$SM_MICRON_MARKER {length_text(bar).replace(' ', '')}",
        f"$$SM_WD {a.working_distance * 1e-6:.2f}",
    ]
    return "\r\n".join(lines) + "\r\n"


def _from_normal(a: Acquisition) -> float:
    """Return the tilt that the scan was corrected for, from the normal of the face; 0 where it was not."""
    return 90.0 - a.tilt_correction if a.tilt_corrected == "yes" else 0.0
