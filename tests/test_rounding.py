"""Numbers are rounded by their uncertainty."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgpipe.rounding import decimals_for, rounded, with_uncertainty


@pytest.mark.parametrize(
    ("value", "u", "shown"),
    [
        (161.9372, 2.3499, ("161.9", "2.3")),
        (14612.3, 431.0, ("14610", "430")),
        (30.214, 0.0996, ("30.21", "0.10")),
        (30.214, 9.96, ("30", "10")),
        (0.0004, 0.3, ("0.00", "0.30")),
        (-0.001, 0.3, ("0.00", "0.30")),
        (59.93, math.nan, ("59.9", "–")),
        (math.nan, math.nan, ("–", "–")),
    ],
)
def test_value_and_uncertainty_end_at_the_same_digit(value: float, u: float, shown: tuple[str, str]) -> None:
    assert with_uncertainty(value, u) == shown


@given(st.floats(1e-6, 1e6))
def test_two_significant_digits_remain(u: float) -> None:
    shown = rounded(u, decimals_for(u))
    assert float(shown) == pytest.approx(u, rel=0.051)
