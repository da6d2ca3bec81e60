"""Which notebook a shell runs, as far as its front end says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "JPY_SESSION_NAME"
"""Where Jupyter Server puts the path of the notebook that a kernel was started for."""
_NAMES = ("__vsc_ipynb_file__", "__session__")
"""Where front ends put it in the notebook's own names."""


def notebook_of(names: Mapping[str, Any], home: Path) -> str | None:
    """The notebook, from the folder of the home; its name alone if it lies elsewhere.

    Parameters
    ----------
    names
        The names of the notebook.
    home
        Where its runs are kept.
    """
    said = [names.get(name) for name in _NAMES] + [os.environ.get(VARIABLE)]
    path = next((each for each in said if isinstance(each, str) and each), None)
    if path is None or not path.endswith(".ipynb"):
        return None  # a console has a session as well, and no notebook
    found, folder = Path(path).absolute(), home.absolute().parent
    if found.is_relative_to(folder):
        return found.relative_to(folder).as_posix()
    return found.name
