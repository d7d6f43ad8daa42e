"""Names of edges where fewer were found than a stack has interfaces."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.edge_identity import certain_interfaces, doubtful_layers, settled


@pytest.mark.parametrize(
    ("given", "expected", "certain", "ambiguous", "absent"),
    [
        ([0, -1, 1, -1], [0, -1, 1, -1], [0, 0, 1, 1], [0, 1, 0], [1, 0, 0]),
        ([-1, 0, 1], [-1, -1, 1], [0, 0, 1], [0, 1], [1, 0]),
        ([-1, 1, 0], [-1, 1, -1], [1, 1, 1], [0, 0], [0, 0]),
        ([-1, 0, -1], [-1, 1, -1], [1, 1, 1], [0, 0], [0, 0]),
        ([-1, 1, 0], [0, 0, 0], [0, 0, 0], [1, 1], [0, 0]),
        ([1, -1, 1], [-1, 1, -1], [1, 1, 1], [0, 0], [0, 0]),
        ([1, -1, 0], [-1, 1, -1], [0, 0, 0], [1, 1], [0, 0]),
        ([0, 0], [-1, 1], [1, 1], [0], [0]),
        ([], [], [], [], []),
    ],
)
def test_identity(given, expected, certain, ambiguous, absent):
    sure = certain_interfaces(given, expected)
    assert sure.tolist() == [bool(v) for v in certain]
    found = np.array(given, dtype=int) != 0
    assert [flags.tolist() for flags in doubtful_layers(sure, found)] == [
        [bool(v) for v in ambiguous],
        [bool(v) for v in absent],
    ]


def test_a_person_ends_the_doubt():
    sure = np.array([False, False, True, False, False])
    assert settled(sure, [1]).tolist() == [True, True, True, False, False]
