"""Regenerate example_data/cross_section: ``python -m imgpipe.phantoms.example_data OUT``.

Six images as four instruments' programs write them, a certificate of the pixel size, the truth, and ORIGIN.md. The
same code gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from imgpipe.phantoms.command_line import write_from_command_line
from imgpipe.phantoms.cross_section import make, write
from imgpipe.phantoms.vendor_tiff import Vendor

U_SCALE = 0.005
"""Relative standard uncertainty of the pixel size (k = 1), as the certificate says."""
SCALE_FACTOR = 1.006
"""True over nominal pixel size, as the certificate says."""
_SCALE_ERROR = 0.6  # what is true lies this many u off the certificate ...
U_ANGLE = 0.5
"""Standard uncertainty of the angle between beam and face, deg."""
_ANGLE_ERROR = -0.5  # ... and off the metadata

_FILM = {"roughness": (5.0, 4.0, 3.5), "correlation_length": 60.0, "frost": 2.5, "frost_radius": 12.0}
_LITHIUM = {"conformality": 0.1, "hurst": 0.7, "noise": 6.0, "frost_radius": 150.0, "mixing_depth": 40.0}


@dataclass(frozen=True)
class Example:
    """One image: its name, its maker, its seed and the parameters of the phantom."""

    name: str
    vendor: Vendor
    seed: int
    truth: dict[str, Any]
    bound: bool = False
    remark: str = ""
    angle: dict[str, Any] = field(default_factory=dict)


_FEI = {"face_angle": 52.0}
_ZEISS = {"face_angle": 54.0, "tilt_corrected": True}
_TESCAN = {"face_angle": 55.0, "tilt_corrected": True}

EXAMPLES = (
    Example(
        "MgW_Pt-Mg-W-Cu.tif",
        "fei",
        30,
        {"layers": ("Pt", "Mg", "W", "Cu"), "thickness": (140.0, 30.0), "tilt": 1.2, **_FILM},
        remark="140 nm Mg on 30 nm W",
        angle=_FEI,
    ),
    Example(
        "Mg_Pt-Mg-Cu.tif",
        "zeiss",
        12,
        {"layers": ("Pt", "Mg", "Cu"), "thickness": (160.0,), "tilt": -0.8, **_FILM, "roughness": (6.0, 5.0)},
        remark="160 nm Mg",
        angle=_ZEISS,
    ),
    Example(
        "platedA_1mAh_Pt-Li-Cu.tif",
        "fei",
        8,
        {
            "layers": ("Pt", "Li", "Cu"),
            "thickness": (4400.0,),
            "pixel_size": 22.0,
            "roughness": (330.0, 60.0),
            "correlation_length": (700.0, 500.0),
            "beam_sigma": 24.0,
            "tail_sigma": 120.0,
            "relief_width": 40.0,
            "grain_size": 2500.0,
            "curtain_onset": 1500.0,
            "curtain_length": 4000.0,
            "frost": 0.03,
            **_LITHIUM,
        },
        remark="4.4 um plated Li, 1 mAh/cm2",
        angle=_FEI,
    ),
    Example(
        "platedB_3mAh_Pt-Li-Cu.tif",
        "zeiss",
        4,
        {
            "layers": ("Pt", "Li", "Cu"),
            "thickness": (14600.0,),
            "pixel_size": 70.0,
            "roughness": (800.0, 150.0),
            "correlation_length": (2000.0, 1500.0),
            "beam_sigma": 70.0,
            "tail_sigma": 350.0,
            "relief_width": 100.0,
            "grain_size": 6000.0,
            "curtain_onset": 5000.0,
            "curtain_length": 12000.0,
            "frost": 0.004,
            **_LITHIUM,
            "frost_radius": 400.0,
        },
        remark="14.6 um plated Li, 3 mAh/cm2",
        angle=_ZEISS,
    ),
    Example(
        "corroded_Pt-CuS-Cu.tif",
        "tescan",
        15,
        {
            "layers": ("Pt", "CuS", "Cu"),
            "thickness": (462.0,),
            "shape": (288, 600),
            "pixel_size": 5.0,
            "roughness": (28.0, 45.0),
            "correlation_length": 120.0,
            "conformality": 0.3,
            "beam_sigma": 6.0,
            "tail_sigma": 35.0,
            "relief_width": 8.0,
            "grain_size": 700.0,
            "curtain_length": 900.0,
            "frost": 0.5,
            "frost_radius": 30.0,
            "bits": 16,
            "noise": 7.0,
        },
        remark="462 nm corrosion layer",
        angle=_TESCAN,
    ),
    Example(
        "thin_Pt-Mg-Cu.tif",
        "fei",
        16,
        {
            "layers": ("Pt", "Mg", "Cu"),
            "thickness": (10.0,),
            "tilt": 0.6,
            "roughness": 2.0,
            "correlation_length": 60.0,
            "conformality": 0.95,
            "beam_sigma": 5.5,
            "mixing_share": 0.1,
            "frost": 2.0,
            "frost_radius": 12.0,
        },
        bound=True,
        remark="10 nm Mg: thinner than the edge is wide",
        angle=_FEI,
    ),
)


def section(example: Example) -> tuple[xr.Dataset, xr.Dataset]:
    """Make the image and the truth of one example; all share one error of scale and one of angle."""
    common = {"shape": (352, 800), "pixel_size": 2.0, "noise": 6.0, **example.truth, **example.angle}
    common["true_pixel_size"] = common["pixel_size"] * SCALE_FACTOR * (1 + _SCALE_ERROR * U_SCALE)
    common["true_face_angle"] = common["face_angle"] + _ANGLE_ERROR * U_ANGLE
    return make(example.seed, preset="realistic", **common)


def write_all(folder: Path) -> list[Path]:
    """Write images, companions, certificate, expected table and ORIGIN.md; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "expected").mkdir(exist_ok=True)
    files: list[Path] = []
    rows: list[dict[str, Any]] = []
    for example in EXAMPLES:
        dataset, truth = section(example)
        files += write(dataset, folder / example.name, example.vendor)
        rows += expected_rows(example, dataset, truth)
    for name, text in (
        ("certificate.yaml", _CERTIFICATE),
        ("expected/layers.csv", as_csv(rows)),
        ("ORIGIN.md", origin(rows)),
    ):
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        files.append(folder / name)
    return files


