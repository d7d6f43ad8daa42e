"""Model comparison: peaks that are there are found, peaks that are not are refused."""

from __future__ import annotations

import numpy as np
import pytest
from s2p_spectra import area_of, expected, leaf, tree

from imgpipe.species import Component
from imgpipe.steps.xps import compare_models, fit_components

TWO = [
    Component(name="Li6PS5Cl", line="S 2p", position=161.2, splitting=1.2),
    Component(name="Li2S", line="S 2p", position=160.4, splitting=1.2, u_shift=0.1, required=False),
    Component(name="SOx", line="S 2p", position=166.9, splitting=1.2, u_shift=0.3, required=False),
]


def spectrum(rng, li2s, sox):
    share = {"Li2S": li2s, "Li6PS5Cl": 100.0 - li2s - sox, "SOx": sox}
    return tree(S_2p=leaf(rng.poisson(expected(share, area=area_of(8000, 1.1), fwhm=1.1))))


@pytest.mark.parametrize(("li2s", "sox"), [(0.0, 0.0), (20.0, 0.0), (0.0, 6.0), (20.0, 6.0)])
def test_what_is_there_is_accepted_and_nothing_else(rng, li2s, sox):
    table = compare_models(spectrum(rng, li2s, sox), components=TWO, background="shirley")["S 2p"].to_dataset()
    accepted = {str(name) for name, ok in zip(table["added"].values, table["accepted"].values, strict=True) if ok}
    assert accepted == {""} | ({"S 2p: Li2S"} if li2s else set()) | ({"S 2p: SOx"} if sox else set())
    np.testing.assert_allclose(table["model_bic"][0] - table["model_bic"][1], table["gain"][1])


def test_false_alarms_are_rare():
    false = 0
    for seed in range(8):
        given = spectrum(np.random.default_rng(seed), 20.0, 0.0)
        table = compare_models(given, components=TWO, background="shirley")["S 2p"]
        false += int(table["accepted"].values[[str(n).endswith("SOx") for n in table["added"].values]].any())
    assert false == 0


def test_a_fit_refuses_what_the_data_do_not_carry(rng):
    settings = {"alternatives": False, "sensitivity": False, "constants_exact": True}
    found = fit_components(spectrum(rng, 0.0, 6.0), components=TWO, refuse_unsupported=True, **settings)["S 2p"]
    assert found["component"].values.tolist() == ["Li6PS5Cl", "SOx"]
    refused = found["added"].values[~found["accepted"].values]
    assert "S 2p: Li2S" in refused.tolist()
