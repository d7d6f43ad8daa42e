"""The gate in front of every pipeline, for spectra."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from readers.spectrum_files import peak

from imgpipe.errors import DataError
from imgpipe.readers import admit_spectrum


def dataset(values, *, energy=None, unit="eV", name="counts"):
    values = np.asarray(values, float) if not hasattr(values, "blocks") else values
    dims = ("cycle", "energy")[-values.ndim :]
    axis = 158 + 0.1 * np.arange(values.shape[-1]) if energy is None else np.asarray(energy, float)
    coords = {"energy": ("energy", axis, {"units": unit})}
    if values.ndim > 1:
        coords["cycle"] = ("cycle", 1.0 + np.arange(values.shape[0]), {"units": "1"})
    attrs = {"source_file": "a.vms", "region": "S 2p"}
    return xr.Dataset({name: (dims, values, {"units": "counts"})}, coords=coords, attrs=attrs)


def refused(data):
    with pytest.raises(DataError) as caught:
        admit_spectrum(data)
    assert caught.value.file == "a.vms"
    assert caught.value.remedy
    assert caught.value.message.startswith("S 2p: ")
    return caught.value.message


def changed(values, at, value):
    values = np.array(values, float)
    values[..., at] = value
    return values


def test_a_sound_spectrum_passes_without_flags():
    assert admit_spectrum(dataset(peak())) == []
    assert admit_spectrum(dataset(np.stack([peak(seed=i) for i in range(3)]))) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (changed(peak(), 5, np.nan), "1 intensities are missing (NaN) and 0 infinite"),
        (changed(peak(), slice(3, 5), np.inf), "0 intensities are missing (NaN) and 2 infinite"),
        (changed(peak(), 7, -2), "1 intensities are negative (down to -2)"),
        (np.zeros(60), "all intensities are zero"),
        (np.zeros((3, 60)), "all intensities are zero"),
        (np.full(60, 7.0), "all intensities are equal"),
        (peak()[:4], "the spectrum has 4 points; at least 5"),
    ],
)
def test_what_is_no_spectrum_is_refused(values, words):
    assert words in refused(dataset(values))


@pytest.mark.parametrize(
    ("energy", "unit", "words"),
    [
        (np.arange(60)[::-1], "eV", "must rise"),
        (changed(np.arange(60), 5, 4), "eV", "4 eV comes twice"),
        (changed(np.arange(60), 5, 3), "eV", "is followed by 3 eV"),
        (changed(np.arange(60), 5, np.nan), "eV", "NaN or Inf"),
        (np.arange(60), "keV", "the energy is in 'keV'"),
    ],
)
def test_energy_axes(energy, unit, words):
    assert words in refused(dataset(peak(), energy=energy, unit=unit))


def test_other_variables_and_dimensions_are_refused():
    with pytest.raises(DataError, match="no variable counts or intensity, only height"):
        admit_spectrum(dataset(peak(), name="height"))
    with pytest.raises(DataError, match="energy as its last dimension"):
        admit_spectrum(dataset(np.stack([peak()] * 3)).transpose("energy", "cycle"))


def test_counts_that_are_no_whole_numbers_are_flagged_rates_are_not():
    assert "counts already divided by dwell" in admit_spectrum(dataset(peak() / 3))[0]
    assert admit_spectrum(dataset(peak() / 3, name="intensity")) == []


@pytest.mark.parametrize("part", [slice(None, 12), slice(-12, None), slice(20, 30)])
def test_zeros_in_a_row_are_flagged(part):
    (flag,) = admit_spectrum(dataset(changed(peak(), part, 0)))
    assert "interrupted copy" in flag


def test_zeros_among_few_counts_are_not():
    quiet = np.random.default_rng(1).poisson(0.05, 200).astype(float)
    assert admit_spectrum(dataset(quiet)) == []


def test_dead_cycles_are_told_by_number_not_refused():
    rows = np.stack([peak(seed=i) for i in range(8)])
    rows[[2, 6]] = 0
    rows[4] = 5
    flags = admit_spectrum(dataset(rows))
    assert "2 of 8 spectra hold only zeros (number 3, 7)" in flags
    assert "1 of 8 spectra hold one value only (number 5)" in flags


def test_chunks_do_not_matter():
    rows = np.stack([peak(seed=i) for i in range(8)])
    rows[2] = 0
    whole, cut = dataset(rows), dataset(da.from_array(rows, chunks=(3, 25)))
    assert admit_spectrum(cut) == admit_spectrum(whole)
    rows[7, 59] = np.nan
    assert "1 of 8 spectra hold missing points (NaN) (number 8)" in admit_spectrum(
        dataset(da.from_array(rows, chunks=(7, 25)))
    )
    rows[7, 40:] = np.nan
    assert "20 intensities are missing" in refused(dataset(da.from_array(rows, chunks=(3, 25))))