def expected_rows(example: Example, dataset: xr.Dataset, truth: xr.Dataset) -> list[dict[str, Any]]:
    """Return one row per layer: the truth, and what a result must satisfy."""
    stem, _, stack = example.name.removesuffix(".tif").rpartition("_")
    return [
        {
            "file": example.name,
            "sample": stem,
            "stack": stack,
            "layer": str(layer),
            "process_thickness_nm": f"{float(truth['process_thickness'][index]):.1f}",
            "realised_thickness_nm": f"{float(truth['realised_thickness'][index]):.1f}",
            "sd_thickness_nm": f"{float(truth['sd_thickness'][index]):.1f}",
            "edge_sigma_nm": f"{float(truth['edge_sigma'] * truth['true_pixel_size']):.1f}",
            "must": "upper bound above process_thickness" if example.bound else "95 % interval holds process_thickness",
        }
        for index, layer in enumerate(truth["layer"].values)
    ]


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Return a table as CSV text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def origin(rows: list[dict[str, Any]]) -> str:
    """Return the text of ORIGIN.md."""
    files = "\n".join(
        f"| {e.name} | {e.vendor} | {e.seed} | {e.remark} | {e.truth.get('pixel_size', 2.0):g} | "
        f"{e.angle['face_angle']:g} | {'yes' if e.angle.get('tilt_corrected') else 'no'} |"
        for e in EXAMPLES
    )
    truth = "\n".join(
        f"| {row['file']} | {row['layer']} | {row['process_thickness_nm']} | {row['realised_thickness_nm']} | "
        f"{row['sd_thickness_nm']} | {row['must']} |"
        for row in rows
    )
    return _ORIGIN.format(files=files, truth=truth, u_scale=100 * U_SCALE, factor=SCALE_FACTOR, u_angle=U_ANGLE)


_CERTIFICATE = f"""# Calibration of the pixel size against a grating. Synthetic, like the images it belongs to.
certificate: XS-2026-014
artefact: 2-D grating, traceable pitch standard
pitch_nm: 300.0
u_pitch_nm: 0.3  # k = 1
method: ISO 16700; mean of 5 fields, 40 periods each, at the beam energy and working distance of the images
date: 2026-02-27
beam_energy_kV: 2.0
working_distance_mm: 4.0
magnification: each magnification of the session; no difference found between them
factor_x: {SCALE_FACTOR}  # true pixel size / pixel size of the metadata
factor_y: {SCALE_FACTOR}
u: {U_SCALE}  # relative
u_is: standard  # k = 1, not a limit
"""

_ORIGIN = """# Where example_data/cross_section comes from

Nothing here was measured. The images are phantoms made by `imgpipe.phantoms.cross_section` (preset `realistic`) and
written by `imgpipe.phantoms.vendor_tiff` as the programs of the instruments write them. To make them again, byte for
byte:

    python -m imgpipe.phantoms.example_data example_data/cross_section

Licence: GPL-3.0-or-later, as the rest of imgpipe.

## Files
| file | maker | seed | content | pixel size of the metadata, nm | face angle, deg | tilt corrected while scanning |
|---|---|---|---|---|---|---|
{files}

Names read `SAMPLE_STACK.tif`; the stack names the layers from top to bottom, `-` between them; the first is the cap,
the last the foil. The files `SAMPLE_CHARGEmAh_STACK.tif` are plated lithium, charge in mAh/cm2; their foils carried
140 nm Mg and 30 nm W before plating, so the layer measured as Li holds the Mg as well.

Each image has 32 rows of data bar below it. `corroded_Pt-CuS-Cu-tif.hdr` is the companion file of its TESCAN image.

## Angle and scale
* The angle between electron beam and milled face is the stage tilt of the metadata (52 deg FEI, 54 deg Zeiss,
  55 deg TESCAN: the ion column's angle). FEI files are not tilt-corrected: their rows are shortened by the sine of the
  angle. Zeiss and TESCAN files were tilt-corrected while scanning and must not be corrected again. The true angle
  differs from the metadata as u = {u_angle:g} deg (k = 1) allows.
* `certificate.yaml`: the true pixel size is {factor:g} times that of the metadata, u = {u_scale:g} % (k = 1). The true
  pixel size differs from the certificate as this u allows. All images share one error of scale and one of angle.

## Truth (`expected/layers.csv`), nm on the specimen, along the mean normal of the layers
`process` is the mean of the random process that made the interfaces: what a measurement of one section estimates.
`realised` is the mean over this image. Lateral width: at least 20 correlation lengths of the interfaces. Seeds were
chosen so that `realised` is a usual draw: within one standard error of `process`.

| file | layer | process | realised | spread (sd) | a result must satisfy |
|---|---|---|---|---|---|
{truth}
"""


if __name__ == "__main__":
    sys.exit(write_from_command_line(sys.argv[1:], write_all, "imgpipe.phantoms.example_data"))
