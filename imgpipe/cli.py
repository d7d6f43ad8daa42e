"""The `imgpipe` command. Results go to stdout, the log and the progress to stderr."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from imgpipe.errors import ClusterError, ImgpipeError, LockedError, OutputError, RecipeError

app = typer.Typer(
    name="imgpipe",
    help="Files of one specimen in, trustworthy numbers out.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RecipePath = Annotated[Path, typer.Argument(help="Recipe (YAML).", show_default=False)]
Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[INPUT]...", help="Files, folders, globs; without: the recipe's.", show_default=False),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="STEP[.N].SETTING=VALUE",
        help="Change a setting of the recipe; inputs.files=PATTERN: its files.",
        show_default=False,
    ),
]


class Terminated(BaseException):
    """SIGTERM has come."""


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every step to stderr.")] = False,
) -> None:
    """Files of one specimen in, trustworthy numbers out."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.setLevel(logging.INFO if verbose else logging.WARNING)
    handler.addFilter(lambda record: verbose or record.levelno == logging.WARNING)  # errors are told once, at the end
    logging.getLogger("imgpipe").addHandler(handler)


@app.command()
def run(
    recipe: RecipePath,
    inputs: Inputs = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Result folder.")] = Path("results"),
    overrides: Overrides = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    cluster: Annotated[
        str | None, typer.Option(metavar="local|ADDRESS", help="Dask cluster to use.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep complete groups, do the rest.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failure.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and list, run nothing.")] = False,
) -> None:
    """Run a recipe on files and write tables, figures and a report."""
    if dry_run:
        _show_plan(recipe, inputs or [], overrides or [], listed=True)
        return
    from imgpipe import batch
    from imgpipe.progress import shown_progress

    with shown_progress() as watch:
        result = batch.run(
            recipe, inputs or [], out, overrides=overrides or [], jobs=jobs, cluster=cluster, resume=resume,
            overwrite=overwrite, fail_fast=fail_fast, watch=watch,
        )  # fmt: skip
    _show_result(result.path)
    raise typer.Exit(batch.exit_code(result))


@app.command()
def check(
    recipe: RecipePath,
    inputs: Inputs = None,
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List groups and tasks, too.")] = False,
) -> None:
    """Name all faults of a recipe, and of its inputs by their names and first bytes; compute nothing."""
    _show_plan(recipe, inputs or [], overrides or [], listed=dry_run)


@app.command()
def inspect(
    file: Annotated[str, typer.Argument(help="One data file.", show_default=False)],
    pixel_size: Annotated[str | None, typer.Option(help="Pixel size, e.g. '3.2 nm'.", show_default=False)] = None,
) -> None:
    """Show what a file holds: leaves, dimensions, units, pixel size and where it came from, microscope, tilt."""
    from imgpipe.inspection import describe_file
    from imgpipe.units import parse_quantity

    given = parse_quantity(pixel_size, "nm") if pixel_size else None
    typer.echo(describe_file(Path(file), given))


@app.command()
def steps(name: Annotated[str | None, typer.Argument(help="One step.", show_default=False)] = None) -> None:
    """List all steps, or show the manual of one."""
    from imgpipe.manual import list_steps, step_manual

    typer.echo(step_manual(name) if name else list_steps())


@app.command()
def new(
    technique: Annotated[str, typer.Argument(help="Technique, e.g. cross_section.", show_default=False)],
    file: Annotated[str | None, typer.Argument(help="A file to fill the recipe from.", show_default=False)] = None,
) -> None:
    """Write a commented recipe to stdout: every setting with default, unit and range."""
    from imgpipe.template import commented_recipe

    typer.echo(commented_recipe(technique, Path(file) if file else None), nl=False)


@app.command()
def report(out: Annotated[Path, typer.Argument(help="Result folder.", show_default=False)]) -> None:
    """Draw the figures and write report.html and methods.txt again."""
    from imgpipe.report import build_report

    typer.echo(build_report(_result(out)))


@app.command()
def verify(out: Annotated[Path, typer.Argument(help="Result folder.", show_default=False)]) -> None:
    """Check that a result is whole and unchanged; exit status 1 when it is not."""
    from imgpipe.bundle import open_bundle

    result = open_bundle(_result(out))
    faults = result.verify()
    for fault in faults:
        typer.echo(fault)
    typer.echo(f"{out}: {len(faults)} fault(s)" if faults else f"{out}: sound, {len(result.groups)} group(s)")
    raise typer.Exit(1 if faults else 0)


def _result(out: Path) -> Path:
    """Refuse what is no result folder as a slip of the command line."""
    from imgpipe.bundle import is_result

    if not is_result(out):
        raise RecipeError("this is no result folder of imgpipe.", file=str(out), remedy="name the -o of a run.")
    return out


def main() -> None:
    """Run the command and turn errors into one message and an exit status (FAULTS)."""
    with _signals():
        try:
            status = app(standalone_mode=False) or 0  # typer returns the status of typer.Exit here
        except ImgpipeError as error:
            _complain(str(error), _status(error))
        except Terminated:
            _complain("stopped (SIGTERM); finished groups are kept, --resume goes on.", 143)
        except typer.TyperException as error:
            _complain(f"{error.format_message()} (`imgpipe --help` tells more)", 2)
    if status == 130:  # what typer makes of Ctrl-C
        _complain("stopped (Ctrl-C); finished groups are kept, --resume goes on.", 130)
    sys.exit(status)


def _status(error: ImgpipeError) -> int:
    if isinstance(error, LockedError):
        return 5
    if isinstance(error, OutputError):
        return 6
    if isinstance(error, ClusterError):
        return 7
    return 2 if isinstance(error, RecipeError) else 4


def _complain(text: str, status: int) -> NoReturn:
    typer.echo(f"imgpipe: {text}", err=True)
    sys.exit(status)


@contextmanager
def _signals() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show_plan(path: Path, inputs: list[str], overrides: list[str], *, listed: bool) -> None:
    from imgpipe.batch import input_faults, plan
    from imgpipe.recipe import Recipe

    found = plan(Recipe.load(path, overrides), inputs)
    if listed:
        for group in found.groups:
            typer.echo(f"{group.name}\t{', '.join(file.shown for file in group.files)}")
    if faults := input_faults(found):
        raise RecipeError("\n  ".join([f"{len(faults)} fault(s) in the input:", *faults]), file=str(path))
    typer.echo(f"{path}: no faults; {len(found.groups)} group(s), {found.tasks} tasks")


def _show_result(out: Path) -> None:
    from imgpipe.summary import print_summary

    print_summary(out)


if __name__ == "__main__":
    main()
