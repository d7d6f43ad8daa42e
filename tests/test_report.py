"""The report: complete, escaped, self-contained, made from the folder alone, and right in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from sample_result import failure, make_leaf, write_result

from imgpipe.bundle import open_bundle
from imgpipe.errors import OutputError
from imgpipe.report import build_report
from imgpipe.report.groups import anchor_of
from imgpipe.report.layer_rows import budget_rows, layer_rows, read_table

CHROMIUM = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--window-size=1300,3000", "--enable-logging=stderr",
]  # fmt: skip
PROBE = """<script>
console.error("probe");
window.addEventListener("load", () => {
  const shown = e => { const b = e.getBoundingClientRect(); return b.width > 0 && b.height > 0; };
  const box = document.querySelector("figure.overview img").getBoundingClientRect();
  const found = {
    rows: [...document.querySelectorAll("table.layers tbody tr")].filter(shown).length,
    widths: [...document.images].map(i => i.naturalWidth),
    shown: [...document.images].filter(shown).length,
    beyond: document.documentElement.scrollWidth - window.innerWidth,
    box: [box.left, box.top, box.right, box.bottom],
  };
  const pre = document.createElement("pre");
  pre.id = "probe"; pre.textContent = JSON.stringify(found); document.body.append(pre);
});
</script></body>"""


class Page(HTMLParser):
    """What a page links to, loads and anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.anchors: list[str] = []
        self.alternatives: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given["href"])
        if "src" in given:
            self.sources.append(given["src"])
        if "id" in given:
            self.anchors.append(given["id"])
        if tag == "img":
            self.alternatives.append(given.get("alt", ""))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a result with a report: three groups, of which one has no scale, and a failure."""
    leaves = {
        "A_1d": make_leaf({"Mg": 70.7, "W": 3.0}, flags={"W": "below edge width: upper bound; edited"}),
        "B 2": make_leaf({"Li": 88.0}, pixel=50.0, seed=4),
        "C_noscale": make_leaf({"Mg": 60.0}, pixel=None, flags={"Mg": "uncalibrated"}, seed=6),
    }
    folder = write_result(tmp_path_factory.mktemp("result") / "out", leaves, [failure("D_cut")])
    build_report(folder)
    return folder


@pytest.fixture(scope="module")
def text(out: Path) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


def test_page_loads_nothing_from_elsewhere(text: str) -> None:
    page = Page(text)
    assert len(page.sources) == 9
    assert all(source.startswith("data:image/webp;base64,") for source in page.sources)
    assert not re.search(r"https?://|@import|url\(", text)
    assert all(page.alternatives)


def test_every_link_leads_somewhere(out: Path, text: str) -> None:
    page = Page(text)
    assert len(page.anchors) == len(set(page.anchors))
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.anchors, link
        else:
            assert (out / unquote(link)).is_file(), link


def test_what_a_file_says_is_escaped(text: str) -> None:
    assert "promises &lt;1536&gt;" in text
    assert "promises <1536>" not in text


def test_failure_shows_file_cause_and_remedy(text: str) -> None:
    part = text[text.index('id="failures"') : text.index('id="budget"')]
    for said in ("D_cut.tif", "412 of 1536 rows", "copy the file again"):
        assert said in part


def test_methods_recipe_and_versions_are_there(text: str) -> None:
    for said in ("NPL-2291", "chord along the mean normal", "trace_edges: {layers: [Pt, Mg, W, Cu]}", "2.4.6"):
        assert said in text


def test_rows_are_rounded_by_their_uncertainty(out: Path) -> None:
    rows = {(row.group, row.layer): row for row in layer_rows(read_table(open_bundle(out), "layers"), {})}
    table = open_bundle(out).table("layers").set_index(["group", "layer"])
    for key, row in rows.items():
        if row.unit == "nm" and "±" in row.thickness:
            value, u = map(float, row.thickness.split(" ± "))
            assert value == pytest.approx(table.loc[key, "thickness_nm"], abs=0.51 * 10 ** np.floor(np.log10(u)))
            assert u == pytest.approx(table.loc[key, "u_thickness_nm"], rel=0.06)
    assert rows["A_1d", "W"].thickness.startswith("≤ ")
    assert rows["A_1d", "W"].flags == ["below edge width: upper bound", "edited", "saturated 0.4 %"]
    assert rows["C_noscale", "Mg"].unit == "px"


def test_fields_are_shown_where_the_name_of_the_group_does_not_tell(out: Path) -> None:
    layers = read_table(open_bundle(out), "layers")
    assert layer_rows(layers, {})[0].fields == {}
    layers.insert(1, "operator", "N. N.")
    layers.insert(1, "charge_mAh_per_cm2", 1.0)
    assert layer_rows(layers, {})[0].fields == {"charge_mAh_per_cm2": "1", "operator": "N. N."}


def test_shares_of_variance_make_up_the_whole(out: Path) -> None:
    row = layer_rows(read_table(open_bundle(out), "layers"), {})[0]
    assert sum(share.percent for share in row.shares) == pytest.approx(100)
    assert row.largest is not None
    assert (row.largest.term, row.largest.kind) == ("pixel scale", "shared")
    assert row.largest.percent == pytest.approx(100 * 0.029**2 / (0.029**2 + 0.0136**2 + 1.17e-4), rel=0.01)


def test_budget_table_names_the_shared_terms(out: Path) -> None:
    heads, rows = budget_rows(read_table(open_bundle(out), "layers"))
    assert [term for term, kind in heads if kind == "shared"] == ["pixel scale", "tilt"]
    assert len(rows) == 4
    assert all(len(row) == 2 + len(heads) for row in rows)


def test_made_again_from_the_folder_alone_it_is_the_same(out: Path, text: str, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(out, moved)
    for late in (*moved.glob("*/figures"), moved / "figures"):
        shutil.rmtree(late)
    assert build_report(moved).read_text(encoding="utf-8") == text
    assert (moved / "A_1d" / "figures" / "section.pdf").is_file()


def test_the_result_stays_sound(out: Path) -> None:
    assert open_bundle(out).verify() == []


def test_a_run_in_which_all_failed_has_a_report(tmp_path: Path) -> None:
    out = write_result(tmp_path / "out", {}, [failure("one"), failure("two")])
    text = build_report(out).read_text(encoding="utf-8")
    assert text.count('class="failure"') == 2
    assert "No layer was measured." in text
    assert (out / "methods.txt").read_text(encoding="utf-8") == "No section was measured.\n"


def test_a_folder_that_is_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no result folder"):
        build_report(tmp_path)


def test_different_names_have_different_anchors() -> None:
    names = ["a b", "a_b", "a-b", "a+b", "ä", "a"]
    assert len({anchor_of(name) for name in names}) == len(names)


def browse(chromium: str, page: Path, profile: Path, *extra: str) -> subprocess.CompletedProcess[str]:
    command = [chromium, *CHROMIUM, f"--user-data-dir={profile}", *extra, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_a_browser_shows_table_and_figures_without_complaint(
    out: Path, text: str, chromium: str, tmp_path: Path
) -> None:
    picture = tmp_path / "page.png"
    told = browse(chromium, out / "report.html", tmp_path / "one", f"--screenshot={picture}")
    assert "CONSOLE" not in told.stderr
    probed = tmp_path / "probed.html"
    allowed = text.replace("style-src 'unsafe-inline'", "style-src 'unsafe-inline'; script-src 'unsafe-inline'")
    probed.write_text(allowed.replace("</body>", PROBE), encoding="utf-8")
    told = browse(chromium, probed, tmp_path / "two", "--virtual-time-budget=5000", "--dump-dom")
    assert "CONSOLE" in told.stderr  # so silence above means something
    match = re.search(r'<pre id="probe">(.*?)</pre>', told.stdout)
    assert match is not None
    found = json.loads(match[1])
    assert found["rows"] == 4
    assert len(found["widths"]) == found["shown"] == 9
    assert min(found["widths"]) > 500
    assert found["beyond"] <= 0
    with Image.open(picture) as image:
        seen = np.asarray(image.crop(tuple(map(round, found["box"]))).convert("RGB"), dtype=int)
    blue = np.abs(seen - np.array([0x00, 0x72, 0xB2])).sum(axis=-1) < 30
    assert blue.sum() > 100  # the markers of the overview are on the screen
