"""Everything imgpipe raises on purpose.

::

    ImgpipeError            base: message, file, remedy
    ├── ReadError           a file can't be read, or is not what it claims to be
    ├── DataError           the numbers can't be used (NaN, no pixel size, wrong unit ...)
    │   └── UnitError       a unit is unknown or does not fit
    ├── RecipeError         the recipe is wrong (nothing has run)
    ├── StepError           a step failed on this data
    ├── ClusterError        the cluster is lost in the middle of a run
    └── OutputError         a result can't be written or read back
        └── LockedError     another run holds the output folder

Each message names the thing, what was found, what was expected and what to do next. Errors are
caught once, at the boundary of a group of files.
"""

from __future__ import annotations


class ImgpipeError(Exception):
    """Base of all errors that imgpipe raises on purpose.

    Parameters
    ----------
    message : what was found and what was expected
    file : the file concerned, as the user knows it
    remedy : what to do next
    """

    def __init__(self, message: str, *, file: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.remedy = remedy

    def __str__(self) -> str:
        """Return one line: file, cause, remedy."""
        head = f"{self.file}: " if self.file else ""
        tail = f" Remedy: {self.remedy}" if self.remedy else ""
        return f"{head}{self.message}{tail}"

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes with all three parts."""
        return _rebuild, (type(self), self.message, self.file, self.remedy)


def _rebuild(kind: type[ImgpipeError], message: str, file: str | None, remedy: str | None) -> ImgpipeError:
    return kind(message, file=file, remedy=remedy)


class ReadError(ImgpipeError):
    """A file can't be read, or is not what it claims to be."""


class DataError(ImgpipeError):
    """The numbers in a file can't be used for what was asked."""


class UnitError(DataError):
    """A unit is unknown, or does not fit the quantity."""


class RecipeError(ImgpipeError):
    """The recipe is wrong; nothing has run."""


class StepError(ImgpipeError):
    """A step failed on this data."""


class ClusterError(ImgpipeError):
    """The cluster is lost in the middle of a run; what is complete is kept."""


class OutputError(ImgpipeError):
    """A result can't be written or read back."""


class LockedError(OutputError):
    """Another run holds the output folder."""
