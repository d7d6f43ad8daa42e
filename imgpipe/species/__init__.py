"""Species library: lines, chemical states and named fit models, each value with its source."""

from imgpipe.species.entries import Component, FitModel, Library, Line, RegionModel, Species
from imgpipe.species.library import extended, find_model, load_library

__all__ = [
    "Component", "FitModel", "Library", "Line", "RegionModel", "Species", "extended", "find_model", "load_library",
]  # fmt: skip
