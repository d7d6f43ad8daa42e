"""Readers: files of instruments in, lazy labelled arrays out.

Everything loads on first use, so that the reading child (which imports this package) starts quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgpipe.readers.admission import admit as admit
    from imgpipe.readers.file_stamp import fingerprint as fingerprint
    from imgpipe.readers.formats import FORMATS as FORMATS
    from imgpipe.readers.opening import read as read
    from imgpipe.readers.spectrum_gate import admit_spectrum as admit_spectrum
    from imgpipe.readers.stacking import stack_leaves as stack_leaves

_PUBLIC = {
    "FORMATS": "imgpipe.readers.formats",
    "admit": "imgpipe.readers.admission",
    "admit_spectrum": "imgpipe.readers.spectrum_gate",
    "fingerprint": "imgpipe.readers.file_stamp",
    "read": "imgpipe.readers.opening",
    "stack_leaves": "imgpipe.readers.stacking",
}
__all__ = ["FORMATS", "admit", "admit_spectrum", "close", "fingerprint", "read", "stack_leaves"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'imgpipe.readers' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def close() -> None:
    """End the warm reading processes of this process (they also end with it)."""
    from imgpipe.readers.ingest import POOL

    POOL.close()
