"""The table of file formats, and which of them a file belongs to.

Files are known by their first bytes (text formats without a mark by a look at their first lines); the suffix only
breaks ties and is worth a warning when it does not fit.
Other packages add formats through the entry point group ``imgpipe.readers``: the entry point loads a `Format`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from imgpipe.errors import ReadError
from imgpipe.readers import edxs_sniffs, xps_sniffs

HEAD = 4096
"""Bytes read from the start of a file to know it."""


@dataclass(frozen=True)
class Format:
    """One file format.

    Parameters
    ----------
    name : what a user calls it
    suffixes : lower case, with the dot
    magic : (offset, bytes) pairs; the file has this format when one of them fits
    sniff : looks at the first `HEAD` bytes where there is no mark at a fixed place; True: the file has this format
    claims : a text that no format fits, named so, is given to this reader (which then says what it lacks)
    reader : ``module:function``, called with a `imgpipe.readers.leaf.Source` in the child process
    library : distribution that decodes it; its version stands in error messages
    direct : opened in place instead of being copied (chunked formats); `reader` runs in this process, gives datasets
    folder : names of files that mark a folder as one of this format
    """

    name: str
    suffixes: tuple[str, ...]
    magic: tuple[tuple[int, bytes], ...]
    reader: str
    library: str
    direct: bool = False
    sniff: Callable[[bytes], bool] | None = None
    claims: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()

    def fits(self, head: bytes) -> bool:
        """Tell whether a file that starts with `head` has this format."""
        if any(head[offset : offset + len(mark)] == mark for offset, mark in self.magic):
            return True
        return self.sniff is not None and self.sniff(head)


FORMATS: list[Format] = [
    Format(
        "TIFF (FEI/Thermo, Zeiss, TESCAN, Hitachi, JEOL, plain)",
        (".tif", ".tiff"),
        ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
        "imgpipe.readers.sem_tiff:read",
        "tifffile",
    ),
    Format("PNG", (".png",), ((0, b"\x89PNG\r\n\x1a\n"),), "imgpipe.readers.sem_png:read", "pillow"),
    Format(
        "Gatan DigitalMicrograph (dm3, dm4)",
        (".dm3", ".dm4"),
        ((0, b"\0\0\0\3"), (0, b"\0\0\0\4")),
        "imgpipe.readers.sem_dm:read",
        "rosettasciio",
    ),
    Format(
        "VAMAS, ISO 14976 (XPS)",
        (".vms", ".npl", ".vamas"),
        ((0, b"VAMAS Surface Chemical Analysis Standard Data Transfer Format"),),
        "imgpipe.readers.xps_vamas:read",
        "numpy",
        sniff=xps_sniffs.vamas,
    ),
    Format(
        "CasaXPS text export",
        (".txt", ".asc", ".dat"),
        (),
        "imgpipe.readers.xps_casa_text:read",
        "numpy",
        sniff=xps_sniffs.casa_text,
    ),
    Format("PHI (XPS)", (".spe", ".pro"), ((0, b"SOFH"),), "imgpipe.readers.xps_phi:read", "numpy"),
    Format("Scienta text (XPS)", (".txt",), (), "imgpipe.readers.xps_scienta:read", "numpy", sniff=xps_sniffs.scienta),
    Format("SPECS xy (XPS)", (".xy",), (), "imgpipe.readers.xps_specs_xy:read", "numpy", sniff=xps_sniffs.specs_xy),
    Format("SPECS xml (XPS)", (".xml",), (), "imgpipe.readers.xps_specs_xml:read", "numpy", sniff=xps_sniffs.specs_xml),
    Format(
        "table of a spectrum (column binding or kinetic energy)",
        (".csv", ".tsv", ".txt", ".dat", ".xy"),
        (),
        "imgpipe.readers.xps_table:read",
        "numpy",
        sniff=xps_sniffs.table,
        claims=(".csv", ".tsv"),
    ),
    Format(
        "workbook with spectra or line scans",
        (".xlsx",),
        (),
        "imgpipe.readers.xps_workbook:read",
        "numpy",
        sniff=xps_sniffs.workbook,
    ),
    Format("Bruker map (EDXS)", (".bcf",), ((0, b"AAMVHFSS"),), "imgpipe.readers.edxs_bruker:read_bcf", "rosettasciio"),
    Format(
        "Bruker spectrum (EDXS)",
        (".spx",),
        (),
        "imgpipe.readers.edxs_bruker:read_spx",
        "rosettasciio",
        sniff=edxs_sniffs.spx,
    ),
    Format(
        "EMSA/MAS, ISO 22029 (spectrum)",
        (".msa", ".emsa", ".ems"),
        (),
        "imgpipe.readers.edxs_msa:read",
        "rosettasciio",
        sniff=edxs_sniffs.emsa,
    ),
    Format(
        "table of a line scan (columns: distance, counts of each element)",
        (".csv", ".tsv", ".txt", ".dat"),
        (),
        "imgpipe.readers.edxs_table:read",
        "numpy",
        sniff=edxs_sniffs.table,
    ),
    Format(
        "NeXus (NXxps, NXmpes)",
        (".nxs", ".h5", ".hdf5", ".nexus"),
        ((0, edxs_sniffs.HDF5),),
        "imgpipe.readers.xps_nexus:read",
        "h5py",
    ),
    Format(
        "Phenom project (EDXS)",
        (".elid",),
        (),
        "imgpipe.readers.edxs_phenom:read",
        "rosettasciio",
        sniff=edxs_sniffs.elid,
    ),
    Format(
        "JEOL project (EDXS)",
        (".asw",),
        (),
        "imgpipe.readers.edxs_jeol:read_project",
        "rosettasciio",
        sniff=edxs_sniffs.jeol_project,
    ),
    Format(
        "JEOL map and image (EDXS)",
        (".pts", ".img", ".map"),
        ((0, b"\x30\x01\0\0PTTDFILE"), (0, b"\x34\0\0\0JED-2200:")),
        "imgpipe.readers.edxs_jeol:read",
        "rosettasciio",
    ),
    Format(
        "JEOL spectrum (EDXS)",
        (".eds",),
        (),
        "imgpipe.readers.edxs_jeol:read",
        "rosettasciio",
        sniff=edxs_sniffs.jeol_spectrum,
    ),
    Format(
        "EDAX map or line (EDXS)",
        (".spd", ".lsd"),
        ((0, b"MAPSPECTRA_DATA"),),
        "imgpipe.readers.edxs_edax:read_map",
        "rosettasciio",
    ),
    Format(
        "EDAX spectrum (EDXS)",
        (".spc",),
        (),
        "imgpipe.readers.edxs_edax:read_spectrum",
        "rosettasciio",
        sniff=edxs_sniffs.edax_spectrum,
    ),
    Format("RIPPLE", (".rpl",), (), "imgpipe.readers.edxs_ripple:read", "rosettasciio", sniff=edxs_sniffs.ripple),
    Format(
        "FEI TIA series (EDXS)",
        (".emi", ".ser"),
        ((0, b"JK\0\2"), (0, b"II\x97\1")),
        "imgpipe.readers.edxs_tia:read",
        "rosettasciio",
    ),
    Format("Velox", (".emd",), (), "imgpipe.readers.edxs_velox:read", "rosettasciio", sniff=edxs_sniffs.hdf5),
    Format("HyperSpy", (".hspy",), (), "imgpipe.readers.edxs_hspy:read", "rosettasciio", sniff=edxs_sniffs.hdf5),
    Format(
        "zarr (opened in place)",
        (".zarr",),
        (),
        "imgpipe.readers.zarr_in_place:open_folder",
        "zarr",
        direct=True,
        folder=("zarr.json", ".zgroup", ".zarray", ".zmetadata"),
    ),
]
"""Formats that imgpipe brings along."""

KNOWN_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\3\4", "a zip archive or Office file"),
    (b"\xff\xd8\xff", "a JPEG picture; its compression changes grey values at edges, export TIFF or PNG instead"),
    (b"BM", "a BMP picture; export TIFF or PNG instead"),
    (b"%PDF", "a PDF document"),
    (b"GIF8", "a GIF picture"),
    (b"\x93NUMPY", "a numpy array"),
    (b"<?xml", "an XML text"),
)


@functools.cache
def outside_formats() -> tuple[Format, ...]:
    """Return the formats of other packages (entry point group ``imgpipe.readers``)."""
    found = (point.load() for point in metadata.entry_points(group="imgpipe.readers"))
    return tuple(entry for entry in found if isinstance(entry, Format))


def all_formats() -> list[Format]:
    """Return our formats, then those of other packages."""
    return [*FORMATS, *outside_formats()]


def supported() -> str:
    """Return one line that lists every supported type with its suffixes."""
    return "; ".join(f"{entry.name}: {' '.join(entry.suffixes)}" for entry in all_formats())


def detect(path: Path, head: bytes) -> tuple[Format, list[str]]:
    """Return the format of a file that starts with `head`, and warnings.

    Raises
    ------
    ReadError
        when no format fits: the message says what the file looks like, the remedy lists the supported types.
    """
    fitting = [entry for entry in all_formats() if entry.fits(head)]
    suffix = path.suffix.lower()
    for entry in fitting:
        if suffix in entry.suffixes:
            return entry, []
    claimed = next((entry for entry in all_formats() if suffix in entry.claims), None)
    if claimed is not None and not fitting and _is_text(head):
        return claimed, []
    if fitting:
        return fitting[0], [f"named {suffix or 'without suffix'} but is {fitting[0].name}"]
    raise ReadError(_unknown(suffix, head), file=str(path), remedy=f"supported are {supported()}.")


def folder_format(path: Path) -> Format | None:
    """Return the format of a folder that holds a data set, None for any other folder and for files."""
    if not os.path.isdir(path):
        return None
    return next((one for one in all_formats() if any(os.path.isfile(path / name) for name in one.folder)), None)


def _unknown(suffix: str, head: bytes) -> str:
    named = next((entry for entry in all_formats() if suffix in entry.suffixes), None)
    looks = _looks_like(head)
    if named is None:
        return f"unknown file type {suffix or '(no suffix)'}: the content looks like {looks}."
    return f"named {suffix}, but the content is not {named.name}: it looks like {looks}."


def _looks_like(head: bytes) -> str:
    for mark, what in KNOWN_OTHERS:
        if head.startswith(mark):
            return what
    if not head.strip(b"\0"):
        return "zeros only (an interrupted copy)"
    if _is_text(head):
        return f"text ({head[:40].decode('latin-1')!r})"
    return f"unknown binary data (first bytes {head[:8].hex(' ')})"


def _is_text(head: bytes) -> bool:
    return all(byte in b"\t\n\r\f\x1b" or byte >= 32 for byte in head[:256])
