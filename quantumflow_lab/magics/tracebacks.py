"""Tracebacks that begin where the user's code begins."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from quantumflow_lab.errors import StepFailed

PACKAGE = str(Path(__file__).parent.parent)


def as_the_cell_s(error: BaseException) -> Exception:
    """An error as a cell raises it: without our frames above the user's.

    What must not leave a cell as it is, such as the ``SystemExit`` of a step, becomes
    the cause of a ``StepFailed``.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = _below_ours(link.__traceback__)
        link = link.__cause__ or link.__context__
    # A future cannot hold StopIteration.
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    what = f"{type(error).__name__}: {error}".removesuffix(": ")
    failed = StepFailed(f"a step raised {what}")
    failed.__cause__ = error
    return failed


def _below_ours(traceback: TracebackType | None) -> TracebackType | None:
    """The part of a traceback from the first frame that is not ours."""
    while traceback is not None and _is_ours(traceback):
        traceback = traceback.tb_next
    return traceback


def _is_ours(traceback: TracebackType) -> bool:
    file = traceback.tb_frame.f_code.co_filename
    return file.startswith((PACKAGE, "<frozen "))
