"""Units: conversion through pint, px as a dimension of its own, and texts that are no unit."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgpipe.errors import DataError, UnitError
from imgpipe.units import Dims, Gives, Unit, column_suffix, convert, factor, parse_quantity, spelling

KNOWN = ("nm", "um", "deg", "eV", "mAh/cm**2", "counts", "N/m", "1/nm", "degC", "nm**2", "at_percent", "%", "GPa", "px")


def test_lengths_convert():
    assert convert(3.0, "um", "nm") == 3000.0
    assert convert(4.85, "um", "nm") == 4850.0  # not 4849.999...
    np.testing.assert_array_equal(convert(np.array([1.0, 2.0]), "mm", "um"), [1000.0, 2000.0])


def test_offset_units_convert_as_points_not_as_differences():
    assert convert(25.0, "degC", "kelvin") == pytest.approx(298.15)


def test_px_is_no_length():
    with pytest.raises(UnitError, match="pixel size"):
        convert(3.0, "px", "nm")
    with pytest.raises(UnitError):
        convert(3.0, "nm", "px")
    assert convert(3.0, "px", "px") == 3.0


def test_micro_sign_and_greek_mu_are_the_same():
    assert spelling("µm") == spelling("μm") == "um"
    assert parse_quantity("2 μm", "nm") == 2000.0


def test_percent_and_at_percent_are_ratios():
    assert parse_quantity("5 %", "1") == pytest.approx(0.05)
    assert factor("at_percent", "1") == pytest.approx(0.01)


@pytest.mark.parametrize("unit", KNOWN)
def test_known_units_convert_to_themselves(unit):
    assert spelling(unit) == unit
    assert convert(1.5, unit, unit) == 1.5


@pytest.mark.parametrize(
    "text",
    ["nm rm", "3 nn", "nm nm", "--3 nm", "", "nm", "1 nm/0", "1 9**9**9**9", "1 __import__('os')", "1 ((", "1 \\"],
)
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(UnitError):
        parse_quantity(text, "nm")


def test_a_bool_is_no_number():
    with pytest.raises(UnitError):
        parse_quantity(True, "nm")


def test_a_bare_number_is_in_the_wanted_unit():
    assert parse_quantity("12.5", "nm") == parse_quantity(12.5, "nm") == 12.5


@given(
    st.floats(min_value=1e-9, max_value=1e9), st.sampled_from(["nm", "um", "mm"]), st.sampled_from(["nm", "um", "m"])
)
def test_there_and_back(value, one, other):
    assert convert(convert(value, one, other), other, one) == pytest.approx(value, rel=1e-12)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_as_it_was_written(value):
    assert parse_quantity(f"{value!r} nm", "nm") == value


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_a_unit_error(text):
    try:
        found = parse_quantity(text, "nm")
    except UnitError:
        return
    assert isinstance(found, float)


@given(st.text(alphabet="nmpxu*/^()0123456789.-+ e%°", max_size=30))
def test_what_looks_like_a_unit_never_crashes_or_hangs(text):
    with contextlib.suppress(UnitError):
        assert spelling(text)


def test_column_suffixes():
    assert column_suffix("nm") == "nm"
    assert column_suffix("1") == column_suffix("") == ""
    assert column_suffix("mAh/cm**2") == "mAh_per_cm2"
    assert column_suffix("%") == "percent"


def test_markers():
    assert Unit("nm|px").canonical == "nm"
    assert Unit("nm|px").accepted == ("nm", "px")
    assert Dims("z y x", whole="y").required == ("z", "y", "x")
    assert Gives(table="layers", thickness="nm").units == {"thickness": "nm"}
    assert hash(Unit("nm")) == hash(Unit("nm"))


def test_unit_errors_are_data_errors():
    assert issubclass(UnitError, DataError)
    assert math.isclose(factor("deg", "rad"), math.pi / 180)
