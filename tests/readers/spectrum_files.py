"""Small files of every XPS format, written by code of their own (never by the readers' knowledge of the format)."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

PHOTON = 1486.6
FORMAT = "VAMAS Surface Chemical Analysis Standard Data Transfer Format 1988 May 4"
UNKNOWN = "1E+37"


def peak(size: int = 60, seed: int = 0, height: float = 900.0) -> np.ndarray:
    """Return counts of one peak on a background."""
    x = np.arange(size)
    curve = 120 + height * np.exp(-(((x - 0.6 * size) / (0.08 * size)) ** 2))
    return np.random.default_rng(seed).poisson(curve).astype(float)


def vamas_block(
    name: str,
    counts: Sequence[float],
    *,
    sample: str = "LPSCl",
    start: float = 1313.6,
    step: float = 0.1,
    scan: str = "REGULAR",
    transmission: Sequence[float] | None = None,
    variables: Sequence[float] = (),
    comment: Sequence[str] = (),
    leave_out: Sequence[int] = (),
    dwell: str = "0.2",
    sweeps: str = "5",
    photon: str = str(PHOTON),
    mode: str = "NORM",
    unit: str = "d",
    label: str = "Intensity",
    axis: tuple[str, str] = ("Kinetic energy", "eV"),
    angles: tuple[str, str, str, str] = (UNKNOWN,) * 4,
    technique: str = "XPS",
    stated: int | None = None,
) -> list[str]:
    """Return the lines of one block; items whose number is in `leave_out` are not written."""
    element, _, line = name.partition(" ")
    energy = start + step * np.arange(len(counts))
    columns = [[f"{value:.9g}" for value in counts]]
    labels = [label, unit]
    if transmission is not None:
        columns.append([f"{value:.6g}" for value in transmission])
        labels += ["Transmission", "d"]
    if scan == "IRREGULAR":
        columns.insert(0, [f"{value:.9g}" for value in energy])
        labels = [*axis, *labels]
    items: list[tuple[int, list[str]]] = [
        *((number, [text]) for number, text in enumerate(("2024", "5", "17", "9", "30", "1", "0"), 1)),
        (8, [str(len(comment)), *comment]),
        (9, [technique]),
        (11, [f"{value:g}" for value in variables]),
        (12, ["Al (mono)"]),
        *([(13, ["18", "1", "1"])] if mode == "SDP" else []),
        (14, [photon]),
        (15, ["150"]),
        (16, [UNKNOWN, UNKNOWN]),
        (19, [UNKNOWN]),
        (20, [UNKNOWN]),
        (21, ["FAT"]),
        (22, ["20"]),
        (24, [UNKNOWN]),
        (25, ["4.5"]),
        (26, [UNKNOWN]),
        (27, [UNKNOWN, UNKNOWN]),
        (28, list(angles[:2])),
        (29, [element]),
        (30, [line, "-1"]),
        *([(31, [*axis, f"{start:.10g}", f"{step:.10g}"])] if scan == "REGULAR" else []),
        (32, [str(len(labels) // 2), *labels]),
        (33, ["pulse counting"]),
        (34, [dwell]),
        (35, [sweeps]),
        (36, ["0"]),
        *([(37, ["2000", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, "cyclic"])] if mode == "SDP" else []),
        (38, list(angles[2:])),
        (39, [UNKNOWN]),
        (40, ["1", "flood current", "A", "1e-6"]),
    ]
    kept = [text for number, texts in items if number not in leave_out for text in texts]
    count = len(columns) * len(counts) if stated is None else stated
    limits = [text for column in columns for text in (min(column, key=float), max(column, key=float))]
    values = [text for row in zip(*columns, strict=True) for text in row]
    return [name, sample, *kept, str(count), *limits, *values]


def vamas(
    path: Path,
    blocks: Sequence[Sequence[str]],
    *,
    before: str = "",
    scan: str = "REGULAR",
    mode: str = "NORM",
    variables: Sequence[tuple[str, str]] = (),
    listed: Sequence[int] = (),
    exclude: bool = False,
    manual: Sequence[int] = (),
    future: Sequence[str] = (),
    line_end: str = "\r\n",
    ending: bool = True,
    stated: int | None = None,
) -> Path:
    """Write a VAMAS file."""
    count = -len(listed) if exclude else len(listed)
    lines = [
        FORMAT,
        "Not specified",
        "test spectrometer",
        "Not specified",
        "Not specified",
        "1",
        "a comment",
        mode,
        scan,
        *([str(len(blocks))] if mode in ("NORM", "SDP") else []),
        *(["2", "3", "3"] if mode == "MAP" else []),
        str(len(variables)),
        *(text for pair in variables for text in pair),
        str(count),
        *map(str, listed),
        str(len(manual)),
        *map(str, manual),
        str(len(future)),
        "0",
        *future,
        str(len(blocks) if stated is None else stated),
        *(line for block in blocks for line in block),
        *(["end of experiment"] if ending else []),
    ]
    path.write_bytes((before + line_end.join(lines) + line_end).encode("latin-1"))
    return path


def casa_text(path: Path, counts: np.ndarray, *, shift: float = 0.0) -> Path:
    """Write a text export of CasaXPS by columns, with one fitted component."""
    lines = ["Cycle 0:LPSCl:S2p", f"\tCharacteristic Energy eV\t{PHOTON:e}\tAcquisition Time s\t1.000000e+000"]
    lines += ["Name\t\tS 2p PS4\t", "Position\t\t161.50\t", "FWHM\t\t1.10\t", "Area\t\t812.5\t"]
    lines += ["Lineshape\t\tGL(30)\t", "K.E.\tCounts\tS 2p PS4\tBackground\tEnvelope\t\tB.E.\tCPS"]
    for index, value in enumerate(counts):
        kinetic = 1313.6 + 0.1 * index
        row = [kinetic, value, value - 100, 100.0, value]
        right = [PHOTON - kinetic + shift, value]
        lines.append("\t".join(f"{x:.6e}" for x in row) + "\t\t" + "\t".join(f"{x:.6e}" for x in right))
    path.write_text("\r\n".join(lines) + "\r\n", newline="")
    return path


def scienta(path: Path, counts: np.ndarray, *, regions: int = 1, second: int = 1) -> Path:
    """Write a Scienta text file; all regions hold the same counts."""
    lines = ["[Info]", f"Number of Regions={regions}", "Version=1.3.1", ""]
    energy = 170.0 - 0.1 * np.arange(counts.size)
    for number in range(1, regions + 1):
        lines += [f"[Region {number}]", f"Region Name={'S2p' if number == 1 else 'C1s'}"]
        lines += ["Dimension 1 name=Binding Energy [eV]", f"Dimension 1 size={counts.size}"]
        lines += ["Dimension 1 scale=" + " ".join(f"{value:.6g}" for value in energy)]
        lines += [f"Dimension 2 size={second}", "Dimension 2 name=angle"] if second > 1 else []
        lines += ["", f"[Info {number}]", "Pass Energy=50", "Number of Sweeps=4", "Excitation Energy=1486.6"]
        lines += ["Step Time=200", "Sample=LPSCl", "Instrument=R4000", "Date=2024-05-17", "Time=09:30:01", ""]
        lines += [f"[Data {number}]"]
        lines += [f" {e:.14E}  {c:.14E}" for e, c in zip(energy, counts, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def specs_xy(path: Path, scans: Sequence[np.ndarray], *, rate: bool = True, cycles: int = 1) -> Path:
    """Write a SPECS .xy file with separate scans; each cycle holds the same scans."""
    unit = "Counts per Second" if rate else "Counts"
    lines = ["# Created by:        SpecsLab Prodigy", "#", "# XY-Serializer Export Settings:"]
    lines += ["#   Energy Axis:              Binding Energy", f"#   Count Rate:               {unit}"]
    lines += ["#   Separate Scan Data:       yes", "#", "# Group:                        LPSCl", "#"]
    lines += ["# Region:                       S2p", f"# Values/Curve:                 {scans[0].size}"]
    lines += ["# Acquisition Date:             05/17/24 09:30:01 UTC", "# Analyzer:                     Phoibos"]
    lines += ["# Scan Mode:                    FixedAnalyzerTransmission", "# Dwell Time:                   0.5"]
    lines += ["# Excitation Energy:            1486.6", "# Pass Energy:                  20"]
    for cycle in range(cycles):
        lines += ["", f"# Cycle: {cycle}", "#", f"# Number of Scans: {len(scans)}", ""]
        for number, scan in enumerate(scans):
            lines += [f"# Cycle: {cycle}, Curve: 0, Scan: {number}", "#"]
            lines += [f"# ColumnLabels: energy {'counts/s' if rate else 'counts'}", "#"]
            lines += [f"{170 - 0.1 * i:.4f}  {value / 0.5 if rate else value:.6f}" for i, value in enumerate(scan)]
    path.write_text("\n".join(lines) + "\n")
    return path


def specs_xml(path: Path, truth: np.ndarray, shifts: Sequence[float], *, stated: int = 1, length: int = 0) -> Path:
    """Write a SPECS .xml: every channel sees `truth` (longer than the region by its margins), `shifts` steps apart.

    Channel d measures at row k the point k - head + shift, so that the region begins at row head - shift.
    """
    head = tail = max(abs(int(shift)) for shift in shifts)
    points = truth.size - 2 * (head + tail)
    rows = points + head + tail
    counts = [int(truth[head + tail + row - head + int(shift)]) for row in range(rows) for shift in shifts]
    detectors = "".join(
        '<struct type_name="Detector"><double name="position">0</double>'
        f'<double name="shift">{shift * 0.1 / 20}</double><double name="gain">1</double></struct>'
        for shift in shifts
    )
    numbers = (
        f'<ulong name="num_scans">{stated}</ulong><ulong name="curves_per_scan">1</ulong>'
        f'<ulong name="values_per_curve">{points}</ulong><double name="dwell_time">0.5</double>'
        '<double name="scan_delta">0.1</double><double name="excitation_energy">1486.6</double>'
        '<double name="kinetic_energy">1313.6</double><double name="pass_energy">20</double>'
        '<double name="effective_workfunction">4.37</double>'
    )
    text = (
        '<?xml version="1.0"?>\n<!-- CORBA XML document created by XMLSerializer2 -->\n<any version="1.6">'
        '<struct type_name="RegionGroup"><string name="name">LPSCl</string><struct type_name="RegionData">'
        '<string name="name">S2p</string><struct name="region" type_name="RegionDef">'
        '<struct name="scan_mode"><string name="name">FixedAnalyzerTransmission</string></struct>'
        f'{numbers}</struct><ulong name="mcd_head">{head}</ulong><ulong name="mcd_tail">{tail}</ulong>'
        f'<struct name="analyzer_info"><string name="name">PHOIBOS</string>{detectors}</struct>'
        '<sequence name="cycles"><struct type_name="Cycle"><ulong name="time">1643391325</ulong>'
        f'<struct type_name="ScanData"><sequence name="counts" length="{length or len(counts)}"><ulong>\n'
        + "\n".join(map(str, counts))
        + "\n</ulong></sequence></struct></struct></sequence></struct></struct></any>\n"
    )
    path.write_text(text)
    return path


def phi(path: Path, counts: np.ndarray, *, dwell: float = 0.5, times: Sequence[float] | None = None) -> Path:
    """Write a PHI .spe (counts (energy)) or .pro (counts (cycle, energy)) file, high binding energy first."""
    rows = np.atleast_2d(counts)
    cycles, points = rows.shape
    end = 175.0 - 0.1 * (points - 1)
    kind = "SPECTRUM" if times is None else "DEPTHPRO"
    header = (
        f"SOFH\r\nTechnique: XPS\r\nFileType: {kind}\r\nFileDesc: (1, LPSCl)\r\nInstrumentModel: VersaProbe 4\r\n"
        "AcqFileDate: 2024 5 17\r\nEnergyReference: none 0.0\r\nAnalyserWorkFcn: 4.506 eV\r\n"
        f"SpectralRegDef: 1 1 S2p 16 {points} -0.1000 175.0000 {end:.4f} 174.0000 {end:.4f} {dwell:.6f} 55.00 AREA\r\n"
        "XraySource: Al 1486.6 mono\r\nAutoEGunNeut: yes\r\nEOFH\r\n"
    )
    blocks = [(1, points, cycles, b"pnt\0", b"cyc\0" if times is not None else b"sar\0", b"c/s\0", rows / dwell)]
    if times is not None:
        blocks.append((0, cycles, 1, b"cyc\0", b"reg\0", b"s\0\0\0", np.atleast_2d(times)))
    at = 16 + 96 * len(blocks)
    directory, data = b"", b""
    for number, (region, first, second, one, two, unit, values) in enumerate(blocks, 1):
        content = values.astype("<f4").tobytes()
        directory += struct.pack("<8I", number, 1, 1, region, 1, first, second, 1)
        directory += one + struct.pack("<I", 0) + two + struct.pack("<3I", 0, 0, 0) + unit + bytes(12) + b"f4\0\0"
        directory += struct.pack("<5I", len(content), at + len(data), 0, 0, 0)
        data += content
    path.write_bytes(header.encode() + struct.pack("<4I", 1, len(blocks), len(directory), 16) + directory + data)
    return path


def csv(path: Path, counts: Sequence[float], *, head: str = "Binding energy [eV],counts", before: str = "") -> Path:
    """Write a table with commas."""
    rows = [f"{170 - 0.1 * index:.1f},{value:g}" for index, value in enumerate(counts)]
    path.write_text(before + head + "\n" + "\n".join(rows) + "\n")
    return path


def xlsx(path: Path, sheets: dict[str, list[list[str | float]]]) -> Path:
    """Write a workbook: texts shared (even sheets) or inline (odd ones), as spreadsheet programs do."""
    shared: list[str] = []
    parts: dict[str, str] = {}
    for number, rows in enumerate(sheets.values(), 1):
        lines = ""
        for r, row in enumerate(rows, 1):
            cells = ""
            for c, value in enumerate(row):
                place = f"{chr(65 + c)}{r}"
                if isinstance(value, str) and number % 2:
                    shared.append(value)
                    cells += f'<c r="{place}" t="s"><v>{len(shared) - 1}</v></c>'
                elif isinstance(value, str):
                    cells += f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
                else:
                    cells += f'<c r="{place}"><v>{value!r}</v></c>'
            lines += f'<row r="{r}">{cells}</row>'
        parts[f"xl/worksheets/sheet{number}.xml"] = f"<worksheet><sheetData>{lines}</sheetData></worksheet>"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    names = "".join(f'<sheet name="{name}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1))
    links = "".join(f'<Relationship Id="rId{n}" Target="worksheets/sheet{n}.xml"/>' for n in range(1, len(sheets) + 1))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", f'<workbook xmlns:r="{relation}"><sheets>{names}</sheets></workbook>')
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{links}</Relationships>")
        archive.writestr("xl/sharedStrings.xml", f"<sst>{''.join(f'<si><t>{text}</t></si>' for text in shared)}</sst>")
        for place, text in parts.items():
            archive.writestr(place, text)
    return path
