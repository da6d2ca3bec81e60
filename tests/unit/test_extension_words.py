"""The words that JupyterLab colours are those of the magics.

Run as a script it writes them for the front end.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from quantumflow_lab.cell.magic_line import MAGIC_OPTIONS
from quantumflow_lab.magics.commands import COMMANDS

FILE = Path(__file__).parents[2] / "js" / "src" / "lab" / "words.json"


def words() -> str:
    """Options of ``%%qflow``, and of each command of ``%qflow``."""
    options = [
        {"name": each.name, "value": each.value, "choices": list(each.choices)}
        for each in MAGIC_OPTIONS
    ]
    commands = {
        each.name: re.findall(r"--[a-z-]+", each.arguments) for each in COMMANDS
    }
    told = {"options": options, "commands": commands}
    return json.dumps(told, indent=2) + "\n"


def test_the_front_end_has_the_words_of_the_magics() -> None:
    hint = "refresh them: python tests/unit/test_extension_words.py"
    assert FILE.read_text(encoding="utf-8") == words(), hint


if __name__ == "__main__":
    FILE.write_text(words(), encoding="utf-8")
