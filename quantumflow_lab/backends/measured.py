"""A job whose PUBs become circuits to run: samples, and estimates from measurements."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cloudpickle

from quantumflow_lab.backends.adapter import SEED_STEP
from quantumflow_lab.backends.dry import Sized
from quantumflow_lab.backends.execution import Execution
from quantumflow_lab.backends.failures import backend_error, failed_together, refused
from quantumflow_lab.backends.pieces import Outcome, Piece, Prepared
from quantumflow_lab.errors import JobNeverArrived
from quantumflow_lab.ports import (
    JobMetrics,
    Member,
    MemberDone,
    Phase,
    Progress,
    Stopped,
)
from quantumflow_lab.work import Work

FEW, MOMENT = 10, 1 << 16
"""Circuits and their work that are over before anybody could see that they run."""


@dataclass
class _Share:
    """What is known of one member while its job runs."""

    member: Member
    prepared: list[Prepared]
    outcomes: list[Outcome] = field(default_factory=list)
    answered: bool = False

    @property
    def pieces(self) -> list[Piece]:
        return [piece for pub in self.prepared for piece in pub.pieces]


@dataclass(frozen=True, slots=True)
class _Slot:
    """A piece on its way to a batch."""

    share: _Share
    piece: Piece
    seed: int | None


class Measured(Execution):
    """Members cut into pieces, and pieces into the batches of one ``run()`` each."""

    def circuits(self) -> Iterator[tuple[Member, list[Sized], Work]]:
        """The circuits of each member as they would run, and what simulating asks."""
        shares, seen = list(self.prepare()), set[int]()
        for share in shares:
            work = self.adapter.work(share.pieces, share.member.options, seen)
            yield share.member, _sized(share.pieces), work

    def run(self) -> None:
        """Run batch after batch, and answer each member once it is complete."""
        started = time.perf_counter()
        self.tell()
        self.emit(Progress(self.request.job, Phase.TRANSPILING))
        shares = list(self.prepare())
        transpiled = time.perf_counter()
        work = Work()
        for batch in self.batches(self.slots(shares)):
            self.address()
            self.run_batch(batch)
            work += self.work_of(batch)
        for share in shares:
            # A PUB of an empty shape, or of constants, needs no circuit at all.
            self.answer_if_complete(share)
        circuits = [each for share in shares for each in _sized(share.pieces)]
        metrics = replace(
            _sizes(shares),
            transpile_s=transpiled - started,
            run_s=time.perf_counter() - transpiled,
            work=work if self.adapter.has_exact else None,
            busy_s=None if self.adapter.has_exact else self.busy_s(circuits),
        )
        self.settle(metrics)

    def work_of(self, batch: Sequence[_Slot]) -> Work:
        """What a batch asked of this machine."""
        pieces = [slot.piece for slot in batch]
        return self.adapter.work(pieces, batch[0].share.member.options)

    def prepare(self) -> Iterator[_Share]:
        """Cut the PUBs of each member into pieces; who cannot be is answered why."""
        for member in self.request.members:
            maker = self.maker(member)
            try:
                prepared = [
                    maker.prepare(pub, self.request.kind) for pub in member.pubs
                ]
            except Exception as error:  # noqa: BLE001 - passes raise anything
                self.fail(member, refused(error, self.request.backend))
            else:
                yield _Share(member, prepared)

    def slots(self, shares: Sequence[_Share]) -> Iterator[_Slot]:
        """All pieces in order, with their seeds."""
        for share in shares:
            for offset, piece in enumerate(share.pieces):
                yield _Slot(share, piece, self.seed(share.member, piece, offset))

    def seed(self, member: Member, piece: Piece, offset: int) -> int | None:
        """The seed of a member's piece; None if it draws nothing or none is given."""
        if self.request.seed is None or member.seed_index is None or piece.exact:
            return None
        # Not taken modulo anything: Aer counts up in 64 bits within a batch, and a
        # batch has to give what its circuits give alone.
        return self.request.seed + SEED_STEP * (member.seed_index + offset)

    def batches(self, slots: Iterator[_Slot]) -> Iterator[list[_Slot]]:
        """Cut into runs of one ``run()`` each, so that seeds come out as one by one."""
        batch: list[_Slot] = []
        for slot in slots:
            full = len(batch) >= self.adapter.max_circuits
            if batch and (full or not self.follows(batch[-1], slot)):
                yield batch
                batch = []
            batch.append(slot)
        if batch:
            yield batch

    def follows(self, before: _Slot, slot: _Slot) -> bool:
        """Whether a piece may share the batch of the one before it."""
        one, other = before.piece, slot.piece
        if (one.shots, one.exact) != (other.shots, other.exact):
            return False
        if not _equal(before.share.member.options, slot.share.member.options):
            return False
        if before.seed is None or slot.seed is None:
            return before.seed is slot.seed
        if not self.adapter.takes_seed:
            return True
        return self.adapter.batches_seeds and slot.seed == before.seed + SEED_STEP

    def run_batch(self, batch: Sequence[_Slot]) -> None:
        """Run a batch, and tell each member what came of its pieces."""
        batch = [slot for slot in batch if not slot.share.answered]
        if not batch:
            return
        if not self.wanted():
            raise Stopped
        if len(batch) > FEW or max(map(self.work, batch)) > MOMENT:
            self.say_running()
        for slot, outcome in zip(batch, self.outcomes(batch), strict=True):
            share = slot.share
            if isinstance(outcome, Outcome):
                share.outcomes.append(outcome)
                self.answer_if_complete(share)
            elif not share.answered:
                share.answered = True
                if isinstance(outcome, JobNeverArrived) and share.outcomes:
                    told = JobNeverArrived(str(outcome), ran=len(share.outcomes))
                    told.facts |= outcome.facts
                    outcome = told
                self.fail(share.member, outcome)

    def outcomes(self, batch: Sequence[_Slot]) -> list[Outcome | Exception]:
        """Run a batch; if it fails as a whole on a simulator, its members one by one.

        Elsewhere every further job is the scheduler's to decide: it cuts the batch.
        """
        pieces = [slot.piece for slot in batch]
        options = batch[0].share.member.options
        try:
            self.check_sent()
            return self.adapter.run(
                pieces,
                seed=batch[0].seed,
                options=options,
                threads=self.threads,
                wanted=self.wanted,
            )
        except Exception as error:  # noqa: BLE001 - a backend raises whatever it likes
            groups = _by_member(batch)
            failure = backend_error(error, self.request.backend)
        finally:
            self.hear()
        if len(groups) == 1:
            return [failure] * len(batch)
        if not self.adapter.has_exact:
            return [failed_together(failure)] * len(batch)
        return [outcome for group in groups for outcome in self.outcomes(group)]

    def work(self, slot: _Slot) -> float:
        """Amplitudes over all layers; nobody knows how long other backends take."""
        if not self.adapter.has_exact:
            return math.inf
        noisy = self.noisy(slot.share.member.options)
        return slot.piece.amplitudes(noisy=noisy) * slot.piece.size.depth

    def answer_if_complete(self, share: _Share) -> None:
        """Answer a member once all of its pieces have come."""
        if share.answered or len(share.outcomes) < len(share.pieces):
            return
        share.answered = True
        queue, member = iter(share.outcomes), share.member
        try:
            results = tuple(
                pub.finish([next(queue) for _ in pub.pieces]) for pub in share.prepared
            )
        except Exception as error:  # noqa: BLE001 - one odd register, not all members
            self.fail(member, refused(error, self.request.backend))
        else:
            done = MemberDone(self.request.job, member.unit, member.attempt, results)
            self.emit(done)


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one is other or (not one and not other):
        return True
    # Bytes, because noise models and arrays do not compare to a plain truth value.
    same: bool = cloudpickle.dumps(dict(one)) == cloudpickle.dumps(dict(other))
    return same


def _by_member(batch: Sequence[_Slot]) -> list[list[_Slot]]:
    groups: dict[int, list[_Slot]] = {}
    for slot in batch:
        groups.setdefault(id(slot.share), []).append(slot)
    return list(groups.values())


def _sized(pieces: Sequence[Piece]) -> list[Sized]:
    return [
        (piece.circuit, piece.size, 1, 0 if piece.exact else piece.shots)
        for piece in pieces
    ]


def _sizes(shares: Sequence[_Share]) -> JobMetrics:
    pieces = [piece for share in shares for piece in share.pieces]
    sizes = [piece.size for piece in pieces]
    return JobMetrics(
        circuits=len(pieces),
        shots=sum(piece.shots for piece in pieces if not piece.exact),
        depth=max((size.depth for size in sizes), default=0),
        two_qubit_gates=max((size.two_qubit_gates for size in sizes), default=0),
        qubits=max((size.qubits for size in sizes), default=0),
    )
