"""Names of layers and interfaces, top to bottom."""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def unique(names: Sequence[str]) -> list[str]:
    """Return the names with a number behind repeated ones: Cu, Mg, Cu -> Cu, Mg, Cu_2."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return out


def numbered(edges: int) -> list[str]:
    """Return names for a stack with `edges` edges and no names: cap, layer_1 ..., substrate."""
    return ["cap", *(f"layer_{k}" for k in range(1, edges)), "substrate"]


def interface_names(layers: Sequence[str]) -> list[str]:
    """Return ``upper|lower`` for each interface."""
    return [f"{upper}|{lower}" for upper, lower in itertools.pairwise(layers)]


def layer_of_interfaces(interfaces: Sequence[str]) -> list[str]:
    """Return the names of the layers between interfaces: those with a thickness."""
    return [name.partition("|")[2] for name in interfaces[:-1]]
