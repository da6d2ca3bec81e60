"""Where exported files go: never over another, never half written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.errors import BadOption, ExportFailed, FileExists, did_you_mean

FORMS = ("py", "html", "csv", "parquet")
"""Forms of an export, which are the endings of its files too."""


@dataclass
class Files:
    """What an export consists of, before anything is written."""

    main: dict[str, bytes] = field(default_factory=dict)
    """Contents by what stands between stem and ending: ``""``, or ``".counts"``."""
    beside: dict[str, bytes] = field(default_factory=dict)
    """Further contents, by ending, such as ``".npz"``."""


class Written(tuple[Path, ...]):
    """Paths of the files that were written, the one to open first."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


def check_form(form: str) -> None:
    """Refuse a form that there is none of.

    Raises
    ------
    BadOption
        Naming the nearest.
    """
    if form not in FORMS:
        hint = did_you_mean(form, FORMS)
        raise BadOption(f"--as cannot be {form!r}{hint}", option="as")


def target(name: str, number: int | None, form: str, to: str | Path | None) -> Path:
    """The path of an export: `to`, in it if it is a folder, or the working directory.

    Examples
    --------
    >>> target("bell", 3, "py", None).as_posix()
    'bell-3.py'
    """
    usual = f"{name}-{number}.{form}" if number is not None else f"{name}.{form}"
    if to is None:
        return Path(usual)
    path = Path(to).expanduser()
    if path.is_dir() or str(to).endswith(("/", os.sep)):
        return path / usual
    return path if path.suffix else path.with_suffix(f".{form}")


def write(files: Files, path: Path, *, force: bool, secrets: Secrets) -> Written:
    """Write an export.

    Parameters
    ----------
    files
        Its contents; secrets that they hold are left out.
    path
        Where the main file goes; the others stand beside it under its stem.
    force
        Whether files that are there may be replaced.

    Raises
    ------
    FileExists
        If one of them is there; nothing is written then.
    ExportFailed
        If the folder is not there or takes no files.
    """
    named: dict[Path, bytes] = {}
    for part, content in files.main.items():
        named[path.with_name(f"{path.stem}{part}{path.suffix}")] = content
    for ending, content in files.beside.items():
        named[path.with_name(f"{path.stem}{ending}")] = content
    there = [each for each in named if each.exists()]
    if there and not force:
        raise FileExists(
            f"{there[0]} is there already; type --force to replace it, or --to PATH "
            "for another place",
            path=str(there[0]),
        )
    try:
        for each, content in named.items():
            _write(each, content if each.suffix in _BINARY else secrets.hide(content))
    except OSError as error:
        raise ExportFailed(
            f"cannot write {path}: {error.strerror or error}; name a folder that can "
            "be written with --to PATH",
            path=str(path),
        ) from error
    return Written(named)


_BINARY = (".npz", ".qpy", ".pickle", ".parquet")


def _write(path: Path, content: bytes) -> None:
    """A file takes the place of an older one once it is whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
