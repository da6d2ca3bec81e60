"""``%qflow COMMAND``: what one can ask for and do about runs."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from quantumflow_lab.cell.magic_line import MAGIC_OPTIONS
from quantumflow_lab.compare import Comparison
from quantumflow_lab.composer import Composer
from quantumflow_lab.connected import lab, service
from quantumflow_lab.errors import MagicLineError, UnknownRun, Where, did_you_mean
from quantumflow_lab.export import FORMS
from quantumflow_lab.forgetting import Forgotten
from quantumflow_lab.magics.attendance import Attendance
from quantumflow_lab.magics.connects import connected_table, left_table, told
from quantumflow_lab.magics.exports import export_options, written_table
from quantumflow_lab.magics.forgets import forget_options
from quantumflow_lab.magics.history import history_filters
from quantumflow_lab.magics.spends import spend_options, spend_table, write_csv
from quantumflow_lab.magics.table import Table, history_table, prices_table
from quantumflow_lab.magics.view import view_for
from quantumflow_lab.quote import Choice, Quote
from quantumflow_lab.remote.quote import RemoteQuote
from quantumflow_lab.run import Run
from quantumflow_lab.store import find_home

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

OF_A_RUN = ("timeline", "counts", "sweep", "metrics", "cost", "quote")
"""Charts of one run: those of ``figures``, which loads matplotlib."""
CHARTS = (*OF_A_RUN, "history", "spend")
RESUME_FLAGS = ("--accept-drift", "--resubmit", "--steal")
_LAST_WORD = 0.25
"""Seconds that ``cancel`` waits, so that what it shows is the end."""
_ELSEWHERE = 3.0
"""The same for a run of another process, which has to hear of it first."""


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table."""

    name: str
    arguments: str
    """As ``%qflow help`` shows them; optional ones in brackets."""
    help: str
    completes: str = ""
    """What its first argument is completed with: ``run``, ``chart`` or nothing."""

    @property
    def most(self) -> int:
        """Arguments it takes at most."""
        return len(self.arguments.split())

    @property
    def least(self) -> int:
        """Arguments it needs."""
        return len(re.sub(r"\[[^]]*\]", "", self.arguments).split())


COMMANDS = (
    Command("status", "[NAME]", "runs of this notebook that go on, or one run", "run"),
    Command("load", "NAME", "bind NAME to its latest run, from the store", "run"),
    Command("compose", "[NAME]", "edit the latest run's cell, or a new one", "run"),
    Command("plan", "NAME", "what running it again would take, without a shot", "run"),
    Command("cancel", "NAME[.STEP]", "stop a run, or one of its steps", "run"),
    Command("pause", "NAME", "start nothing more of a run for now", "run"),
    Command(
        "resume",
        "NAME [--budget MONEY] [--mode MODE] [--accept-drift] [--resubmit] [--steal]",
        "go on with a run that is paused, failed, or lost its kernel",
        "run",
    ),
    Command("detach", "[NAME]", "free the cell that waits; its run goes on", "run"),
    Command(
        "history",
        "[NAME] [--state STATE] [--backend B] [--since 3d] [--find TEXT] [--limit N]",
        "the newest runs, of all names or of one",
        "run",
    ),
    Command(
        "spend",
        "[--month 2026-11] [--by backend|project|notebook] [--csv FILE]",
        "what jobs have used and cost, month by month",
        "spend",
    ),
    Command(
        "compare",
        "A [B]",
        "why two runs differ: NAME, NAME:12 or an id; A alone, with the run before it",
        "run",
    ),
    Command(
        "export",
        "NAME [--as FORM] [--to PATH] [--force]",
        f"write a run as {', '.join(FORMS)}; py runs without this package",
        "run",
    ),
    Command(
        "forget",
        "--before 90d [--name NAME] [--yes]",
        "which runs that ended before an age or a date would go; with --yes they do",
    ),
    Command(
        "chart",
        "KIND [NAME]",
        f"draw {', '.join(CHARTS)}; for spend, NAME is backend, project or notebook",
        "chart",
    ),
    Command("sql", "QUERY", "ask the store; its views are qf_runs, qf_steps, …"),
    Command(
        "backends",
        "[NAME|B,B] [B,B]",
        "backends the lab knows; what some are like; which would be best for run NAME",
        "run",
    ),
    Command("prices", "", "what devices cost, who says so, and when"),
    Command(
        "connect",
        "[URL] [--insecure]",
        "run cells on a service, as qflow serve is one; alone, where they run",
    ),
    Command("disconnect", "", "run cells here again; runs of the service go on"),
    Command("config", "", "settings, and where they come from"),
    Command("help", "", "this list, and the options of %%qflow"),
)
BY_NAME = {command.name: command for command in COMMANDS}


