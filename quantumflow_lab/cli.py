"""``qflow``: the lab in a terminal. Parses, calls the lab, prints."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any

from quantumflow_lab.backends.conformance import Finding
from quantumflow_lab.cell.magic_line import (
    MAGIC_OPTIONS,
    MODES,
    RunOptions,
    parse_magic_line,
)
from quantumflow_lab.cell.text import MAGIC, split_cell
from quantumflow_lab.core import decode, replay_log
from quantumflow_lab.doctor import DEADLINE_S, line_of
from quantumflow_lab.emulate.faults import BRAKET_FAULTS, FAULTS
from quantumflow_lab.errors import MagicLineError, QuantumFlowError, RunCancelled
from quantumflow_lab.export import FORMS
from quantumflow_lab.lab import lab
from quantumflow_lab.magics.attendance import Attendance
from quantumflow_lab.magics.history import FILTERS, history_filters
from quantumflow_lab.magics.spends import (
    SPEND_OPTIONS,
    spend_options,
    spend_table,
    write_csv,
)
from quantumflow_lab.magics.table import Table, history_table, prices_table
from quantumflow_lab.magics.view import QuietView, TerminalView
from quantumflow_lab.run import Run
from quantumflow_lab.service import commands as service
from quantumflow_lab.store.home import prepare_home
from quantumflow_lab.workflow import Workflow

ABOUT = "Run hybrid workflows kept in files, and look at the runs there were."
_FAULTS = {"ibm": FAULTS, "braket": BRAKET_FAULTS}
"""What can go wrong with each provider that can be emulated."""
INTERRUPTED = 130
"""Exit status of a program that Ctrl-C has ended, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line; the exit status is 0 if all went well."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and not arguments.takes_options:
        parser.error(f"unknown option {rest[0]}")
    act: Callable[..., int] = arguments.act
    try:
        return act(arguments, rest)
    except RunCancelled as error:
        _tell(error)
        return INTERRUPTED
    except BrokenPipeError:
        # Who reads has had enough; Python would say so once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except QuantumFlowError as error:
        _tell(error)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="qflow", description=ABOUT)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    known = "; ".join(f"{o.name} {o.value}".strip() for o in MAGIC_OPTIONS)
    options = f"options, as on the magic line: {known}"
    for name, act, help_ in (
        ("run", _run, "run a %%qflow cell kept in a file"),
        ("plan", _plan, "tell what running a file would take, without a shot"),
    ):
        command = _command(commands, name, act, help_, epilog=options)
        command.add_argument("file", type=Path, help="a file with the text of a cell")
    load = _command(commands, "load", _load, "show the latest run of a name")
    load.add_argument("name")
    resume = _command(
        commands, "resume", _resume, "go on with a run that failed or lost its process"
    )
    resume.add_argument("name", help="a name, NAME:3 for its third run, or an id")
    resume.add_argument(
        "--budget", metavar="MONEY", help="most that it may cost in all"
    )
    resume.add_argument("--mode", choices=MODES, help="how its jobs are sent from now")
    for flag, help_ in (
        ("--accept-drift", "go on with a loop that asks what it had not asked before"),
        ("--resubmit", "give up jobs that a device may have taken"),
        ("--steal", "take a run that another machine had"),
    ):
        resume.add_argument(flag, action="store_true", help=help_)
    history = _command(commands, "history", _history, "list the newest runs")
    history.add_argument("name", nargs="?")
    for option, about in FILTERS.items():
        history.add_argument(option, metavar=about.value, help=about.help)
    spend = _command(
        commands, "spend", _spend, "tell what jobs have used and cost, by month"
    )
    for option, value in SPEND_OPTIONS.items():
        spend.add_argument(option, metavar=value)
    compare = _command(commands, "compare", _compare, "tell why two runs differ")
    compare.add_argument("a", help="NAME, NAME:12 or the id of a run")
    compare.add_argument(
        "b", nargs="?", help="as A; without it, A and the run before it"
    )
    export = _command(commands, "export", _export, "write a run as files")
    export.add_argument("name", help="a name, or the id of a run; name.step for tables")
    export.add_argument("--as", dest="form", default="py", choices=FORMS)
    export.add_argument("--to", type=Path, metavar="PATH", help="a file or a folder")
    export.add_argument("--force", action="store_true", help="replace files")
    _command(commands, "prices", _prices, "tell what devices cost, and who says so")
    _command(commands, "sql", _sql, "ask the store").add_argument("query")
    purpose = "check, rebuild, compact, export or forget what is recorded"
    store = commands.add_parser("store", help=purpose, description=purpose)
    acts = store.add_subparsers(required=True, metavar="WHAT")
    _command(acts, "verify", _verify, "read every record of the journals")
    rebuild = _command(
        acts, "rebuild", _rebuild, "make the database anew from the journals"
    )
    rebuild.add_argument(
        "--force", action="store_true", help="also if it has more than they have"
    )
    _command(acts, "compact", _compact, "give back room on the disk; loses no record")
    forget = _command(acts, "forget", _forget, "tell which old runs would go")
    when = "an age such as 90d, or a date such as 2026-01-31"
    forget.add_argument("--before", required=True, metavar="WHEN", help=when)
    forget.add_argument("--name", help="of one workflow")
    forget.add_argument("--yes", action="store_true", help="forget them for good")
    export = _command(acts, "export", _views, "write the views qf_* as Parquet files")
    export.add_argument("folder", type=Path, help="where the files go")
    doctor = _command(commands, "doctor", _doctor, "check a backend")
    doctor.add_argument("backend", help="a name, or module:factory")
    doctor.add_argument("--json", action="store_true", help="print for programs")
    doctor.add_argument(
        "--deadline",
        type=float,
        default=DEADLINE_S,
        metavar="SECONDS",
        help="longest time for one job (%(default)g)",
    )
    replay = _command(commands, "replay", _replay, "show what a scheduler decided")
    replay.add_argument("log", type=Path, help="a file of QFLOW_SCHEDULE_LOG")
    emulate = _command(commands, "emulate", _emulate, "be a provider, for free")
    emulate.add_argument("provider", choices=[*_FAULTS])
    emulate.add_argument("--port", type=int, default=0, help="0 for any free port")
    emulate.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="what goes wrong, listed below; may be given several times",
    )
    emulate.epilog = _faults_text()
    emulate.formatter_class = argparse.RawDescriptionHelpFormatter
    service.add(commands, _command)
    init = _command(commands, "init", _init, "keep the runs of a folder in its .qflow")
    init.add_argument("folder", type=Path, nargs="?", default=Path())
    return parser


