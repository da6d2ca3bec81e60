"""Sessions and batches at providers: opened once for a run and a device, and closed.

=======  ===========================  =========================  ====================
state    means                        where it is kept           leaves when
=======  ===========================  =========================  ====================
opening  its provider is asked        the journal, before it is  that has answered
                                      asked; here, the jobs
                                      that wait
open     it takes jobs                the journal, before any    the run ends or
                                      job is sent in it          pauses, or its
                                                                 provider closes it
closing  its provider is asked to     the journal, as open       that has said so, and
         close it                                                what it is billed
closed   nothing more is billed       the journal                never
=======  ===========================  =========================  ====================

What its provider could not be asked to close stays open in the journal, so that whoever
goes on with the run, or runs anything on a device from this home, closes it. One whose
provider never answered has no id to close it by: it stays opening there, counts as the
most that it may cost, and a person is told, see :mod:`.unheard`. Questions
go out in threads of their own; all else happens in the thread of the runner.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any

from quantumflow_lab.amounts import Money, micro
from quantumflow_lab.errors import (
    BudgetReached,
    JournalFull,
    StoreError,
    UnknownBackend,
)
from quantumflow_lab.planning.billing import Bill, Rule
from quantumflow_lab.planning.bounds import beside, rate_of, watched
from quantumflow_lab.planning.modes import session_seconds
from quantumflow_lab.ports import Backends, Clock, Ledger, Mode
from quantumflow_lab.price import Price
from quantumflow_lab.runner import records, telling
from quantumflow_lab.runner.aside import ask_aside
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.recorder import Recorder
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.session import Session, Then, Wants
from quantumflow_lab.runner.unheard import unheard

log = logging.getLogger(__name__)

_ASKED = "mode", "backend", "opened", "most_s"
_REOPENED = 1
"""How often a session that its provider has closed is opened anew."""


class Sessions:
    """Opens and closes sessions. Belongs to the thread of the runner.

    Parameters
    ----------
    backends, clock, ledger
        Ports.
    schedule, recorder
        The runner's.
    post
        Hands a function to the runner's thread.
    secure
        Brings everything noted to the disk; False if that failed.
    """

    def __init__(
        self,
        *,
        backends: Backends,
        clock: Clock,
        ledger: Ledger,
        schedule: Schedule,
        recorder: Recorder,
        post: Callable[[Callable[[], None]], None],
        secure: Callable[[], bool],
    ):
        self._backends = backends
        self._clock = clock
        self._ledger = ledger
        self._schedule = schedule
        self._recorder = recorder
        self._post = post
        self._secure = secure
        self._numbers = count()
        self._taking: dict[tuple[int, str], Session] = {}
        """What takes jobs, or will, by run and device."""
        self._ending: dict[int, list[Session]] = {}
        """What is being closed, by run."""
        self._gone: dict[str, bool] = {}
        """Those that their providers have closed, and whether another may be opened."""
        self._anew: dict[tuple[int, str], int] = {}
        """How often one was opened in the place of such."""
        self._told: dict[int, Decimal] = {}
        """What the scheduler was told that the sessions of a run cost."""
        self._cost: dict[int, Decimal] = {}
        """What those that are closed have cost."""
        self._unheard: tuple[object, Decimal] = None, Decimal(0)
        """Events of the scheduler that are yet to go out, and the money in them."""

    # Jobs.

    def want(
        self, live: LiveRun, backend: str, most_s: int | None, then: Wants
    ) -> None:
        """Give the id of what takes jobs of a run on a device, opened if need be.

        Parameters
        ----------
        most_s
            Seconds after which the provider stops the job that is to be sent.
        """
        key = live.number, backend
        session = self._taking.get(key)
        new = session is None
        if session is None:
            session = self._new(live, backend)
        longer = new or (most_s or 0) > session.longest_s
        if longer and (why := self._kept_back(session, most_s or 0, new=new)):
            then(BudgetReached(why))
            return
        if new:
            self._record(session, "opening")
            if not self._secure():
                self._never(session)
                then(_unrecorded(session.mode))
                return
            self._taking[key] = session
            self._ask(session)
        if session.name is None:
            session.waiting.append(then)
        else:
            session.jobs += 1
            then(session.name)

    def over(self, live: LiveRun, backend: str, name: str) -> None:
        """A job that was given an id is over."""
        session = self._taking.get((live.number, backend))
        if session is not None and session.name == name:
            session.jobs -= 1
            if live.paused:
                self._close_idle(session)

    def gone(self, live: LiveRun, backend: str, name: str) -> bool:
        """Its provider has closed one; whether another is opened for the next job."""
        if name not in self._gone:
            key = live.number, backend
            session = self._taking.get(key)
            anew = self._anew.get(key, 0)
            self._gone[name] = anew < _REOPENED
            if session is not None and session.name == name:
                self._anew[key] = anew + 1
                self._close(session)
        return self._gone[name]

    # Runs.

    def pause(self, live: LiveRun) -> None:
        """Close what no job needs: a session is billed while nothing runs."""
        for session in self._of(live):
            self._close_idle(session)

    def end(self, live: LiveRun, then: Then) -> None:
        """Close all of a run; `then` is called when nothing more will be heard."""
        for session in self._of(live):
            self._close(session)
        self.settle(live, then)

    def forget(self, live: LiveRun) -> None:
        """Drop what only a running run needs."""
        self._told.pop(live.number, None)
        self._cost.pop(live.number, None)
        self._ending.pop(live.number, None)
        self._anew = {k: n for k, n in self._anew.items() if k[0] != live.number}

    @property
    def busy(self) -> bool:
        """Whether anything is open, or being closed."""
        return bool(self._taking or any(self._ending.values()))

    def held(self, live: LiveRun) -> Decimal:
        """What is kept back for those of a run that are not closed."""
        open_ = [*self._of(live), *self._ending.get(live.number, ())]
        kept = (each.most or Decimal(0) for each in open_ if not each.counted)
        return sum(kept, Decimal(0))

    def shut(
        self, live: LiveRun, rows: Iterable[Mapping[str, Any]], then: Then
    ) -> None:
        """Close those that an earlier process has left open, rows of ``open_sessions``.

        What they cost is asked by :meth:`settle`, once the jobs in them are over.
        """
        found = [self._left(live, row) for row in rows]
        for session in [each for each in found if each.name is None]:
            found.remove(session)
            self._say_unheard(session)
        self._ending.setdefault(live.number, []).extend(found)
        waiting = len(found)

        def closed(session: Session, _: object, error: Exception | None) -> None:
            nonlocal waiting
            session.shut = error is None
            if error is not None:
                self._say_open(session, error)
            waiting -= 1
            if not waiting:
                then()

        for session in found:
            ask = partial(self._closed_there, session)
            ask_aside(self._post, session.backend, ask, partial(closed, session))
        if not found:
            then()

    def settle(self, live: LiveRun, then: Then) -> None:
        """Find out what those have cost that are being closed."""
        left = list(self._ending.get(live.number, ()))
        self._when_ended(left, then)
        for session in left:
            self._finish(session)

    # What happens.

    def _new(self, live: LiveRun, backend: str) -> Session:
        mode = live.plan.mode
        facts = self._backends.known(backend)
        price = watched(facts, live.plan.budget)
        timed = mode == "session" and price is not None and rate_of(price)
        seconds = None
        if mode == "session":
            left = (live.deadline_us - self._clock.now_us()) / 1e6
            seconds = session_seconds(left if live.deadline_us >= 0 else None)
        return Session(
            live=live,
            backend=backend,
            mode=mode,
            tag=records.tag(live.id, live.epoch, f"{mode}{next(self._numbers)}"),
            most_s=seconds,
            price=price if timed else None,
            beside=beside(price, facts) if timed else None,
            opened=self._clock.wall(),
        )

    def _left(self, live: LiveRun, row: Mapping[str, Any]) -> Session:
        """One that an earlier process has left open."""
        other = None
        try:
            facts = self._backends.known(row["backend"])
            price = watched(facts, live.plan.budget)
            other = beside(price, facts)
        except UnknownBackend:
            price = None  # told when it cannot be closed
        most = Decimal(repr(round(row["cost"] or 0.0, 9)))
        timed = row["currency"] is not None and price is not None
        return Session(
            live=live,
            backend=row["backend"],
            mode=row["mode"],
            tag=row["tag"],
            most_s=row["most_s"],
            price=price if timed else None,
            beside=other if timed else None,
            opened=row["opened"],
            name=row["session"],
            left=True,
            counted=most,
            known_most=most if row["most_s"] is not None else None,
        )

    def _kept_back(self, session: Session, longest_s: int, *, new: bool) -> str | None:
        """Keep back what it may cost with a job so long; why that cannot be."""
        price = session.price
        before = Decimal(0) if new else session.most or Decimal(0)
        at_first, session.longest_s = session.longest_s, longest_s
        most = session.most
        if price is None or most is None:
            return None
        amount = Money(most, price.currency)
        why = self._keep(session, price, most - before)
        if why is not None:
            session.longest_s = at_first
            where = f"a session on '{session.backend}' may cost {amount}"
            return f"{where}{why}"
        if session.name is not None:
            self._record(session, "open")
        return None

    def _keep(self, session: Session, price: Price, dearer: Decimal) -> str | None:
        """Keep that much more back for a session; why that cannot be."""
        live = session.live
        budget = live.plan.budget
        closed = self._cost.get(live.number, Decimal(0))
        all_of_run = closed + self.held(live)
        if session not in self._of(live):
            all_of_run += dearer
        more = max(all_of_run - self._told.get(live.number, Decimal(0)), Decimal(0))
        if budget is not None and (left := self._left_of(live)) < more:
            return (
                f", and {Money(left, price.currency)} of the budget of {budget} is "
                "left: give it a shorter --deadline or a larger --budget"
            )
        most = session.amounts(session.most or dearer)
        try:
            why = self._ledger.reserve(session.tag, *most)
        except StoreError as error:
            return f", which cannot be written down: {error.message}"
        if why is not None:
            return f": {why}"
        if budget is not None:
            events = self._schedule.events.spent(live.number, micro(more))
            self._told[live.number] = all_of_run
            self._unheard = events, self._unheard[1] + more
        return None

    def _left_of(self, live: LiveRun) -> Decimal:
        """What is left of a budget, with what the scheduler has not heard yet."""
        events, sent = self._unheard
        if events is not self._schedule.events:
            self._unheard = self._schedule.events, (sent := Decimal(0))
        return self._schedule.left(live) - sent

    def _ask(self, session: Session) -> None:
        """Have its provider open one."""
        asked = session.backend, session.mode, session.most_s
        ask_aside(
            self._post,
            session.backend,
            lambda: self._backends.open_session(*asked),
            partial(self._opened, session),
            partial(self._opened_late, session),
        )

    def _opened(
        self, session: Session, name: str | None, error: Exception | None
    ) -> None:
        waiting, session.waiting = session.waiting, []
        session.name = name
        if name is not None:
            self._record(session, "open")
            if not self._secure():
                error = _unrecorded(session.mode)
        key = session.live.number, session.backend
        if error is not None and self._taking.get(key) is session:
            del self._taking[key]
            self._ending.setdefault(session.live.number, []).append(session)
        if name is None:
            if getattr(error, "facts", {}).get("in_doubt") and session.mode != "batch":
                self._say_unheard(session)
                self._count(session, session.most or Decimal(0))
            else:
                self._never(session)
            self._ended(session)
        elif error is not None or self._taking.get(key) is not session:
            # Nobody waits for it any more, or nobody would know of it.
            self._finish(session)
        else:
            self._tell(session, telling.session_opened(session.mode, session.backend))
        for then in waiting:
            session.jobs += error is None
            then(name if name is not None and error is None else _why(error))

    def _opened_late(
        self, session: Session, name: str | None, error: Exception | None
    ) -> None:
        """Nobody waited any more, so it is closed at once."""
        if name is not None:
            session.name = name
            self._record(session, "open")
            self._finish(session)

    def _never(self, session: Session) -> None:
        """Its provider has opened none."""
        self._settle(session, Decimal(0))
        self._record(session, "closed", Bill(Decimal(0), Rule.NOT_TAKEN))

    def _say_unheard(self, session: Session) -> None:
        """Nobody knows whether its provider has opened one."""
        asked = {name: getattr(session, name) for name in _ASKED}
        words = unheard(asked, self._clock.wall())
        if words is not None:
            log.warning("%s", words)
            self._tell(session, words)

    def _close_idle(self, session: Session) -> None:
        if not session.jobs and not session.waiting and session.name is not None:
            self._close(session)

    def _close(self, session: Session) -> None:
        del self._taking[session.live.number, session.backend]
        self._ending.setdefault(session.live.number, []).append(session)
        self._finish(session)

    def _finish(self, session: Session) -> None:
        """Have it closed, and hear what it is billed, once."""
        if session.name is None or session.finishing:
            return
        session.finishing = True

        def ask() -> float | None:
            self._closed_there(session)
            if session.price is None:
                return None
            where = session.backend, session.mode, session.name or ""
            return self._backends.session_seconds(*where)

        def heard(seconds: float | None, error: Exception | None) -> None:
            if error is not None and not session.shut:
                self._say_open(session, error)
            else:
                self._closed(session, seconds)
            self._ended(session)

        def late(seconds: float | None, error: Exception | None) -> None:
            if error is None:
                self._closed(session, seconds)

        ask_aside(self._post, session.backend, ask, heard, late)

    def _closed_there(self, session: Session) -> None:
        """Called in a thread of its own."""
        if not session.shut:
            where = session.backend, session.mode, session.name or ""
            self._backends.close_session(*where)
            session.shut = True

    def _closed(self, session: Session, seconds: float | None) -> None:
        """It is closed at its provider, and was billed that, if anybody tells."""
        bill = session.bill(seconds, self._clock.wall())
        self._settle(session, bill.amount)
        self._record(session, "closed", bill, seconds)
        self._count(session, bill.amount)
        price = session.price
        money = None if price is None else Money(bill.amount, price.currency)
        words = telling.session_closed(session.mode, session.backend, money)
        self._tell(session, words)

    def _say_open(self, session: Session, error: Exception) -> None:
        """It could not be closed: it counts as the most that it may cost."""
        words = telling.session_left(session.mode, session.backend, session.name, error)
        log.warning("%s", words)
        self._tell(session, words)
        self._count(session, session.most or Decimal(0))

    def _count(self, session: Session, cost: Decimal) -> None:
        """The run counts that it has cost so much, instead of what it counted."""
        if session.price is None:
            return
        live, currency = session.live, session.price.currency
        more, session.counted = cost - session.counted, cost
        live.spent[currency] = live.spent.get(currency, Decimal(0)) + more
        if not session.left:
            # The scheduler hears of what there was before when the run begins.
            closed = self._cost.get(live.number, Decimal(0))
            self._cost[live.number] = closed + more

    def _ended(self, session: Session) -> None:
        ending = self._ending.get(session.live.number, [])
        if session in ending:
            ending.remove(session)
        waiting, session.ending = session.ending, []
        for then in waiting:
            then()

    def _when_ended(self, sessions: Iterable[Session], then: Then) -> None:
        left = list(sessions)
        waiting = len(left)

        def one() -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting:
                then()

        for session in left:
            session.ending.append(one)
        if not left:
            then()

    def _of(self, live: LiveRun) -> list[Session]:
        return [each for each in self._taking.values() if each.live is live]

    def _settle(self, session: Session, cost: Decimal) -> None:
        if session.price is None:
            return
        try:
            self._ledger.settle(session.tag, *session.amounts(cost))
        except StoreError as error:
            log.warning("the cost of %s cannot be written down: %s", session.tag, error)

    def _record(
        self,
        session: Session,
        state: str,
        bill: Bill | None = None,
        seconds: float | None = None,
    ) -> None:
        most = session.most or Decimal(0)
        self._recorder.note(
            records.session(
                session.live.id,
                {
                    "tag": session.tag,
                    "backend": session.backend,
                    "mode": session.mode,
                    "session": session.name,
                    "most_s": session.most_s,
                    "opened": session.opened,
                    "currency": session.price and session.price.currency,
                },
                state,
                bill or Bill(most, Rule.AT_MOST),
                self._clock.wall(),
                seconds,
            )
        )

    def _tell(self, session: Session, words: str) -> None:
        now = self._clock.wall()
        session.live.watch.story.tell("session", words, now, same=session.tag)
        session.live.dirty = True


def _unrecorded(mode: Mode) -> JournalFull:
    return JournalFull(f"a {mode} could not be recorded")


def _why(error: Exception | None) -> Exception:
    return error or BudgetReached("the run has ended")
