"""The table of formats: every entry can be loaded, known by its first bytes, and extended from outside."""

from __future__ import annotations

import importlib
import inspect
from importlib import metadata
from pathlib import Path

import pytest

from imgpipe.errors import ReadError
from imgpipe.readers import FORMATS, formats, read
from imgpipe.readers.formats import Format, detect


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.suffixes[0])
def test_every_reader_can_be_loaded_and_says_what_it_does(form: Format) -> None:
    module, _, function = form.reader.partition(":")
    reader = getattr(importlib.import_module(module), function)
    assert list(inspect.signature(reader).parameters) == ["source"]
    assert inspect.getdoc(reader)
    assert metadata.version(form.library)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in form.suffixes)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.suffixes[0])
def test_every_magic_leads_to_its_format(form: Format) -> None:
    for offset, mark in form.magic:
        head = bytes(offset) + mark + bytes(100)
        assert detect(Path(f"image{form.suffixes[0].upper()}"), head) == (form, [])
        assert detect(Path("image.other"), head)[0] == form


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"%PDF-1.7", "a PDF document"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (bytes(100), "zeros only (an interrupted copy)"),
        (b"energy,counts\n1,2\n", "text"),
        (b"\1\2\3\xfe", "unknown binary data"),
    ],
)
def test_what_an_unknown_file_looks_like(head: bytes, words: str) -> None:
    with pytest.raises(ReadError, match="looks like") as caught:
        detect(Path("image.tif"), head)
    assert words in caught.value.message
    assert "Zeiss" in str(caught.value.remedy)


def test_formats_of_other_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    form = Format("Lab", (".lab",), ((0, b"LAB"),), "readers.bad_readers:print_loudly", "numpy")

    class Point:
        def load(self) -> Format:
            return form

    monkeypatch.setattr(metadata, "entry_points", lambda group: [Point()] if group == "imgpipe.readers" else [])
    formats.outside_formats.cache_clear()
    try:
        (tmp_path / "a.lab").write_bytes(b"LAB and more")
        assert read(tmp_path / "a.lab")["image"].sizes["x"] == 16
        with pytest.raises(ReadError, match=r"Lab: \.lab"):
            detect(Path("a.xyz"), b"\1\2\3")
    finally:
        formats.outside_formats.cache_clear()


def test_a_reader_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    form = Format("Lab", (".lab",), ((0, b"LAB"),), "no_such_package.reader:read", "no-such-package")
    monkeypatch.setattr(formats, "FORMATS", [form])
    (tmp_path / "a.lab").write_bytes(b"LAB and more")
    with pytest.raises(ReadError, match=r"can't be loaded: No module named 'no_such_package'.*version unknown"):
        read(tmp_path / "a.lab")
