"""Names of ours in a script, which has those of the cell as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from quantumflow_lab.export.imports import NEEDED

_OURS = {
    *("SEED", "BACKENDS", "AXES", "VALUES", "METRICS", "DATA"),
    *("seed_for", "need", "collect", "isa_circuit", "ask", "Sampler", "Estimator"),
    *("log", "stored_circuit", "main", "further_sampler", "further_estimator"),
    *("EXACT", "NOISY"),
}


@dataclass
class Names:
    """Names of the cell and its notebook, which ours have to leave alone."""

    taken: set[str]

    def take(self, names: Iterable[str]) -> None:
        """The script has these names, too."""
        self.taken |= {*names}

    def mine(self, name: str) -> str:
        """A name of ours, with a line below it where the cell has the same."""
        while name in self.taken:
            name += "_"
        return name

    def renamed(self, text: str) -> str:
        """Text of ours with its names as the script has them."""
        for name in (_OURS | NEEDED.keys()) & self.taken:
            text = re.sub(rf"(?<![.\w]){name}\b", self.mine(name), text)
        return text
