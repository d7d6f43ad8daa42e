"""Readers that misbehave, for the tests of the ingesting child. The child imports them by name."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from collections.abc import Iterator

import numpy as np

from imgpipe.readers.leaf import Axis, Block, Leaf, Source, Stream


def segfault(source: Source) -> list[Leaf]:
    """Read address 0."""
    ctypes.string_at(0)
    return []


def hang(source: Source) -> list[Leaf]:
    """Never come back."""
    while True:
        time.sleep(3600)


def eat_memory(source: Source) -> list[Leaf]:
    """Take memory until stopped (3 GB at most)."""
    eaten = []
    for _ in range(300):
        eaten.append(b"x" * 10_000_000)
        time.sleep(0.005)
    return []


def exit_quietly(source: Source) -> list[Leaf]:
    """End the process as if all were well."""
    os._exit(0)


def print_loudly(source: Source) -> list[Leaf]:
    """Print on the channel of answers, then give a good image."""
    print('{"leaves": "nonsense"}')
    os.write(1, b"more nonsense\n")
    return _image()


def grow(source: Source) -> list[Leaf]:
    """Let the file grow while it is read."""
    with open(source.path, "ab") as handle:
        handle.write(b"more")
    return _image()


def fill_the_disk(source: Source) -> list[Leaf]:
    """Let every write fail, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
    return _image()


def _image() -> list[Leaf]:
    def blocks() -> Iterator[Block]:
        yield (slice(0, 16), slice(0, 16)), np.arange(256, dtype=np.uint8).reshape(16, 16)

    stream = Stream(("y", "x"), (16, 16), "uint8", (16, 16), {"units": "counts"}, blocks)
    return [Leaf("image", {"image": stream}, {"y": Axis(16), "x": Axis(16)})]
