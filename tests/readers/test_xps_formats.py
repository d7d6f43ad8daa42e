"""Casa text, PHI, Scienta, SPECS, tables and workbooks, written by code."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from readers import spectrum_files
from readers.spectrum_files import PHOTON, peak

from imgpipe.errors import DataError, ReadError
from imgpipe.readers import read

COUNTS = peak()
DOWN = 170.0 - 0.1 * np.arange(COUNTS.size)


def leaf(path, name="S 2p"):
    return read(path)[name].to_dataset()


def same(found, counts=COUNTS, energy=DOWN):
    """Tell whether a leaf holds these counts over this falling energy."""
    return np.array_equal(found.counts.values, counts[::-1]) and np.allclose(
        found.energy.values, energy[::-1], atol=1e-6
    )


def test_casa_text(tmp_path):
    found = leaf(spectrum_files.casa_text(tmp_path / "a.txt", COUNTS))
    assert same(found, energy=PHOTON - 1313.6 - 0.1 * np.arange(COUNTS.size))
    assert found.attrs["sample"] == "LPSCl"
    (fit,) = json.loads(found.attrs["vendor_metadata"])["blocks"][0]["casa"]["components"]
    assert fit["name"] == "S 2p PS4"
    assert (fit["fwhm"], fit["area"], fit["shape"]) == (1.1, 812.5, "GL(30)")
    assert {key for key in fit if key.startswith("position")} == {"position_as_exported"}  # on neither axis


def test_casa_text_with_a_calibrated_axis_is_told(tmp_path):
    found = leaf(spectrum_files.casa_text(tmp_path / "a.txt", COUNTS, shift=0.35))
    assert "+0.35 eV from hv - KE" in found.attrs["flags"]


def test_casa_text_cut_within_a_line(tmp_path):
    path = spectrum_files.casa_text(tmp_path / "a.txt", COUNTS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ReadError, match="the file is cut or damaged: line"):
        read(path)


def test_phi_spectrum(tmp_path):
    found = leaf(spectrum_files.phi(tmp_path / "a.spe", COUNTS, dwell=0.8))
    assert same(found, energy=175 - 0.1 * np.arange(COUNTS.size))
    assert float(found.dwell_time) == 0.8
    assert (float(found.photon_energy), float(found.pass_energy), float(found.work_function)) == (1486.6, 55.0, 4.506)
    assert (found.attrs["sample"], found.attrs["acquired"]) == ("LPSCl", "2024-05-17")


def test_phi_profile(tmp_path):
    rows = np.stack([peak(seed=seed) for seed in range(4)])
    found = leaf(spectrum_files.phi(tmp_path / "a.pro", rows, times=[0.0, 30.0, 60.0, 120.0]))
    assert np.array_equal(found.counts.values, rows[:, ::-1])
    assert found.etch_time.values.tolist() == [0, 30, 60, 120]


@pytest.mark.parametrize("loss", [1, 100, 300, 500])
def test_phi_cut(tmp_path, loss):
    path = spectrum_files.phi(tmp_path / "a.spe", COUNTS)
    path.write_bytes(path.read_bytes()[:-loss])
    with pytest.raises(ReadError, match=r"the file is cut|data directory is damaged|no end"):
        read(path)


def test_phi_trailing_bytes_are_told(tmp_path):
    path = spectrum_files.phi(tmp_path / "a.spe", COUNTS)
    path.write_bytes(path.read_bytes() + bytes(7))
    assert "7 bytes after the end of the data" in leaf(path).attrs["flags"]


def test_scienta_with_several_regions(tmp_path):
    tree = read(spectrum_files.scienta(tmp_path / "a.txt", COUNTS, regions=2))
    assert [leaf.path for leaf in tree.leaves] == ["/S 2p", "/C 1s"]
    for found in tree.leaves:
        assert same(found.to_dataset())
    assert float(tree["S 2p"].sweeps) == 4
    assert float(tree["S 2p"].dwell_time) == pytest.approx(0.2)
    assert tree["S 2p"].attrs["acquired"] == "2024-05-17T09:30:01"


def test_scienta_faults(tmp_path):
    path = spectrum_files.scienta(tmp_path / "a.txt", COUNTS, regions=2)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-5]))
    with pytest.raises(ReadError, match="states 60 points, 55 are there"):
        read(path)
    path.write_text("".join(lines[: len(lines) // 2 - 2]))
    with pytest.raises(ReadError, match=r"cut"):
        read(path)
    path.write_text("".join(lines).replace(" 1.69900000000000E+02", " 1.69800000000000E+02", 1))
    with pytest.raises(ReadError, match="not those of its header"):
        read(path)
    with pytest.raises(ReadError, match="second dimension"):
        read(spectrum_files.scienta(tmp_path / "b.txt", COUNTS, second=3))


@pytest.mark.parametrize("rate", [True, False])
def test_specs_xy_adds_scans_up(tmp_path, rate):
    scans = [peak(seed=seed) for seed in range(3)]
    found = leaf(spectrum_files.specs_xy(tmp_path / "a.xy", scans, rate=rate))
    assert same(found, counts=np.sum(scans, axis=0))
    assert (float(found.sweeps), float(found.dwell_time)) == (3, 0.5)
    assert found.attrs["flags"] == ""
    assert found.attrs["acquired"] == "2024-05-17T09:30:01"


def test_specs_xy_cycles(tmp_path):
    found = leaf(spectrum_files.specs_xy(tmp_path / "a.xy", [COUNTS], cycles=3))
    assert dict(found.sizes) == {"cycle": 3, "energy": COUNTS.size}


def test_specs_xy_faults(tmp_path):
    path = spectrum_files.specs_xy(tmp_path / "a.xy", [COUNTS, COUNTS])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-7]))
    with pytest.raises(ReadError, match="states 60 values per curve, 53 are there"):
        read(path)
    path.write_text("".join(lines[: -COUNTS.size - 4]))
    assert "1 of 2 scans are in the file" in leaf(path).attrs["flags"]
    path.write_text("".join(lines).replace("Binding Energy", "Excitation Energy"))
    with pytest.raises(ReadError, match="energy axis is 'Excitation Energy'"):
        read(path)


def test_specs_xml_lays_channels_over_each_other(tmp_path):
    truth = peak(60 + 4 * 7, seed=5)
    found = leaf(spectrum_files.specs_xml(tmp_path / "a.xml", truth, [-7, -3, 0, 4, 7]))
    assert np.array_equal(found.counts.values[::-1], 5 * truth[14:-14])
    assert float(found.energy[-1]) == pytest.approx(PHOTON - 1313.6)
    assert (float(found.sweeps), float(found.work_function)) == (1, 4.37)
    assert found.attrs["sample"] == "LPSCl"


def test_specs_xml_faults(tmp_path):
    truth = peak(60 + 4 * 7)
    path = spectrum_files.specs_xml(tmp_path / "a.xml", truth, [-7, 7], stated=4)
    assert "1 of 4 scans are in the file" in leaf(path).attrs["flags"]
    with pytest.raises(ReadError, match="a scan states 999 counts"):
        read(spectrum_files.specs_xml(tmp_path / "b.xml", truth, [-7, 7], length=999))
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    with pytest.raises(ReadError, match="the file is cut or damaged: its XML"):
        read(path)
    bomb = text.replace("<any", '<!DOCTYPE any [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><any', 1)
    path.write_text(bomb)
    with pytest.raises(ReadError, match="defines entities"):
        read(path)
    path.write_text(text.replace("FixedAnalyzerTransmission", "FixedRetardingRatio"))
    with pytest.raises(ReadError, match="mode 'FixedRetardingRatio' with 2 channels"):
        read(path)


HEADS = [
    "Binding energy [eV],counts", "Binding Energy (eV),Intensity", "BE/eV,Counts", "BE,counts", "B.E.,raw data",
    '"binding energy","counts"', "binding_energy [eV],Intensity (counts)",
    'Binding energy [eV],"Intensity, raw"',
]  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
def test_table_heads(tmp_path, head):
    found = leaf(spectrum_files.csv(tmp_path / "Li_S2p.csv", COUNTS, head=head))
    assert same(found)
    assert found.energy.attrs["energy_type"] == "binding"


@pytest.mark.parametrize(
    ("delimiter", "comma"), [("\t", "."), (";", "."), (";", ","), ("\t", ","), (" ", "."), ("  ", ".")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_table_delimiters_and_encodings(tmp_path, delimiter, comma, encoding):
    rows = [f"{e:.1f}{delimiter}{c:.1f}".replace(".", comma) for e, c in zip(DOWN, COUNTS, strict=True)]
    path = tmp_path / "S2p.txt"
    path.write_bytes(("\n".join([f"BE{delimiter}counts", *rows]) + "\n").encode(encoding))
    assert same(leaf(path))


def test_table_metadata_before_the_head(tmp_path):
    before = (
        "# region: P 2p\n# sample: LPSCl pristine\n# photon energy [eV]: 1486.6\n# dwell time: 200 ms\n"
        "# sweeps: 5\n# pass energy: 20 eV\n"
    )
    found = leaf(spectrum_files.csv(tmp_path / "a.csv", COUNTS, before=before), "P 2p")
    assert same(found)
    told = [float(found[name]) for name in ("photon_energy", "dwell_time", "sweeps", "pass_energy")]
    assert told == [1486.6, 0.2, 5, 20]
    assert found.attrs["sample"] == "LPSCl pristine"


def test_table_of_kinetic_energies_needs_the_photon_energy_for_binding(tmp_path):
    head = "kinetic energy [eV],counts"
    found = leaf(spectrum_files.csv(tmp_path / "S2p.csv", COUNTS, head=head))
    assert found.energy.attrs["energy_type"] == "kinetic"
    found = leaf(spectrum_files.csv(tmp_path / "S2p.csv", COUNTS, head=head, before="# hv: 1486.6 eV\n"))
    assert np.allclose(found.energy.values, PHOTON - DOWN)


def test_table_rates(tmp_path):
    path = tmp_path / "S2p.csv"
    found = leaf(spectrum_files.csv(path, COUNTS / 2, head="BE,counts/s"))
    assert found.intensity.attrs["units"] == "counts/s"
    assert "counts already divided by dwell" in found.attrs["flags"]
    found = leaf(spectrum_files.csv(path, COUNTS / 2, head="BE,CPS", before="# dwell: 1 s\n# scans: 2\n"))
    assert same(found)


def test_table_in_kev(tmp_path):
    rows = "".join(f"{e / 1000:.5f},{c:g}\n" for e, c in zip(DOWN, COUNTS, strict=True))
    path = tmp_path / "S2p.csv"
    path.write_text("Binding energy [keV],counts\n" + rows)
    found = leaf(path)
    assert same(found)
    assert "converted to eV" in found.attrs["flags"]
    path.write_text("Binding energy [eV],counts\n" + rows)
    with pytest.raises(DataError, match="these are keV, not eV"):
        read(path)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("energy,counts", "no column says that it is an energy"),
        ("x,y", "no column says that it is an energy"),
        ("Binding energy [eV],height", "no column says that it is the intensity: height"),
        ("Binding energy [eV],counts,counts 2", "several columns may be the intensity: counts, counts 2"),
        ("Binding energy [nm],counts", "no column says that it is an energy"),
    ],
)
def test_tables_that_leave_something_to_guess_are_refused(tmp_path, head, words):
    cells = ",".join(["1"] * (head.count(",") + 1))
    path = tmp_path / "a.csv"
    path.write_text(f"{head}\n" + f"{cells}\n" * 20)
    with pytest.raises(ReadError, match=words) as caught:
        read(path)
    assert caught.value.remedy


def test_tables_with_holes_are_refused(tmp_path):
    path = spectrum_files.csv(tmp_path / "S2p.csv", COUNTS)
    text = path.read_text()
    path.write_text(text.replace("168.0,", "168.0,x", 1))
    with pytest.raises(ReadError, match="row 21 of column 'counts' holds 'x"):
        read(path)
    path.write_text(text.replace("168.0,", "168.0;", 1))
    with pytest.raises(ReadError, match="row 21 of the table has 1 cells, its head 2"):
        read(path)
    path.write_text("".join(text.splitlines(keepends=True)[:1]))
    with pytest.raises(ReadError, match="nothing follows the heads"):
        read(path)
    path.write_text(text.rstrip("\n"))
    assert "ends without a line end" in leaf(path).attrs["flags"]


def sheet(counts=COUNTS):
    return [["Binding energy [eV]", "counts"], *([e, c] for e, c in zip(DOWN.tolist(), counts.tolist(), strict=True))]


def test_workbook_gives_a_region_per_sheet(tmp_path):
    sheets = {"notes": [["nothing here", 1.0]], "S2p": sheet(), "C1s": [["sample", "LPSCl"], *sheet(COUNTS + 1)]}
    tree = read(spectrum_files.xlsx(tmp_path / "a.xlsx", sheets))
    assert {leaf.attrs["region"] for leaf in tree.leaves} == {"S 2p", "C 1s"}
    assert np.allclose(tree["LPSCl/C 1s"].counts.values, COUNTS[::-1] + 1)
    assert tree["LPSCl/C 1s"].attrs["sample"] == "LPSCl"


def test_workbook_faults(tmp_path):
    path = spectrum_files.xlsx(tmp_path / "a.xlsx", {"S2p": sheet()})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ReadError, match="the workbook is cut or damaged"):
        read(path)
    with pytest.raises(ReadError, match="no sheet has a column"):
        read(spectrum_files.xlsx(tmp_path / "b.xlsx", {"a": [["x", "y"], [1.0, 2.0]]}))
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<a/>")
    with pytest.raises(ReadError, match="but no workbook"):
        read(tmp_path / "c.xlsx")


def test_workbook_bomb(tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/sharedStrings.xml", "<sst>" + " " * 30_000_000 + "</sst>")
    with pytest.raises(ReadError, match="would grow to 29 MiB") as caught:
        read(path)
    assert "raise max_ratio" in str(caught.value.remedy)
