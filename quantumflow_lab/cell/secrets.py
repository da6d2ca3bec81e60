"""Secrets of this machine that must not leave it in an exported file.

Runs refuse inputs that look like secrets. What a step prints, or an error quotes, is
not seen before: so nothing is written that stands in a secret variable of the
environment, or that looks like the key of a provider.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quantumflow_lab.cell.inputs import SECRET_LENGTH, SECRET_NAME, SECRET_VALUE

HIDDEN = "(secret left out)"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Texts to leave out, the longest first."""

    texts: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Secrets:
        """What the environment has under names such as ``QISKIT_IBM_TOKEN``."""
        found = {form for text in _found(environment) for form in _forms(text)}
        return cls(tuple(sorted(found, key=lambda text: (-len(text), text))))

    def hide(self, content: bytes) -> bytes:
        """Text without them."""
        return self.hide_text(content.decode()).encode()

    def hide_text(self, text: str) -> str:
        """Text without them.

        Examples
        --------
        >>> Secrets(("correct horse",)).hide_text("key=correct horse")
        'key=(secret left out)'
        """
        for each in self.texts:
            text = text.replace(each, HIDDEN)
        return _ANYWHERE.sub(HIDDEN, text)


_ANYWHERE = re.compile(rf"(?<![\w-])(?:{SECRET_VALUE.pattern})")


def _forms(text: str) -> Iterable[str]:
    """A text as it is, and as it stands in HTML, in JSON and in Python."""
    yield text
    for quote in (True, False):
        yield html.escape(text, quote=quote)
    for plain in (True, False):
        yield json.dumps(text, ensure_ascii=plain)[1:-1]
    yield repr(text)[1:-1]


def _found(environment: Mapping[str, str]) -> Iterable[str]:
    for name, value in environment.items():
        if SECRET_NAME.search(name) and len(value) >= SECRET_LENGTH:
            yield value
