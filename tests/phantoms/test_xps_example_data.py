"""The example spectra in the repository are what their generator makes, and what ORIGIN.md says of them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from imgpipe.phantoms.command_line import write_from_command_line
from imgpipe.phantoms.xps.example_data import EXAMPLES, spectra, write_all
from imgpipe.phantoms.xps.making import of_region

COMMITTED = Path(__file__).parents[2] / "example_data" / "xps"


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def table(name: str) -> list[dict[str, str]]:
    with (COMMITTED / "expected" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_regenerates_byte_for_byte(tmp_path: Path) -> None:
    made = write_all(tmp_path / "made")
    again, committed = files_below(tmp_path / "made"), files_below(COMMITTED)
    assert len(made) == len(again)
    assert sorted(again) == sorted(committed)
    assert [name for name in again if again[name] != committed[name]] == []


def test_small() -> None:
    assert sum(map(len, files_below(COMMITTED).values())) <= 2_000_000


def test_files_of_each_question() -> None:
    names = {path.name for path in COMMITTED.glob("*.vms")}
    assert names == {
        *(f"published_{sample}.vms" for sample in ("MgW-Cu", "Mg-Cu", "W-Cu", "Cu")),
        *("argyrodite_pristine.vms", "argyrodite_cycled.vms"),
        *("film_W_clean.vms", "film_W_oxidised.vms", "film_Mg_oxidised.vms", "series_S2p.vms"),
    }
    text = (COMMITTED / "ORIGIN.md").read_text(encoding="utf-8")
    assert "python -m imgpipe.phantoms.xps.example_data" in text
    assert all(f"| {example.preset} | {example.seed} |" in text for example in EXAMPLES)


def test_expected_tables_hold_the_published_shares() -> None:
    shares = {
        row["sample"]: float(row["area_percent"])
        for row in table("components.csv")
        if row["file"].startswith("published") and row["component"] == "Li2S"
    }
    assert shares == {"MgW-Cu": 14.0, "Mg-Cu": 19.0, "W-Cu": 27.0, "Cu": 43.0}
    facts = {(row["file"], row["fact"]): float(row["value"]) for row in table("samples.csv")}
    assert facts["argyrodite_pristine.vms", "excess_sulfide"] == 0.0
    assert facts["argyrodite_cycled.vms", "excess_sulfide"] > 5.0
    assert facts["film_W_oxidised.vms", "overlayer_thickness"] == 1.4
    assert len(table("series.csv")) == 200


@pytest.mark.parametrize(("preset", "sd"), [("published", 0.02), ("argyrodite", 0.03)])
def test_no_species_is_an_outlier(preset: str, sd: float) -> None:
    (example,) = (example for example in EXAMPLES if example.preset == preset)
    _, truth = spectra(example)
    positions = of_region(truth, "S 2p")["position"] - truth["energy_shift"]
    usual = {"published": [160.4, 161.2, 166.9], "argyrodite": [161.9, 161.6, 160.3, 167.2, 163.3]}[preset]
    assert (abs(positions - usual) < 2 * sd).all()


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert write_from_command_line([], write_all, "imgpipe.phantoms.xps.example_data") == 2
    assert write_from_command_line([str(tmp_path / "out")], write_all, "imgpipe.phantoms.xps.example_data") == 0
    assert "MB" in capsys.readouterr().out
    assert (tmp_path / "out" / "ORIGIN.md").is_file()
