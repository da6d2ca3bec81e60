"""The line ``%%qflow NAME option*``, read into the options of a run.

One table of options serves the reader, the completer and ``%qflow help``.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Literal, NoReturn

from quantumflow_lab.amounts import Money, money, seconds
from quantumflow_lab.cell.options import check_precision, check_shots, shown
from quantumflow_lab.cell.text import MAGIC
from quantumflow_lab.errors import (
    BadPrecision,
    BadShots,
    MagicLineError,
    QuantumFlowError,
    Where,
    did_you_mean,
)

SHOWS = ("live", "graph", "none")
POLICIES = ("cheapest", "fastest", "balanced")
EXECUTORS = "local, dask, or dask:ADDRESS such as dask:tcp://10.0.0.1:8786"
"""What ``--executor`` takes, for messages."""
MODES = ("job", "batch", "session")
Completes = Literal["backend", "step", "value", "choice", "nothing"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a magic line asks for."""

    name: str
    """Name of the workflow, and of the variable the run is bound to."""
    backend: tuple[str, ...] = ()
    """Backends to run on, all of them; none leaves it to the lab's settings."""
    among: tuple[str, ...] = ()
    """Backends of which each step uses one, by policy; the others stand in for it."""
    policy: Literal["cheapest", "fastest", "balanced"] | None = None
    mode: Literal["job", "batch", "session"] | None = None
    """How jobs are sent to a device that has several ways; see ``docs/modes.md``."""
    deadline: float | None = None
    """Seconds after its start in which the run has to have ended."""
    budget: Money | None = None
    """Most that the run may cost."""
    shots: int | None = None
    precision: float | None = None
    seed: int | None = None
    set: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Values to put in the place of assignments and axes."""
    fresh: bool | str = False
    """True to take no earlier result, or the step from which on to do so."""
    executor: str | None = None
    """Where steps and simulators run: ``local``, ``dask`` or ``dask:ADDRESS``."""
    plan: bool = False
    """True to show the quote and stop."""
    background: bool = False
    """True to give the notebook back at once."""
    show: Literal["live", "graph", "none"] = "live"

    def keywords(self) -> dict[str, Any]:
        """What it says of the plan, as arguments of ``Lab.run`` and ``Lab.plan``."""
        return {
            "backend": self.backend or None,
            "among": self.among or None,
            "policy": self.policy,
            "mode": self.mode,
            "deadline": self.deadline,
            "budget": self.budget,
            "shots": self.shots,
            "precision": self.precision,
            "set": self.set,
        }


@dataclass(frozen=True, slots=True)
class MagicOption:
    """One row of the table."""

    name: str
    """As typed, such as ``--shots``."""
    value: str
    """Shape of the value, such as ``N``; empty for a flag, in brackets if optional."""
    help: str
    completes: Completes = "nothing"
    """What its value is completed with."""
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> bool:
        """Whether it can stand without a value."""
        return not self.value or self.value.startswith("[")


MAGIC_OPTIONS = (
    MagicOption("--backend", "B[,B]", "run on all of these: an axis", "backend"),
    MagicOption("--among", "B[,B]", "run on one of these, with failover", "backend"),
    MagicOption("--policy", "|".join(POLICIES), "how to choose", "choice", POLICIES),
    MagicOption("--mode", "|".join(MODES), "how IBM takes the jobs", "choice", MODES),
    MagicOption("--deadline", "DURATION", "end within this time, such as 10min"),
    MagicOption("--budget", "MONEY", "spend no more than this, such as 20USD"),
    MagicOption("--shots", "N", "shots of each circuit that names no other number"),
    MagicOption("--precision", "P", "standard error of estimates; 0 is exact"),
    MagicOption("--seed", "N", "seed of the run, drawn if not given"),
    MagicOption("--set", "NAME=VALUE", "value of an assignment or an axis", "value"),
    MagicOption("--fresh", "[=STEP]", "run all anew, or from =STEP on", "step"),
    MagicOption("--executor", "local|dask[:ADDRESS]", "run steps on a Dask cluster"),
    MagicOption("--plan", "", "show the quote and stop"),
    MagicOption("--background", "", "give the notebook back at once"),
    MagicOption("--show", "|".join(SHOWS), "what to draw", "choice", SHOWS),
)
_BY_NAME = {option.name: option for option in MAGIC_OPTIONS}


def option_names() -> tuple[str, ...]:
    """Options of the magic line as typed, in the order of the documentation."""
    return tuple(_BY_NAME)


def parse_magic_line(line: str, *, file: str = "cell", number: int = 1) -> RunOptions:
    """Read a magic line, with or without its ``%%qflow``.

    Words are split as in a shell: quotes keep spaces together. A ``#`` that begins a
    word begins a comment.

    Parameters
    ----------
    line
        Such as ``%%qflow bell --backend aer,fake_lima --set "angles=[0, 1]"``.
    file, number
        What messages call the cell, and the number of the line in it.

    Raises
    ------
    MagicLineError
        Naming the word that does not fit and what to type instead.
    BadShots, BadPrecision
        For numbers that no run can have.

    Examples
    --------
    >>> parse_magic_line("bell --backend aer,fake_lima --shots 100").backend
    ('aer', 'fake_lima')
    """
    reader = _Reader(Where(file, number, line))
    return reader.read(line)


@dataclass
class _Reader:
    where: Where
    found: dict[str, Any] = field(default_factory=dict)

    def read(self, line: str) -> RunOptions:
        words = self._words(line)
        name = self._name(next(words, None))
        for word in words:
            self._option(word, words)
        values = self.found.pop("set", {})
        if "among" in self.found and "backend" in self.found:
            self._refuse(
                "--backend runs on all its backends, --among on one of them; give one "
                "of the two"
            )
        return RunOptions(name, set=MappingProxyType(values), **self.found)

    def _words(self, line: str) -> Iterator[str]:
        text = line.strip()
        if text == MAGIC or text.startswith(MAGIC + " "):
            text = text.removeprefix(MAGIC)
        try:
            words = shlex.split(text)
        except ValueError:
            self._refuse("a quote is not closed on the magic line; close it")
        comment = (n for n, word in enumerate(words) if word.startswith("#"))
        return iter(words[: next(comment, len(words))])

    def _name(self, word: str | None) -> str:
        if word is None or word.startswith("-"):
            self._refuse(f"{MAGIC} needs a name first; write {MAGIC} bell")
        if not word.isidentifier() or keyword.iskeyword(word):
            plain = "".join(each if each.isalnum() else "_" for each in word)
            better = plain if plain.isidentifier() else f"run_{plain}"
            better = f"{better}_" if keyword.iskeyword(better) else better
            self._refuse(
                f"'{word}' cannot name a run, since the run becomes a Python variable; "
                f"write {MAGIC} {better}"
            )
        if word == "qf":
            self._refuse("'qf' is the name of the package; choose another for the run")
        if hasattr(builtins, word):
            self._refuse(
                f"'{word}' is a builtin of Python, which the run would hide from the "
                f"notebook; write {MAGIC} {word}_"
            )
        return word

    def _option(self, word: str, rest: Iterator[str]) -> None:
        typed, equals, value = word.partition("=")
        option = _BY_NAME.get(typed)
        if option is None:
            self._refuse_unknown(typed)
        key = option.name.removeprefix("--")
        if key in self.found and key != "set":
            self._refuse(f"{option.name} is given twice; give it once")
        if equals and not option.value:
            self._refuse(f"{option.name} takes no value; write {option.name}")
        if not equals and option.flag:
            self.found[key] = True
        else:
            self._value(option, value if equals else self._next(option, rest), rest)

    def _next(self, option: MagicOption, rest: Iterator[str]) -> str:
        word = next(rest, None)
        if word is None or word.startswith("--"):
            self._refuse(f"{option.name} needs a value: {option.name} {option.value}")
        return word

    def _after_comma(self, option: MagicOption, value: str, rest: Iterator[str]) -> str:
        word = next(rest, None)
        if word is None or word.startswith("--"):
            self._refuse(
                f"'{value}' ends in a comma: name one more after it, or write "
                f"{option.name} {value.rstrip(',')}"
            )
        return word

    def _value(self, option: MagicOption, value: str, rest: Iterator[str]) -> None:
        key = option.name.removeprefix("--")
        match key:
            case "backend" | "among":
                while value.endswith(","):
                    value += self._after_comma(option, value, rest)
                self.found[key] = self._backends(option.name, value)
            case "deadline":
                self.found[key] = self._amount(option, value, seconds, "10min")
            case "budget":
                self.found[key] = self._amount(option, value, money, "20USD")
            case "shots":
                self.found[key] = self._number(key, value, check_shots, BadShots)
            case "precision":
                number = self._number(key, value, check_precision, BadPrecision)
                self.found[key] = float(number)
            case "seed":
                self.found[key] = self._seed(value)
            case "set":
                self._set(value)
            case _:
                self.found[key] = self._word(option, value)

    def _word(self, option: MagicOption, value: str) -> str:
        if option.name == "--executor" and not is_executor(value):
            self._refuse(f"--executor takes {EXECUTORS}; this is '{value}'")
        if option.choices and value not in option.choices:
            hint = did_you_mean(value, option.choices)
            self._refuse(f"{option.name} cannot be '{value}'{hint}")
        if option.completes == "step" and not value.isidentifier():
            self._refuse(f"{option.name}= takes a step, such as {option.name}=counts")
        return value

    def _backends(self, option: str, value: str) -> tuple[str, ...]:
        names = [name.strip() for name in value.split(",")]
        if not all(names):
            self._refuse(f"{option} takes names such as a,b; this is '{value}'")
        if double := next((name for name in names if names.count(name) > 1), None):
            self._refuse(f"{option} names '{double}' twice; name each backend once")
        return tuple(names)

    def _amount(
        self, option: MagicOption, value: str, read: Callable[[str], Any], such: str
    ) -> Any:
        amount = read(value)
        if amount is None:
            self._refuse(
                f'{option.name} takes an amount such as {such}, or "{such[:2]} '
                f"{such[2:]}\"; this is '{value}'"
            )
        return amount

    def _number(
        self, key: str, value: str, check: Any, error: type[QuantumFlowError]
    ) -> Any:
        number = _literal(value)
        if wanted := check(number):
            raise error(
                f"--{key} must be {wanted}; this is {shown(value)}", where=self.where
            )
        return number

    def _seed(self, value: str) -> int:
        number = _literal(value)
        if type(number) is not int or not 0 <= number < 2**63:
            self._refuse(
                f"--seed must be a whole number from 0 to {2**63 - 1}; this is "
                f"'{value}'"
            )
        return number

    def _set(self, value: str) -> None:
        name, equals, text = value.partition("=")
        if not equals or not name.isidentifier():
            self._refuse(f"--set takes NAME=VALUE such as n=3; this is '{value}'")
        values = self.found.setdefault("set", {})
        if name in values:
            self._refuse(f"--set gives '{name}' twice; give it once")
        if text.count("[") + text.count("(") > text.count("]") + text.count(")"):
            self._refuse(f'quote a value with spaces: --set "{name}=[1, 2]"')
        values[name] = _literal(text)

    def _refuse_unknown(self, word: str) -> NoReturn:
        bare = word.lstrip("-–—")
        if not word.startswith("--") and f"--{bare}" in _BY_NAME:
            self._refuse(f"'{word}' is no option; write --{bare}")
        if not word.startswith("-"):
            for amount in ("deadline", "budget"):
                if list(self.found)[-1:] == [amount]:
                    self._refuse(f'quote an amount with a space: --{amount} "N {word}"')
            self._refuse(
                f"'{word}' is no option; after the name come options such as --shots "
                "1000"
            )
        # Without the dashes, which would make every option resemble every other.
        near = get_close_matches(bare, [name[2:] for name in _BY_NAME], n=1)
        hint = (
            f"did you mean '--{near[0]}'?" if near else f"known: {', '.join(_BY_NAME)}"
        )
        self._refuse(f"there is no option '{word}'; {hint}")

    def _refuse(self, message: str) -> NoReturn:
        raise MagicLineError(message, where=self.where)


def is_executor(value: object) -> bool:
    """Whether this says where steps are to run.

    Examples
    --------
    >>> [is_executor(each) for each in ("local", "dask:tcp://a:1", "dask:", "ray")]
    [True, True, False, False]
    """
    if not isinstance(value, str):
        return False
    kind, _, address = value.partition(":")
    return value in ("local", "dask") or (kind == "dask" and bool(address.strip()))


def _literal(text: str) -> Any:
    """A Python literal, or the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
