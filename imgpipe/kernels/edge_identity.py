"""Which interface an edge belongs to, where fewer edges are found than a stack has interfaces.

The order from top to bottom and the expected signs of the contrast may leave one place for an edge, or several.
An edge with several places has no certain name, and a layer beside it no thickness.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]
NEVER = -(10**6)


def certain_interfaces(polarity: list[int], expected: list[int]) -> Flags:
    """Tell which interfaces can only be what they were taken for.

    Parameters
    ----------
    polarity : (interface,) sign of the edge given to each interface, 0 where none was given
    expected : (interface,) expected signs, 0 where unknown

    Returns
    -------
    (interface,) True where every assignment of the same edges that fits the signs best, in order and with no edge
    left out, gives this interface the same edge, or none
    """
    given = [k for k, sign in enumerate(polarity) if sign]
    signs = [polarity[k] for k in given]
    upright = _places([[int(want in (0, sign)) for sign in signs] for want in expected], len(signs))
    inverted = _places([[int(want in (0, -sign)) for sign in signs] for want in expected], len(signs))
    places = inverted[1] if inverted[0] > upright[0] else upright[1]
    wanted = np.zeros_like(places)
    for k in range(len(expected)):
        wanted[k, given.index(k) if k in given else len(signs)] = True
    return np.asarray((places == wanted).all(axis=1))


def _places(fits: list[list[int]], edges: int) -> tuple[int, Flags]:
    """Return the largest number of signs that fit, and (interface, edge or none) what the best assignments hold."""
    slots = len(fits)
    worth = np.array(fits, dtype=np.int64).reshape(slots, edges)
    ahead = _best_sums(worth)
    behind = _best_sums(worth[::-1, ::-1])[::-1, ::-1]
    best = int(ahead[slots, edges])
    held = np.zeros((slots, edges + 1), dtype=np.bool_)
    held[:, :edges] = ahead[:-1, :-1] + worth + behind[1:, 1:] == best
    held[:, edges] = (ahead[:-1] + behind[1:]).max(axis=1) == best
    return best, held


def _best_sums(worth: Counts) -> Counts:
    """Return (i, j): the largest sum that the first j edges reach on the first i interfaces, every edge used."""
    slots, edges = worth.shape
    total = np.full((slots + 1, edges + 1), NEVER, dtype=np.int64)
    total[:, 0] = 0
    for i in range(1, slots + 1):
        for j in range(1, edges + 1):
            total[i, j] = max(total[i - 1, j], total[i - 1, j - 1] + worth[i - 1, j - 1])
    return total


def settled(certain: Flags, chosen: list[int]) -> Flags:
    """Return `certain` after a person placed the edges `chosen`: the doubts that each was part of are over."""
    out, run = certain.copy(), _runs(certain)
    for k in chosen:
        out[run == run[k]] = True
    return out


def _runs(certain: Flags) -> Counts:
    """Return the number of the run of uncertain interfaces that each belongs to; a certain one is a run by itself."""
    apart = certain[1:] | certain[:-1]
    return np.concatenate([np.zeros(min(1, certain.size), dtype=np.int64), np.cumsum(apart)])


def doubtful_layers(certain: Flags, found: Flags) -> tuple[Flags, Flags]:
    """Tell the layers whose identity is open from those that can't be there.

    Parameters
    ----------
    certain, found : (interface,) whether its edge has a certain name, and whether it was given an edge

    Returns
    -------
    ambiguous, absent : (layer,) layers beside an uncertain interface: with edges enough for both their interfaces,
        or without
    """
    layers = max(0, certain.size - 1)
    ambiguous, absent = np.zeros(layers, dtype=np.bool_), np.zeros(layers, dtype=np.bool_)
    run = _runs(certain)
    edges = {int(r): int(found[run == r].sum()) for r in np.unique(run)}
    for k in range(layers):
        pair = certain[k : k + 2]
        if pair.all():
            continue
        alone = not pair.any()
        enough = edges[int(run[k])] >= 2 if alone else all(found[k : k + 2] | ~pair)
        ambiguous[k], absent[k] = enough, not enough
    return ambiguous, absent