class Commands:
    """Carries out the commands of one shell."""

    def __init__(self, shell: InteractiveShell):
        self._shell = shell
        self.attended: dict[str, Attendance] = {}
        """The latest cell of each run, by the run's name."""

    def run(self, line: str) -> Any:
        """Carry out one line.

        Raises
        ------
        MagicLineError
            Naming the nearest command, or what it takes.
        """
        name, _, rest = line.strip().partition(" ")
        command = BY_NAME.get(name or "help")
        if command is None:
            raise MagicLineError(
                f"there is no command '{name}'{_hint(name)}", where=_where(line)
            )
        words = [_unquoted(rest)] if name == "sql" else _split(rest, line)
        words = [word for word in words if word]
        if not command.least <= len(words) <= command.most:
            usage = f"%qflow {command.name} {command.arguments}".rstrip()
            raise MagicLineError(f"write {usage}", where=_where(line))
        act: Callable[..., Any] = getattr(self, f"_{command.name}")
        return act(*words)

    def _status(self, name: str = "") -> Run | Table:
        if name:
            return self._named(name)
        rows = [_state(run) for run in lab().live()]
        return Table.of(rows, "name", "state", "points", "elapsed s")

    def _load(self, name: str) -> Run | None:
        run = lab().load(name)
        self._shell.user_ns[run.name] = run
        return self._followed(run)

    def _followed(self, run: Run) -> Run | None:
        """A run; one that goes on at a service is shown live, in the background."""
        if service() is None or run.done:
            return run
        attendance = Attendance(run, view_for(self._shell, run, "live"))
        self.attended[run.name] = attendance
        attendance.detach()
        attendance.follow()
        return None

    def _compose(self, name: str = "") -> Composer:
        if (remote := service()) is not None:
            remote.compose()
        return Composer(name or None)

    def _connect(self, *words: str) -> Table:
        return connected_table(words)

    def _disconnect(self) -> Table:
        return left_table()

    def _plan(self, name: str) -> Quote | RemoteQuote:
        run = self._named(name)
        asked = run.asked
        return lab().plan(
            run.workflow,
            backend=asked.backend or None,
            among=asked.among or None,
            policy=asked.policy,
            mode=asked.mode,
            deadline=asked.deadline,
            budget=asked.budget,
            shots=asked.shots,
            precision=asked.precision,
            seed=asked.seed,
            set=asked.set,
            inputs=self._shell.user_ns,
        )

    def _cancel(self, name: str) -> Run:
        name, _, step = name.partition(".")
        run = self._named(name)
        run.cancel(step or None)
        if not step:
            with suppress(TimeoutError):
                run.wait(_LAST_WORD)
        return run if step or run.state != "unfinished" else _ended_elsewhere(run)

    def _pause(self, name: str) -> Run:
        return self._named(name).pause()

    def _resume(self, name: str, *flags: str) -> Run | None:
        given = list(flags)
        budget = _taken_out(given, "--budget", '"20 USD"')
        mode = _taken_out(given, "--mode", "batch")
        for flag in given:
            if flag not in RESUME_FLAGS:
                hint = did_you_mean(flag, (*RESUME_FLAGS, "--budget", "--mode"))
                raise MagicLineError(f"%qflow resume has no option {flag}{hint}")
        run = lab().resume(
            name,
            inputs=self._shell.user_ns,
            background=True,
            budget=budget,
            mode=mode,
            accept_drift="--accept-drift" in given,
            resubmit="--resubmit" in given,
            steal="--steal" in given,
        )
        self._shell.user_ns[run.name] = run
        return self._followed(run)

    def _detach(self, name: str = "") -> None:
        if name and name not in self.attended:
            hint = did_you_mean(name, self.attended)
            raise UnknownRun(f"no cell here runs '{name}'{hint}", run=name)
        for each in [name] if name else list(self.attended):
            self.attended[each].detach()

    def _history(self, *words: str) -> Table:
        return history_table(lab().runs(**history_filters(words)))

    def _spend(self, *words: str) -> Table:
        asked = spend_options(words)
        rows = lab().spend(month=asked.month, by=asked.by)
        if asked.csv is None:
            return spend_table(rows, asked.by)
        write_csv(rows, asked.by, asked.csv)
        return Table.of([{"written": str(asked.csv), "rows": len(rows)}])

    def _compare(self, a: str, b: str | None = None) -> Comparison:
        return lab().compare(*(self._bound(name) for name in (a, b) if name))

    def _export(self, name: str, *words: str) -> Table:
        return written_table(lab().export(name, **export_options(words)))

    def _forget(self, *words: str) -> Forgotten:
        return lab().forget(**forget_options(words))

    def _chart(self, kind: str, name: str = "") -> Any:
        if kind not in CHARTS:
            hint = did_you_mean(kind, CHARTS)
            raise MagicLineError(f"there is no chart '{kind}'{hint}", kind=kind)
        if kind == "spend":
            from quantumflow_lab import charts

            by = name or "backend"
            return charts.spend(lab().spend(by=by), by=by)
        if kind == "history":
            from quantumflow_lab import charts

            return charts.history(lab().runs(name or None, limit=1000))
        return self._named(name or self._latest()).figure(kind)

    def _sql(self, query: str) -> Table:
        return Table(lab().sql(query))

    def _backends(self, name: str = "", among: str = "") -> Table | Choice:
        known = lab().backends
        if not name:
            return Table.of(asdict(each) for each in known.glimpses())
        several = [each for each in name.split(",") if each]
        if len(several) == 1 and name not in known.names():
            return self._choice(name, among)
        if among:
            raise MagicLineError(
                f"{name} is no run; write %qflow backends NAME {among} with the name "
                "of the run to choose for"
            )
        facts = {each: asdict(known.facts(each)) for each in several}
        fields = next(iter(facts.values()))
        head = (lambda each: each) if len(several) > 1 else (lambda _: "is")
        return Table.of(
            {"of": of} | {head(each): str(what[of]) for each, what in facts.items()}
            for of in fields
        )

    def _choice(self, name: str, among: str) -> Choice:
        """Rank backends for a run that was made, those it used by default."""
        run = self._named(name)
        asked = run.asked
        names = [each for each in among.split(",") if each]
        used = [*asked.backend, *asked.among, *lab().backends.added()]
        return lab().candidates(
            run.workflow,
            among=names or list(dict.fromkeys(used)) or [lab().settings.backend],
            policy=asked.policy,
            mode=asked.mode,
            deadline=asked.deadline,
            budget=asked.budget,
            shots=asked.shots,
            precision=asked.precision,
            set=asked.set,
            inputs=self._shell.user_ns,
        )

    def _prices(self) -> Table:
        return prices_table(lab().prices)

    def _config(self) -> Table:
        settings = lab().settings
        rows: list[Mapping[str, Any]] = [
            {"setting": f"QFLOW_{name.upper()}", "value": str(value)}
            for name, value in settings.model_dump().items()
        ]
        home = find_home(lab().settings.home)
        return Table.of([*rows, {"setting": "home", "value": str(home)}, told()])

    def _help(self) -> Table:
        commands = [
            {"write": f"%qflow {each.name} {each.arguments}".rstrip(), "to": each.help}
            for each in COMMANDS
        ]
        options = [
            {
                "write": f"%%qflow NAME {each.name} {each.value}".rstrip(),
                "to": each.help,
            }
            for each in MAGIC_OPTIONS
        ]
        return Table.of([*options, *commands])

    def _named(self, name: str) -> Run:
        """A run of the notebook if there is one of that name, else of the store."""
        known = self._bound(name)
        return known if isinstance(known, Run) else lab().load(known)

    def _bound(self, name: str) -> Run | str:
        """The run that a variable of the notebook holds, else the name."""
        known = self._shell.user_ns.get(name)
        return known if isinstance(known, Run) else name

    def _latest(self) -> str:
        if self.attended:
            return list(self.attended)[-1]
        rows = lab().runs(limit=1)
        if not rows:
            raise UnknownRun("there are no runs yet; run a %%qflow cell first")
        return str(rows[0]["name"])