def _faults_text() -> str:
    """Every fault of every provider, one a line."""
    return "\n\n".join(
        f"faults of {provider}:\n"
        + "\n".join(f"  {name:<18} {fault.about}" for name, fault in faults.items())
        for provider, faults in _FAULTS.items()
    )


def _command(
    commands: Any,
    name: str,
    act: Callable[[argparse.Namespace, list[str]], int],
    help_: str,
    epilog: str | None = None,
) -> argparse.ArgumentParser:
    # argparse fills in %-marks in `help`, and there alone.
    escaped = help_.replace("%", "%%")
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=escaped, description=help_, epilog=epilog, allow_abbrev=False
    )
    command.set_defaults(act=act, takes_options=epilog is not None)
    return command


def _run(arguments: argparse.Namespace, rest: list[str]) -> int:
    workflow, options, line = _read(arguments.file, rest)
    if options.plan:
        return _show_plan(workflow, options)
    run = lab().run(
        workflow,
        **options.keywords(),
        seed=options.seed,
        fresh=options.fresh,
        executor=options.executor,
        background=True,
        options={"line": line},
        filename=str(arguments.file),
    )
    return _attend(run, quiet=options.show == "none")


def _resume(arguments: argparse.Namespace, _: list[str]) -> int:
    run = lab().resume(
        arguments.name,
        accept_drift=arguments.accept_drift,
        resubmit=arguments.resubmit,
        steal=arguments.steal,
        budget=arguments.budget,
        mode=arguments.mode,
        background=True,
    )
    return _attend(run, quiet=False)


