"""The report of a run: one page that needs nothing but itself, made from the result folder alone."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import jinja2
import pandas as pd

from imgpipe.bundle import Bundle, open_bundle
from imgpipe.figures import leaf_kind, measured_leaves
from imgpipe.figures.share_overview import place_columns
from imgpipe.methods import methods_paragraphs, write_methods
from imgpipe.report.content import EDXS_FLAGS, FIT_FLAGS, FLAGS, failure_rows, flag_meaning, legend, run_facts
from imgpipe.report.edxs_rows import edxs_part, edxs_places, of_places
from imgpipe.report.groups import Section, group_section
from imgpipe.report.layer_rows import budget_rows, layer_rows, plain_table, read_table
from imgpipe.report.pictures import Picture, draw_edxs_overviews, draw_groups, draw_overview, draw_share_overview
from imgpipe.report.share_rows import share_rows, without_common
from imgpipe.store import disk_errors

NAME = "report.html"
TABLES = ("layers", "interfaces", "components", "peaks", "elements", "gradients", "overlaps", "responses")
"""Tables that the page shows with all their columns."""
MOST_ROWS = 2000
"""Rows up to which a table is shown with all its columns."""
MOST_SHOWN = 12
"""Rows up to which a table of a group is unfolded."""
MOST_OPEN = 8
"""Groups up to which all their sections are unfolded."""


def build_report(out: str | Path) -> Path:
    """Draw the figures of a result folder, write ``methods.txt`` and ``report.html``; return the page's path.

    Parameters
    ----------
    out : result folder; only what is stored there is used, so the report can be made again at any time

    Raises
    ------
    OutputError
        when the folder is no result, is damaged, or can't be written.
    """
    bundle = open_bundle(out)
    write_methods(bundle)
    page = bundle.path / NAME
    text = _render(bundle)
    with disk_errors(page):
        page.write_text(text, encoding="utf-8")
    return page


def _render(bundle: Bundle) -> str:
    tables = {name: read_table(bundle, name) for name in TABLES}
    components, regions, places = tables["components"], read_table(bundle, "regions"), edxs_places(bundle)
    layers = of_places(tables["layers"], places, inside=False)
    films, borders = (of_places(tables[name], places) for name in ("layers", "interfaces"))
    pictures = draw_groups(bundle)
    sections = [group_section(bundle, name, tables["interfaces"], pictures[name]) for name in bundle.groups]
    anchors = {section.name: section.anchor for section in sections}
    rows, edxs = layer_rows(layers, anchors), edxs_part(bundle, films, borders, anchors, places)
    shares, of_all_shares = without_common(share_rows(components, anchors, regions))
    kinds = {leaf_kind(leaf) for name in bundle.groups for _, leaf in measured_leaves(bundle.tree(name))}
    layered = "section" in kinds or not kinds - {""}
    rows = rows if layered else []  # films measured by XPS stand with their group
    return _template().render(
        title=bundle.info.get("title") or _headings(kinds)[0],
        subtitle=_headings(kinds)[1],
        run=run_facts(bundle),
        layered=layered,
        rows=rows,
        fields=list(rows[0].fields) if rows else [],
        flags=[(flag, text) for flag, text in FLAGS.items() if any(flag in row.flags for row in rows)],
        budget=budget_rows(layers),
        overview=_overview(bundle, sections, layers) if layered else None,
        edxs=edxs,
        is_edxs="edxs" in kinds,
        has_interfaces=bool(len(borders)),
        many_edxs=len({group for group, _ in places}) > 1,
        edxs_flags=legend(EDXS_FLAGS | FLAGS, edxs.flags),
        edxs_overviews=draw_edxs_overviews(bundle, films, borders) if places else [],
        shares=shares,
        of_all_shares=of_all_shares,
        share_fields=list(shares[0].fields) if shares else [],
        share_flags=legend(FIT_FLAGS, [*of_all_shares, *(flag for row in shares for flag in (*row.fit, *row.flags))]),
        share_overview=draw_share_overview(bundle, components) if shares else None,
        denominators=list(dict.fromkeys(row.of for row in shares if row.of)),
        spectra=len(components[place_columns(components) + ["leaf"] * ("leaf" in components)].drop_duplicates())
        if shares
        else 0,
        sections=sections,
        most_shown=MOST_SHOWN,
        unfolded=len(sections) <= MOST_OPEN,
        failures=failure_rows(bundle),
        methods=methods_paragraphs(bundle),
        recipe=bundle.recipe_text,
        versions=bundle.info.get("versions", {}),
        tables=[(name, plain_table(table)) for name, table in tables.items() if len(table) <= MOST_ROWS],
        meaning=flag_meaning,
        style=files("imgpipe.report").joinpath("style.css").read_text(encoding="utf-8"),
    )


def _headings(kinds: set[str]) -> tuple[str, str]:
    """Return the title of a page without one of its own, and its subtitle."""
    if "section" in kinds or not kinds - {""}:
        return "Layer thickness", "Layer thickness from cross-sections"
    if "edxs" in kinds:
        return "Elements and interfaces", "Elements, interfaces and layers by EDXS"
    return "Peak fits", "Peak fits of photoelectron spectra"


def _overview(bundle: Bundle, sections: list[Section], layers: pd.DataFrame) -> Picture | None:
    return draw_overview(bundle, layers) if sections and len(layers) else None


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("imgpipe.report", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")
