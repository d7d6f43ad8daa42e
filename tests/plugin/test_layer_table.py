"""What the table of the dock shows of a row."""

from __future__ import annotations

import math

import pandas as pd
import pytest

pytestmark = pytest.mark.gui
NAN = math.nan


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (
            {"thickness_nm": 14612.3, "u_thickness_nm": 431.0, "thickness_low_nm": 13750.0,
             "thickness_high_nm": 15470.0},
            ("Mg", "14610 ± 430 nm", "13750 to 15470 nm", ""),
        ),
        (
            {"thickness_nm": NAN, "thickness_high_nm": NAN, "thickness_px": 40.123, "u_thickness_px": 0.52,
             "thickness_low_px": 39.0, "thickness_high_px": 41.2, "flag": "uncalibrated"},
            ("Mg", "40.12 ± 0.52 px", "39.00 to 41.20 px", "uncalibrated"),
        ),
        (
            {"thickness_nm": NAN, "thickness_high_nm": 21.43, "flag": "below edge width: upper bound"},
            ("Mg", "–", "< 21.4 nm", "below edge width: upper bound"),
        ),
        ({"thickness_nm": NAN, "thickness_px": NAN, "flag": "missing"}, ("Mg", "–", "–", "missing")),
        ({"thickness_nm": 12.0, "u_thickness_nm": NAN}, ("Mg", "12.0 nm", "–", "")),
    ],
)  # fmt: skip
def test_a_row_shows_nm_or_px_or_a_bound_or_a_dash(row: dict[str, object], shown: tuple[str, ...]) -> None:
    from imgpipe.napari.layer_table import cells

    assert cells(pd.Series({"layer": "Mg", "flag": "", **row})) == shown