def _ended_elsewhere(run: Run) -> Run:
    """A run of another process that was asked to end, once it has, or as it is."""
    end = time.monotonic() + _ELSEWHERE
    while run.state == "unfinished" and time.monotonic() < end:
        time.sleep(_LAST_WORD)
        run = lab().load(run.id)
    return run


def _state(run: Run) -> dict[str, Any]:
    snapshot = run.snapshot()
    steps = snapshot.get("steps", [])
    done = sum(step["counts"].get("done", 0) for step in steps)
    total = sum(step["total"] for step in steps)
    return {
        "name": run.name,
        "state": run.state,
        "points": f"{done}/{total}",
        "elapsed s": round(time.time() - snapshot["started"], 1),
    }


def _taken_out(words: list[str], option: str, such: str) -> str | None:
    """The value behind an option, which both leave the words; None without it."""
    if option not in words:
        return None
    at = words.index(option)
    if at + 1 == len(words):
        raise MagicLineError(f"write {option} {such}")
    value = words[at + 1]
    del words[at : at + 2]
    return value


def _split(text: str, line: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        raise MagicLineError(
            "a quote is not closed on the magic line; close it", where=_where(line)
        ) from None


def _unquoted(text: str) -> str:
    """A query without the quotes around all of it; its own quotes stay."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
        return text[1:-1]
    return text


def _hint(name: str) -> str:
    hint = did_you_mean(name, BY_NAME)
    return hint if "did you mean" in hint else f"; there are {', '.join(BY_NAME)}"


def _where(line: str) -> Where:
    return Where("cell", 1, f"%qflow {line}")