def _attend(run: Run, *, quiet: bool) -> int:
    kind = QuietView if quiet else TerminalView
    attendance = Attendance(run, kind(_publish, run))
    attendance.block()
    error = attendance.error()
    if isinstance(error, QuantumFlowError):
        raise error
    if error is not None:
        traceback.print_exception(error)
    return int(error is not None)


def _plan(arguments: argparse.Namespace, rest: list[str]) -> int:
    workflow, options, _ = _read(arguments.file, rest)
    return _show_plan(workflow, options)


def _show_plan(workflow: Workflow, options: RunOptions) -> int:
    print(lab().plan(workflow, **options.keywords(), fresh=options.fresh))
    return 0


def _load(arguments: argparse.Namespace, _: list[str]) -> int:
    print(lab().load(arguments.name))
    return 0


def _history(arguments: argparse.Namespace, _: list[str]) -> int:
    words = [] if arguments.name is None else [arguments.name]
    for option in FILTERS:
        if (value := getattr(arguments, option.removeprefix("--"))) is not None:
            words += [option, value]
    print(history_table(lab().runs(**history_filters(words))))
    return 0


def _spend(arguments: argparse.Namespace, _: list[str]) -> int:
    words = []
    for option in SPEND_OPTIONS:
        if (value := getattr(arguments, option.removeprefix("--"))) is not None:
            words += [option, value]
    asked = spend_options(words)
    rows = lab().spend(month=asked.month, by=asked.by)
    if asked.csv is None:
        print(spend_table(rows, asked.by))
    else:
        write_csv(rows, asked.by, asked.csv)
        print(f"{asked.csv}  {len(rows):,} rows")
    return 0


def _compare(arguments: argparse.Namespace, _: list[str]) -> int:
    print(lab().compare(arguments.a, arguments.b))
    return 0


def _prices(_: argparse.Namespace, __: list[str]) -> int:
    print(prices_table(lab().prices))
    return 0


def _sql(arguments: argparse.Namespace, _: list[str]) -> int:
    print(Table(lab().sql(arguments.query)))
    return 0


def _verify(_: argparse.Namespace, __: list[str]) -> int:
    store = lab().store
    count = store.verify()
    print(f"{count:,} records in {store.home / 'journal'}, all whole")
    return 0


def _rebuild(arguments: argparse.Namespace, _: list[str]) -> int:
    store = lab().store
    count = store.rebuild(force=arguments.force)
    print(f"{store.database} made anew from {count:,} records")
    return 0


def _compact(_: argparse.Namespace, __: list[str]) -> int:
    found = lab().compact()
    for what, sizes in (
        ("database", [found.database]),
        (f"{len(found.journals)} files of journals", found.journals),
    ):
        before, after = (sum(each) / 1e6 for each in zip((0, 0), *sizes, strict=True))
        print(f"{what}: {before:,.1f} MB, now {after:,.1f} MB")
    count, size = found.values
    if found.erased or count:
        print(
            f"forgotten runs: {found.erased:,} records erased,"
            f" {count:,} values deleted, {size / 1e6:,.1f} MB"
        )
    return 0


def _forget(arguments: argparse.Namespace, _: list[str]) -> int:
    dry_run = not arguments.yes
    print(lab().forget(arguments.before, arguments.name, dry_run=dry_run))
    return 0


def _export(arguments: argparse.Namespace, _: list[str]) -> int:
    to, force = arguments.to, arguments.force
    for path in lab().export(arguments.name, arguments.form, to=to, force=force):
        print(path)
    return 0


