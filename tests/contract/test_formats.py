"""What every format must keep, over the whole table FORMATS (the mutated files stand in tests/readers)."""

from __future__ import annotations

import importlib
import inspect
import struct
from importlib import metadata
from pathlib import Path

import pytest

from imgpipe.errors import ImgpipeError, ReadError
from imgpipe.readers import FORMATS, read
from imgpipe.readers.formats import HEAD, detect

formats = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name.split()[0])


HDF5 = b"\x89HDF\r\n\x1a\n"
SHARED = {"NeXus (NXxps, NXmpes)", "Velox", "HyperSpy"}
"""Formats that are HDF5 files: their suffix tells them apart."""
SNIFFED = {
    "VAMAS, ISO 14976 (XPS)": (b"\r\n\r\nVAMAS Surface Chemical Analysis Standard Data Transfer Format 1988 May 4\r\n"),
    "CasaXPS text export": b"Cycle 0:sample:S2p\r\n\tCharacteristic Energy eV\t1.486610e+003\r\n",
    "Scienta text (XPS)": (
        b"[Info]\nNumber of Regions=1\n[Region 1]\nRegion Name=S2p\nDimension 1 name=Binding Energy [eV]\n"
    ),
    "SPECS xy (XPS)": b"# Created by:  SpecsLab Prodigy\n#\n# XY-Serializer Export Settings:\n#\n",
    "SPECS xml (XPS)": b'<?xml version="1.0"?>\n<!-- CORBA XML document created by XMLSerializer2 -->\n',
    "table of a spectrum (column binding or kinetic energy)": b"binding energy [eV],counts\n284.0,",
    "workbook with spectra or line scans": b"PK\3\4" + bytes(26) + b"[Content_Types].xml",
    "Bruker spectrum (EDXS)": b'<?xml version="1.0"?>\n<TRTSpectrum>\n',
    "EMSA/MAS, ISO 22029 (spectrum)": b"#FORMAT      : EMSA/MAS Spectral Data File\n",
    "table of a line scan (columns: distance, counts of each element)": b"distance (nm),Mg,W\n0,1,",
    "Phenom project (EDXS)": b"BZh9\x31\x41\x59\x26\x53\x59",
    "JEOL project (EDXS)": b"\0\0\0\0\1\0\0\0\t\0\0\0FileType\0" + bytes(20) + b"Analysis Station",
    "JEOL spectrum (EDXS)": b"\2\0\0\0" + bytes(6) + struct.pack("<d", 42_000.0) + bytes(14),
    "EDAX spectrum (EDXS)": struct.pack("<f24xih", 0.7, 3840, 4096) + bytes(8),
    "RIPPLE": b"key\tvalue\nwidth\t4\nheight\t3\ndepth\t100\ndata-type\tunsigned\n",
    "Velox": HDF5,
    "HyperSpy": HDF5,
}
"""Beginnings of files of formats without a mark at a fixed place, by their name."""


def heads_of(form) -> list[bytes]:
    """Return beginnings of files that have a format; a folder that is opened in place has none."""
    marked = [b"\x01" * offset + magic for offset, magic in form.magic]
    return marked + ([SNIFFED[form.name]] if form.sniff else [])


def test_names_and_magic_bytes_are_told_apart():
    assert len({form.name for form in FORMATS}) == len(FORMATS)
    for form in FORMATS:
        for head in heads_of(form):
            fitting = {other.name for other in FORMATS if other.fits(head)}
            assert fitting == (SHARED if head == HDF5 else {form.name})


@formats
def test_a_format_has_suffixes_magic_a_function_and_a_library(form):
    assert form.suffixes
    assert form.magic or form.sniff or form.folder
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in form.suffixes)
    assert all(magic and offset + len(magic) <= HEAD for offset, magic in form.magic)
    module, _, function = form.reader.partition(":")
    read_leaves = getattr(importlib.import_module(module), function)
    assert list(inspect.signature(read_leaves).parameters) == ["source"]
    assert inspect.getdoc(read_leaves)
    assert metadata.version(form.library)


@formats
def test_the_content_decides_and_a_wrong_suffix_is_told(form):
    for head in heads_of(form):
        assert detect(Path(f"x{form.suffixes[0].upper()}"), head) == (form, [])
        found, notes = detect(Path("x.other"), head)
        assert found is form or (head == HDF5 and found.name in SHARED)
        assert "named .other" in notes[0]


@formats
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\0" * 4096, b"hello, this is a text\n" * 40, bytes(range(256)) * 8], ids=range(5)
)
def test_what_is_not_of_the_format_is_a_read_error_that_names_the_file(form, content, tmp_path):
    path = tmp_path / f"wrong{form.suffixes[0]}"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"wrong\.") as caught:
        read(path)
    assert caught.value.remedy


@formats
@pytest.mark.parametrize(
    "tail", [b"", b"\0" * 600, b"\xff" * 600, bytes(range(256)) * 20], ids=["cut", "zeros", "ones", "ramp"]
)
def test_the_right_magic_with_nothing_sound_behind_it_never_passes(form, tail, tmp_path):
    for number, head in enumerate(heads_of(form)):
        path = tmp_path / f"hollow_{number}{form.suffixes[0]}"
        path.write_bytes(head + tail)
        with pytest.raises(ImgpipeError, match="hollow_") as caught:
            read(path, timeout_s=30)
        assert "[reader " in str(caught.value)
        assert caught.value.remedy
