"""Progress on stderr: groups done, what each is at, time left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from imgpipe.batch import Watch
from imgpipe.one_group import Outcome


@contextmanager
def shown_progress() -> Iterator[Watch]:
    """Give a `Watch` that draws a bar with the estimated time left; plain lines where stderr is no terminal."""
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield _lines(console)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        yield _bar(bar, console)


def _lines(console: Console) -> Watch:
    def ended(outcome: Outcome) -> None:
        console.print(_line(outcome), highlight=False, markup=False, soft_wrap=True)

    def started(total: int, already: int) -> None:
        console.print(f"{total} group(s), {already} complete already", highlight=False)

    return Watch(started=started, ended=ended)


def _bar(bar: Progress, console: Console) -> Watch:
    task = bar.add_task("starting", total=None)
    over = {"groups": 0}

    def started(total: int, already: int) -> None:
        over["groups"] = already
        bar.update(task, total=total, completed=already, description="groups")

    def stage(group: str, what: str, done: float, total: int) -> None:
        part = f"{int(done)}/{total}" if done == int(done) else f"{int(done)}/{total}, {100 * (done % 1):.0f} %"
        bar.update(task, completed=over["groups"] + done / total, description=f"{group}: {what} ({part})")

    def ended(outcome: Outcome) -> None:
        over["groups"] += 1
        bar.update(task, completed=over["groups"])
        if outcome.status == "failed":
            console.print(_line(outcome), highlight=False, markup=False, soft_wrap=True)

    def closing(what: str) -> None:
        bar.update(task, description=what)

    return Watch(started, stage, ended, closing)


def _line(outcome: Outcome) -> str:
    if outcome.status != "failed":
        return f"{outcome.group}: {outcome.status} ({outcome.seconds:.1f} s)"
    remedy = outcome.error.get("remedy", "")
    return f"{outcome.group}: FAILED. {outcome.error['file']}: {outcome.error['cause']}" + (
        f" Remedy: {remedy}" if remedy else ""
    )