def _views(arguments: argparse.Namespace, _: list[str]) -> int:
    for name, count in lab().store.export(arguments.folder).items():
        print(f"{arguments.folder / name}.parquet  {count:,} rows")
    return 0


def _doctor(arguments: argparse.Namespace, _: list[str]) -> int:
    def show(finding: Finding) -> None:
        if not arguments.json:
            width = shutil.get_terminal_size().columns
            colour = sys.stdout.isatty()
            print(line_of(finding, width=width, colour=colour), flush=True)

    try:
        report = lab().doctor(
            arguments.backend, deadline=arguments.deadline, heard=show
        )
    except KeyboardInterrupt:
        return INTERRUPTED
    if arguments.json:
        print(json.dumps(report.to_json(), indent=2))
    else:
        print(report.summary())
    return 0 if report.ok else 1


def _replay(arguments: argparse.Namespace, _: list[str]) -> int:
    try:
        batches = replay_log(arguments.log.read_bytes())
    except OSError as error:
        raise MagicLineError(f"cannot read {arguments.log}: {error}") from error
    for number, commands in enumerate(batches):
        for command in decode(commands):
            print(f"{number:6} {command}")
    return 0


def _emulate(arguments: argparse.Namespace, _: list[str]) -> int:
    faults = _FAULTS[arguments.provider]
    unknown = [name for name in arguments.fault if name not in faults]
    if unknown:
        known = ", ".join(faults)
        raise MagicLineError(f"unknown fault {unknown[0]}; there are {known}")
    # Not above, since it imports the simulator, which the other commands do without.
    provider: Any = import_module(f"quantumflow_lab.emulate.{arguments.provider}")
    try:
        with provider.service(arguments.port, arguments.fault) as running:
            print(provider.lines(running.url), flush=True)
            Event().wait()
    except KeyboardInterrupt:
        return 0
    except (OSError, OverflowError) as error:
        raise MagicLineError(f"cannot listen on {arguments.port}: {error}") from error
    return 0


def _init(arguments: argparse.Namespace, _: list[str]) -> int:
    home = arguments.folder / ".qflow"
    prepare_home(home)
    print(f"runs below {arguments.folder.absolute()} are kept in {home.absolute()}")
    return 0


def _read(path: Path, rest: list[str]) -> tuple[Workflow, RunOptions, str]:
    """The workflow in a file, its options with those of the command line over them."""
    # As ``python FILE`` does, so that modules beside the file are found.
    sys.path.insert(0, str(path.absolute().parent))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MagicLineError(f"cannot read {path}: {error}") from error
    magic, body, above = split_cell(text)
    # Without a magic line, the first line of the file is the first of the body.
    first_line = 0 if magic is None else above + 1
    line = magic or f"{MAGIC} {path.stem}"
    options = parse_magic_line(line, file=str(path), number=max(first_line, 1))
    typed = f"{MAGIC} {options.name} {shlex.join(rest)}"
    options = _over(parse_magic_line(typed, file="command line"), options)
    if options.background:
        raise MagicLineError("a run ends with its qflow; put & behind it instead")
    workflow = Workflow.from_source(
        body, options.name, file=str(path), first_line=first_line
    )
    return workflow, options, typed.removeprefix(MAGIC).strip()


def _over(upper: RunOptions, lower: RunOptions) -> RunOptions:
    """Options that were given above, and the others as they are below."""
    plain = RunOptions(upper.name)
    given: dict[str, Any] = {
        each.name: getattr(upper, each.name)
        for each in fields(RunOptions)
        if getattr(upper, each.name) != getattr(plain, each.name)
    }
    for one, other in (("among", "backend"), ("backend", "among")):
        if one in given:
            given.setdefault(other, ())
    return replace(lower, **given)


def _publish(data: dict[str, Any], metadata: Any = None, **_: Any) -> None:
    """What a step displays, as far as a terminal can show it."""
    if "text/plain" in data:
        print(data["text/plain"])


def _tell(error: QuantumFlowError) -> None:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
