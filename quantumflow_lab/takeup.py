"""What a run has of the one before it; a run that another process has left."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol
from weakref import WeakValueDictionary

from quantumflow_lab.clock import SystemClock
from quantumflow_lab.errors import (
    InputsChanged,
    OpenJobs,
    StoreError,
    UnknownBackend,
)
from quantumflow_lab.runner import records
from quantumflow_lab.runner.desk import SOURCE
from quantumflow_lab.runner.left import LeftJob, LeftMember, batches_of, unpacked
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.past import Keeping, LivePast, Past
from quantumflow_lab.runner.replay import Recorded, Replay
from quantumflow_lab.runner.tried import Tried
from quantumflow_lab.store import Store
from quantumflow_lab.store.lease import Lease, is_held, take
from quantumflow_lab.stored import Shelf, StoredPast, StoredRun


class Devices(Protocol):
    """What it asks of the backends."""

    def is_device(self, name: str) -> bool:
        """Whether jobs on a backend may go on without us; yes if nobody knows it."""

    def fetches(
        self, name: str, kind: Literal["sample", "estimate"], *, heard: bool
    ) -> bool:
        """Whether a job that was sent can be fetched, its id `heard` or not."""


_DECIDES = ("backend", "among", "shots", "precision", "seed", "set")
"""Options that make another run of a cell; others may change while it is taken up."""


@dataclass
class Earlier:
    """The runs there were, and what of them the next one takes.

    Parameters
    ----------
    store
        Where they are recorded.
    backends
        Tells which jobs may go on without us, and which of those can be fetched.
    clock
        What records are dated by.
    """

    store: Store
    backends: Devices
    clock: SystemClock
    _ended: WeakValueDictionary[str, LiveRun] = field(
        default_factory=WeakValueDictionary
    )
    """The last run of each name that has ended here, while somebody holds it."""
    _news: dict[str, dict[str, int]] = field(default_factory=dict)
    """What other processes had recorded when that run began."""

    @property
    def leases(self) -> Path:
        """The folder that tells which process has a run."""
        return self.store.home / "runs"

    def begin(self, live: LiveRun) -> Lease:
        """Give a run what the last one of its name has, or make it go on as that.

        Raises
        ------
        RunIsHeld
            If another process goes on with a run of the same cell.
        OpenJobs
            If a run of another cell of this name was left with jobs on devices.
        """
        before = self._before(live)
        self._news[live.name] = self.store.others()
        if (left := self._left(live, before)) is not None:
            if is_same(live, left.record):
                lease = take(self.leases, left.id)
                # Whoever had it may have ended it in this moment.
                before = stored_run(self.store, left.id)
                if (left := self._left(live, before)) is not None:
                    self.take_up(live, left, lease)
                    return lease
                lease.release()
            elif is_held(self.leases, left.id) is None:
                check_jobs(left, self.backends)
        # First the lease: while it is held, nothing sweeps the values of the past.
        lease = take(self.leases, live.id)
        try:
            past = self._past(before)
            if past is not None:
                live.nth = None if past.number is None else past.number + 1
                live.keeping = Keeping(live, past)
        except BaseException:
            lease.leave()
            raise
        return lease

    def look(self, live: LiveRun) -> None:
        """Tell a run that is only quoted what the last one of its name has."""
        past = self._past(self._before(live))
        if past is not None:
            live.keeping = Keeping(live, past)

    def take_up(
        self,
        live: LiveRun,
        stored: StoredRun,
        lease: Lease,
        *,
        accept_drift: bool = False,
        resubmit: bool = False,
    ) -> None:
        """Make a run go on as one that was left, whose lease is ours.

        Raises
        ------
        OpenJobs
            If devices may have taken jobs of it that cannot be fetched, unless they are
            to be given up; the lease is left then.
        """
        try:
            (last,) = self.store.query("last_record", run=stored.id)
            self.clock.go_on_from(last["ts"])
            live.started = self.clock.wall()
            rows = _unsettled(stored)
            open_there = [row for row in rows if _may_go_on(row, self.backends)]
            if not resubmit:
                live.left = left_jobs(stored, open_there, self.backends)
            else:
                self._close(stored, open_there, "given up")
            never = [row for row in rows if row not in open_there]
            self._close(stored, never, "its process ended before it was sent")
            ended = self._ended.get(live.name)
            here = ended is not None and ended.id == stored.id
            past = self._past(ended if here else stored)
            assert past is not None, "a run that was left has been begun"
            live.left_sessions = self.store.query("open_sessions", run=stored.id)
            take_up(live, stored)
            bring(live, stored, past, accept_drift=accept_drift)
            live.renew = lambda: self._renew(live, accept_drift=accept_drift)
        except BaseException:
            lease.leave()
            raise

    def _renew(self, live: LiveRun, *, accept_drift: bool) -> None:
        """Bring what has been recorded since a run was taken up."""
        stored = stored_run(self.store, live.id)
        bring(live, stored, StoredPast(stored), accept_drift=accept_drift)

    def _close(
        self, stored: StoredRun, rows: Sequence[Mapping[str, Any]], why: str
    ) -> None:
        """Write the last record of jobs that nobody asks for any more."""
        now = self.clock.wall()
        closed = [records.closed(stored.id, row, why, now) for row in rows]
        self.store.append(closed, sync=True)

    def remember(self, live: LiveRun) -> None:
        """A run has ended here.

        One that was taken up and did not come to its end may not have looked at all
        that the store has of it.
        """
        if live.taken_up and live.state != "done":
            self._ended.pop(live.name, None)
        else:
            self._ended[live.name] = live

    def drop(self, runs: Collection[str]) -> None:
        """Runs have been forgotten: nothing of them is kept in another one."""
        for name, ended in tuple(self._ended.items()):
            if ended.id in runs:
                self._ended.pop(name, None)

    def _before(self, live: LiveRun) -> LiveRun | StoredRun | None:
        """The last run of the name: of this process, or else of the store."""
        ended = self._ended.get(live.name)
        if ended is not None and self._news.get(live.name) == self.store.others():
            return ended
        if live.asked.fresh is True or live.workflow.source == SOURCE:
            return ended  # of what it has only the number counts
        if not self.store.knows(live.name):
            live.nth = 1
            return None
        run = self.store.latest_run(live.name)
        if run is None:  # somebody has thrown the journals away
            return None
        return ended if ended and ended.id == run else stored_run(self.store, run)

    def _left(
        self, live: LiveRun, before: LiveRun | StoredRun | None
    ) -> StoredRun | None:
        """The run before, if it has not ended, or did with jobs that may go on."""
        if before is None or live.asked.fresh is True or live.workflow.source == SOURCE:
            return None
        if isinstance(before, LiveRun):
            devices = any(map(self.backends.is_device, before.backend_keys))
            if before.state == "done" or not devices:
                return None
            before = stored_run(self.store, before.id)
        if before.state == "unfinished" or open_jobs(before, self.backends):
            return before
        return None

    def _past(self, before: LiveRun | StoredRun | None) -> Past | None:
        if isinstance(before, LiveRun):
            return LivePast(before, self.store.get)
        return None if before is None else StoredPast(before)


def stored_run(store: Store, run: str) -> StoredRun:
    """A run of the store, by its id."""
    return StoredRun(store.run_record(run), store)


def is_same(live: LiveRun, record: Mapping[str, Any]) -> bool:
    """Whether a run is about to do what a recorded one was to do."""
    now, before = records.options_of(live.asked), record["options"]
    return (
        record["source"] == live.workflow.source
        and not changed_inputs(live, record)
        and all(_plain(now[name]) == before.get(name) for name in _DECIDES)
    )


def changed_inputs(live: LiveRun, record: Mapping[str, Any]) -> list[str]:
    """Notebook names that no longer stand for what the recorded run began with."""
    before = {each["name"]: each["fingerprint"] for each in record["inputs"]}
    now = {each.name: each.fingerprint for each in live.bound.inputs}
    return sorted(n for n in {**before, **now} if before.get(n) != now.get(n))


def check_inputs(live: LiveRun, record: Mapping[str, Any]) -> None:
    """Refuse to go on with other inputs than the run began with.

    Raises
    ------
    InputsChanged
        Naming them.
    """
    if changed := changed_inputs(live, record):
        raise InputsChanged(
            f"{', '.join(changed)} of the notebook changed since run "
            f"{record['number']} of '{live.name}' began: give back the values of then, "
            "or run the cell again, which keeps what does not depend on them",
            names=changed,
        )


def without_backend(stored: StoredRun, error: UnknownBackend) -> InputsChanged:
    """The error for a backend that the run was asked for and that is not here."""
    return InputsChanged(
        f"run {stored.record['number']} of '{stored.name}' needs a backend that its "
        f"notebook had ({error}): make it again there, or by qf.lab().backends.add(…), "
        f"and type %qflow resume {stored.name}",
        names=[str(error.facts.get("name"))],
    )


def check_set(stored: StoredRun) -> None:
    """Refuse to go on where a value that was set is recorded as a text only.

    Raises
    ------
    InputsChanged
        Naming it.
    """
    if names := stored.record["options"].get("set_as_text"):
        raise InputsChanged(
            f"{', '.join(names)} of run {stored.record['number']} of '{stored.name}' "
            "was set to a value that JSON does not have: run the cell again, which "
            "goes on with the run",
            names=names,
        )


def open_jobs(stored: StoredRun, backends: Devices) -> list[dict[str, Any]]:
    """Jobs of a run that devices may have taken, and of which nobody knows the end."""
    return [row for row in _unsettled(stored) if _may_go_on(row, backends)]


def _unsettled(stored: StoredRun) -> list[dict[str, Any]]:
    """Jobs of a run that have no last record."""
    return stored.shelf.query("open_jobs", run=stored.id)


def _may_go_on(row: Mapping[str, Any], backends: Devices) -> bool:
    # What is sent to a device is recorded as such before.
    return row["state"] == "sent" and backends.is_device(row["backend"])


def check_jobs(stored: StoredRun, backends: Devices) -> None:
    """Refuse to forget jobs of a run whose cell has been changed.

    Raises
    ------
    OpenJobs
        Listing them, with what to type.
    """
    rows = open_jobs(stored, backends)
    if not rows:
        return
    left_jobs(stored, rows, backends)  # raises for those that cannot be fetched
    raise _left_open(
        stored,
        rows,
        f"%qflow resume {stored.name} fetches them and goes on with the "
        "cell as it was",
    )


def left_jobs(
    stored: StoredRun, rows: Sequence[Mapping[str, Any]], backends: Devices
) -> list[LeftJob]:
    """Open jobs as they can be fetched.

    Raises
    ------
    OpenJobs
        Listing those that cannot.
    """
    answered = _answered(stored) if rows else frozenset()

    def is_answered(member: LeftMember) -> bool:
        place = member.place["step"], member.place["unit"]
        return (*place, member.call) in answered

    found, lost = [], []
    for row in rows:
        try:
            value: Any = stored.shelf.get(row["asked"]) if row["asked"] else None
            batches = batches_of(row["sent_as"])
            if value is None or not backends.fetches(
                row["backend"],
                value["kind"],
                heard=any(s.job for s in batches.values()),
            ):
                lost.append(row)
                continue
            left = unpacked(
                value,
                stored.shelf.get,
                job=row["job"],
                tag=row["tag"],
                backend=row["backend"],
                sent_as=batches,
                submitted=row["submitted"],
                is_answered=is_answered,
            )
        except StoreError:
            lost.append(row)
        else:
            found.append(left)
    if lost:
        raise _left_open(stored, lost)
    return found


def _answered(stored: StoredRun) -> Set[tuple[str, int, tuple[str, int] | None]]:
    """Points and calls of a run whose answer is recorded."""
    calls = stored.shelf.query("calls", run=stored.id)
    return {
        (step, unit, None)
        for step, rows in stored.rows.items()
        for unit, row in rows.items()
        if row["state"] == "done"
    } | {
        (row["step"], row["unit"], (row["key"], row["number"]))
        for row in calls
        if row["value"] is not None
    }


def _left_open(
    stored: StoredRun,
    rows: Sequence[Mapping[str, Any]],
    first: str = "Look there first",
) -> OpenJobs:
    jobs = ", ".join(
        f"{row['provider_job'] or 'tag ' + row['tag']} on {row['backend']}"
        for row in rows
    )
    return OpenJobs(
        f"run {stored.record['number']} of '{stored.name}' was left with jobs that may "
        f"go on, and may be paid: {jobs}. {first}; to give them up type "
        f"%qflow resume {stored.name} --resubmit, or run the cell with --fresh",
        run=stored.id,
        jobs=[row["tag"] for row in rows],
    )


def take_up(live: LiveRun, stored: StoredRun) -> None:
    """Make a run go on as the recorded one: its id, its seed, what it has spent."""
    live.id, live.seed = stored.id, stored.seed
    live.tried = Tried()  # what it was quoted with had another seed
    live.epoch = int(stored.record["epoch"] or 1) + 1
    live.nth = stored.record["number"]
    for row in stored.shelf.query("spent", run=live.id):
        live.machine_s += row["machine_s"] or 0.0
        if row["currency"]:
            live.spent[row["currency"]] = Decimal(repr(round(row["cost"] or 0.0, 9)))
    live.message = f"taken up after its process had ended ({_progress(stored)})"


def bring(live: LiveRun, stored: StoredRun, past: Past, *, accept_drift: bool) -> None:
    """Give a run that is taken up its points and the answers of its loops."""
    live.keeping = Keeping(live, past)
    live.replays = _replays(stored.shelf.query("calls", run=live.id), accept_drift)


def _progress(stored: StoredRun) -> str:
    done = sum(
        row["state"] == "done" for rows in stored.rows.values() for row in rows.values()
    )
    return f"{done} point{'' if done == 1 else 's'} done by then"


def _replays(
    rows: Sequence[Mapping[str, Any]], accept_drift: bool
) -> dict[tuple[str, int], Replay]:
    calls: dict[tuple[str, int], list[Recorded]] = {}
    for row in rows:
        call = Recorded(row["key"], row["number"], row["value"])
        calls.setdefault((row["step"], row["unit"]), []).append(call)
    return {
        (step, point): Replay(step, made, accept_drift=accept_drift)
        for (step, point), made in calls.items()
    }


def kept_inputs(stored: StoredRun, notebook: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a run began with, as the store has them.

    Raises
    ------
    InputsChanged
        If one of them is neither in the store nor in the notebook.
    """
    found: dict[str, Any] = {}
    for each in stored.record["inputs"]:
        try:
            found |= _kept(each, stored.shelf)
        except (LookupError, StoreError, ImportError):
            if each["name"] in notebook:
                continue
            raise InputsChanged(
                f"'{each['name']}' of run {stored.record['number']} of '{stored.name}' "
                f"({each['summary']}) lives in its notebook only: type %qflow resume "
                f"{stored.name} there",
                names=[each["name"]],
            ) from None
    return found


def _kept(given: Mapping[str, Any], shelf: Shelf) -> dict[str, Any]:
    name = given["name"]
    if given.get("kept"):
        return {name: shelf.get(given["kept"])}
    if given["kind"] == "module":
        return {name: import_module(given["summary"].split()[1])}
    raise LookupError(name)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))
