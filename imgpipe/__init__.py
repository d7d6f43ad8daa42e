"""imgpipe: files of one specimen in, trustworthy numbers out.

Public names load on first use: `read`, `run`, `Recipe`, `step`, `STEPS`, `open_bundle`, `to_hyperspy`,
`from_hyperspy`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imgpipe.step import step  # at once: the name must not be taken by the module of the same name

if TYPE_CHECKING:
    from imgpipe.batch import run as run
    from imgpipe.bundle import open_bundle as open_bundle
    from imgpipe.exchange import from_hyperspy as from_hyperspy
    from imgpipe.exchange import to_hyperspy as to_hyperspy
    from imgpipe.readers import read as read
    from imgpipe.recipe import Recipe as Recipe
    from imgpipe.steps import STEPS as STEPS

__version__ = "0.1.0"
_PUBLIC = {
    "read": "imgpipe.readers",
    "run": "imgpipe.batch",
    "Recipe": "imgpipe.recipe",
    "STEPS": "imgpipe.steps",
    "open_bundle": "imgpipe.bundle",
    "to_hyperspy": "imgpipe.exchange",
    "from_hyperspy": "imgpipe.exchange",
}
__all__ = ["STEPS", "Recipe", "__version__", "from_hyperspy", "open_bundle", "read", "run", "step", "to_hyperspy"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'imgpipe' has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
