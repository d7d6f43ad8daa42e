"""The species library: sound, sourced, and honest about what was not checked."""

from __future__ import annotations

import pytest

from imgpipe.errors import DataError
from imgpipe.species import Component, extended, find_model, load_library
from imgpipe.species.plan import plan_components, plan_model

STATISTICAL = {"2p3/2": 0.5, "3d5/2": 2.0 / 3.0, "4f7/2": 0.75}


def test_every_entry_names_a_source_and_lies_in_the_window_of_its_line():
    library = load_library()
    for key, one in library.species.items():
        line = library.lines[one.line]
        assert one.source, key
        assert key.startswith(one.name) or one.name in key, key
        if one.kind == "chemical":
            assert line.window[0] < one.energy < line.window[1], key


def test_doublets_have_statistical_ratios_and_splittings_that_are_not_rounded():
    for key, line in load_library().lines.items():
        if line.minor is not None:
            assert line.ratio == pytest.approx(STATISTICAL[line.main], abs=1e-6), key
    assert load_library().lines["W 4f"].splitting == 2.18
    assert load_library().lines["P 2p"].splitting == 0.87


@pytest.mark.parametrize("key", ["PS4 S 2p", "Li2S S 2p", "PS4 P 2p", "Mg plasmon 1", "Li2O O 1s", "W 5p3/2", "Fe 3p"])
def test_what_was_not_checked_says_so(key):
    assert load_library().species[key].verified is False


def test_the_published_model_holds_the_published_numbers():
    library = load_library()
    plan = plan_model(library, "published_s2p", find_model(library, "published_s2p"))
    (region,) = plan.regions
    found = {c.name: (c.position, c.splitting, c.ratio, c.u_shift, c.u_width_ratio) for c in region.components}
    assert found == {
        "Li2S": (160.4, 1.2, 0.5, 0.0, 0.0),
        "Li6PS5Cl": (161.2, 1.2, 0.5, 0.0, 0.0),
        "SOx": (166.9, 1.2, 0.5, 0.0, 0.0),
    }


def test_tungsten_brings_its_5p_line_and_magnesium_its_plasmons():
    library = load_library()
    tungsten = plan_model(library, "tungsten_oxide", library.models["tungsten_oxide"]).regions[0]
    assert {c.name: c.kind for c in tungsten.components}["W 5p3/2"] == "foreign"
    magnesium = plan_model(library, "magnesium_lithium", library.models["magnesium_lithium"]).regions[0]
    assert magnesium.window == (45.0, 65.0)
    assert {c.kind for c in magnesium.components if "plasmon" in c.name} == {"loss"}


def test_a_user_adds_species_and_a_fault_names_the_place():
    added = {"name": "MoS2", "line": "S 2p", "energy": 162.4, "energy_low": 162.0, "energy_high": 163.0,
             "source": "own reference", "verified": True}  # fmt: skip
    assert extended({"species": {"MoS2 (own)": added}}).species["MoS2 (own)"].energy == 162.4
    with pytest.raises(DataError, match=r"species.MoS2.*outside of its own range"):
        extended({"species": {"MoS2": {**added, "energy": 170.0}}})
    with pytest.raises(DataError, match=r"energy: .*number"):
        extended({"species": {"MoS2": {**added, "energy": "162.4"}}})
    with pytest.raises(DataError, match="unknown part 'specis'; did you mean 'species'"):
        extended({"specis": {}})


def test_unknown_names_get_the_nearest():
    library = load_library()
    with pytest.raises(DataError, match="did you mean 'published_s2p'"):
        find_model(library, "publishd_s2p")
    with pytest.raises(DataError, match="did you mean 'PS4 S 2p'"):
        plan_components(library, [Component(name="A", species="PS4 S2p")])
    with pytest.raises(DataError, match="neither a species nor a line"):
        plan_components(library, [Component(name="A")])


def test_a_ratio_the_wrong_way_round_is_refused_with_the_right_one():
    with pytest.raises(DataError, match=r"wrong way round.*write `ratio: 0\.5`"):
        plan_components(load_library(), [Component(name="A", line="S 2p", position=161.0, ratio=2.0)])
    with pytest.raises(DataError, match="single line"):
        plan_components(load_library(), [Component(name="A", line="C 1s", position=284.8, ratio=0.5)])
