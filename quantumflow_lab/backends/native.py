"""A job of estimates that the estimator of the backend makes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import cloudpickle
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from quantumflow_lab.backends.dry import Sized
from quantumflow_lab.backends.execution import Execution
from quantumflow_lab.backends.failures import backend_error, failed_together, refused
from quantumflow_lab.backends.isa import Isa
from quantumflow_lab.backends.prepare import Maker, circuit_count, shot_count
from quantumflow_lab.backends.primitive_adapter import PrimitiveAdapter
from quantumflow_lab.backends.pubs import shots_of
from quantumflow_lab.ports import (
    JobMetrics,
    Member,
    MemberDone,
    Phase,
    Progress,
    Stopped,
)
from quantumflow_lab.work import Work


@dataclass(frozen=True, slots=True)
class _Asked:
    """A member and its PUBs in terms of the target."""

    member: Member
    maker: Maker
    pubs: list[tuple[Isa, EstimatorPub]]

    def sized(self) -> list[Sized]:
        return [
            (
                isa.circuit,
                isa.size,
                circuit_count("estimate", pub),
                shots_of(pub.precision),
            )
            for isa, pub in self.pubs
        ]


class Native(Execution):
    """Estimates by the estimator of the backend, all members in one job."""

    def circuits(self) -> Iterator[tuple[Member, list[Sized], Work]]:
        """The circuits of each member; what simulating would ask is not known."""
        for one in self.asked():
            yield one.member, one.sized(), Work()

    def run(self) -> None:
        """Ask for the estimates of all members that have the same options at once."""
        started = time.perf_counter()
        self.tell()
        self.emit(Progress(self.request.job, Phase.TRANSPILING))
        asked = list(self.asked())
        transpiled = time.perf_counter()
        groups = groupby(asked, key=lambda one: cloudpickle.dumps(one.member.options))
        for _, group in groups:
            self.estimate(list(group))
        pubs = [pub for one in asked for _, pub in one.pubs]
        sizes = [isa.size for one in asked for isa, _ in one.pubs]
        metrics = JobMetrics(
            circuits=len(pubs),
            shots=sum(shot_count("estimate", pub) for pub in pubs),
            transpile_s=transpiled - started,
            run_s=time.perf_counter() - transpiled,
            depth=max((size.depth for size in sizes), default=0),
            two_qubit_gates=max((size.two_qubit_gates for size in sizes), default=0),
            qubits=max((size.qubits for size in sizes), default=0),
            busy_s=self.busy_s([e for one in asked for e in one.sized()]),
        )
        self.settle(metrics)

    def asked(self) -> Iterator[_Asked]:
        """The PUBs of each member for the target; who has none is answered why."""
        for member in self.request.members:
            maker = self.maker(member)
            try:
                pubs = [maker.native(pub) for pub in member.pubs]
            except Exception as error:  # noqa: BLE001 - passes raise anything
                self.fail(member, refused(error, self.request.backend))
            else:
                yield _Asked(member, maker, pubs)

    def estimate(self, asked: Sequence[_Asked]) -> None:
        """Ask once, and answer these members."""
        self.address()
        if not self.wanted():
            raise Stopped
        self.say_running()
        pubs = [pub for one in asked for _, pub in one.pubs]
        assert isinstance(self.adapter, PrimitiveAdapter), "others measure estimates"
        seed, options = self.request.seed, asked[0].member.options
        try:
            self.check_sent()
            results = self.adapter.estimate(
                pubs, seed=seed, options=options, wanted=self.wanted
            )
        except Exception as error:  # noqa: BLE001 - a backend raises whatever it likes
            failure = backend_error(error, self.request.backend)
            for one in asked:
                alone = len(asked) == 1
                self.fail(one.member, failure if alone else failed_together(failure))
            return
        finally:
            self.hear()
        queue = iter(results)
        for one in asked:
            told = tuple(
                one.maker.told(isa, pub, next(queue))
                for (isa, _), pub in zip(one.pubs, one.member.pubs, strict=True)
            )
            member = one.member
            done = MemberDone(self.request.job, member.unit, member.attempt, told)
            self.emit(done)
