"""What every format must keep, over the whole table FORMATS (the mutated files stand in tests/readers)."""

from __future__ import annotations

import importlib
import inspect
from importlib import metadata
from pathlib import Path

import pytest

from imgpipe.errors import ImgpipeError, ReadError
from imgpipe.readers import FORMATS, read
from imgpipe.readers.formats import HEAD, detect

formats = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name.split()[0])


def head_of(form, mark: int = 0) -> bytes:
    offset, magic = form.magic[mark]
    return b"\x01" * offset + magic


def test_names_and_magic_bytes_are_told_apart():
    assert len({form.name for form in FORMATS}) == len(FORMATS)
    for form in FORMATS:
        for mark in range(len(form.magic)):
            fitting = [other.name for other in FORMATS if other.fits(head_of(form, mark))]
            assert fitting == [form.name]


@formats
def test_a_format_has_suffixes_magic_a_function_and_a_library(form):
    assert form.suffixes
    assert form.magic
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in form.suffixes)
    assert all(magic and offset + len(magic) <= HEAD for offset, magic in form.magic)
    module, _, function = form.reader.partition(":")
    read_leaves = getattr(importlib.import_module(module), function)
    assert list(inspect.signature(read_leaves).parameters) == ["source"]
    assert inspect.getdoc(read_leaves)
    assert metadata.version(form.library)


@formats
def test_the_content_decides_and_a_wrong_suffix_is_told(form):
    assert detect(Path(f"x{form.suffixes[0].upper()}"), head_of(form)) == (form, [])
    found, notes = detect(Path("x.dat"), head_of(form))
    assert found is form
    assert "named .dat" in notes[0]


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
    for mark in range(len(form.magic)):
        path = tmp_path / f"hollow_{mark}{form.suffixes[0]}"
        path.write_bytes(head_of(form, mark) + tail)
        with pytest.raises(ImgpipeError, match="hollow_") as caught:
            read(path, timeout_s=30)
        assert "[reader " in str(caught.value)
        assert caught.value.remedy
