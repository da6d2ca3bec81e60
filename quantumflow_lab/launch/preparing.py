"""From a workflow, its notebook and its options to a run that could begin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from secrets import token_hex
from typing import Any, cast

from quantumflow_lab.amounts import Money, cap, money
from quantumflow_lab.amounts import seconds as duration
from quantumflow_lab.backends import Registry
from quantumflow_lab.cell import bind
from quantumflow_lab.cell.options import is_backend
from quantumflow_lab.errors import BadOption
from quantumflow_lab.fingerprint import fingerprint
from quantumflow_lab.launch.experience import Experience
from quantumflow_lab.planning.asked import Asked, asked_in
from quantumflow_lab.planning.decide import Quoted
from quantumflow_lab.planning.expect import History
from quantumflow_lab.planning.keys import step_keys
from quantumflow_lab.planning.plan import Policy
from quantumflow_lab.planning.prepare import Defaults, prepare
from quantumflow_lab.planning.seeds import draw_seed
from quantumflow_lab.ports import Clock, Mode
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.tried import Tried
from quantumflow_lab.settings import Settings
from quantumflow_lab.workflow import Workflow


def read(
    workflow: Workflow | str,
    name: str | None,
    asked: Asked,
    filename: str | None = None,
) -> tuple[Workflow, Asked]:
    """A workflow with its options, from the text of a cell if need be."""
    if isinstance(workflow, str):
        asked = asked.over(asked_in(workflow))
        workflow = _read_once(workflow, name)
    return replace(workflow, filename=filename or workflow.filename), asked


@lru_cache(maxsize=64)
def _read_once(text: str, name: str | None) -> Workflow:
    """The workflow of a text, which is read again and again as it is run."""
    return Workflow.from_source(text, name)


def cap_of(settings: Settings, name: str) -> Money | None:
    """A cap of the settings; None for none.

    Raises
    ------
    BadOption
        If it is no money.
    """
    text = getattr(settings, name)
    if text is not None and money(text) is None:
        raise BadOption(
            f"setting {name} (QFLOW_{name.upper()}) must be money such as "
            f"'20 USD', or 'unlimited', not {text!r}",
            option=name,
        )
    return cap(text)


@dataclass
class Preparer:
    """Binds and plans workflows; nothing is recorded and nothing runs.

    Parameters
    ----------
    settings_of
        What applies where nobody says anything; asked anew for each run.
    backends, clock
        Of the lab.
    experience
        What earlier runs took.
    """

    settings_of: Callable[[], Settings]
    backends: Registry
    clock: Clock
    experience: Experience
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def prepared(
        self,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
        quoted: Quoted | None = None,
        before: LiveRun | None = None,
    ) -> LiveRun:
        """A run that has not begun.

        Parameters
        ----------
        inputs
            The notebook.
        quoted
            What a quote says of the backends to choose from.
        before
            What was quoted, which is the same run: its values, its seed, and what its
            functions returned.

        Raises
        ------
        CellError, BackendError
            Whatever about the cell, its values or its backends cannot work.
        """
        if isinstance(asked.fresh, str):
            workflow.step(asked.fresh)  # names the nearest step if there is none
        if before is None:
            bound = bind(workflow, inputs, set=asked.set, fingerprint=fingerprint)
        else:
            bound = before.bound
        defaults = self._defaults(asked)
        taken: dict[str, object] = {}

        def known_as(given: object) -> str:
            return self.known_as(given, inputs, taken)

        history = History()
        if asked.among or asked.policy or asked.deadline or asked.budget:
            # Only where something is to be decided by it.
            used = map(known_as, defaults.among or defaults.backends)
            history, _ = self.experience.of(workflow, used)
        facts = self.backends.facts
        plan = prepare(bound, defaults, known_as, facts, history, quoted or {})
        seed = draw_seed() if asked.seed is None else asked.seed
        return LiveRun(
            id=_run_id(self.clock.wall()),
            number=next(self._numbers),
            plan=plan,
            bound=bound,
            seed=seed if before is None else before.seed,
            tried=Tried() if before is None else before.tried,
            started=self.clock.wall(),
            started_us=self.clock.now_us(),
            asked=asked,
            may_bill=self.budget(asked) is not None,
            keys=step_keys(bound, plan, fingerprint=fingerprint, seed=asked.seed),
            backend_keys={
                name: self.backends.identity(name)
                for step in plan.steps
                for name in (*step.backends, *step.others)
            },
        )

    def twin(self, live: LiveRun) -> LiveRun:
        """The same run once more, to be quoted: the run itself stays as it is."""
        return LiveRun(
            id=live.id,
            number=next(self._numbers),
            plan=live.plan,
            bound=live.bound,
            seed=live.seed,
            tried=live.tried,
            started=live.started,
            started_us=live.started_us,
            asked=live.asked,
            may_bill=live.may_bill,
            keys=live.keys,
            backend_keys=live.backend_keys,
        )

    @property
    def capped(self) -> bool:
        """Whether all runs together may cost no more than somebody said."""
        names = ("budget_session", "budget_month")
        return any(cap_of(self.settings, name) for name in names)

    @property
    def settings(self) -> Settings:
        """What applies now where nobody says anything."""
        return self.settings_of()

    def _defaults(self, asked: Asked) -> Defaults:
        mode = cast("Mode", asked.mode or "job")
        return Defaults(
            backends=asked.backend or (self.settings.backend,),
            shots=asked.shots,
            precision=asked.precision,
            usual_shots=self.settings.shots,
            among=asked.among,
            policy=cast("Policy", asked.policy or "balanced"),
            mode=mode,
            deadline=None if asked.deadline is None else duration(asked.deadline),
            budget=cap(self.budget(asked)),
            capped=self.capped,
            elsewhere=() if mode == "job" else self.backends.offering(mode),
            most_points=self.settings.points,
        )

    def budget(self, asked: Asked) -> Money | str | None:
        """What a run may cost, by its options or the settings; None if neither says."""
        return self.settings.budget if asked.budget is None else asked.budget

    def known_as(
        self, given: object, inputs: Mapping[str, Any], taken: dict[str, object]
    ) -> str:
        """Name of a backend; one from the notebook goes by its variable's name.

        Parameters
        ----------
        given
            A name, or a backend.
        inputs
            The notebook.
        taken
            Names that backends of the same run have already.

        Raises
        ------
        UnknownBackend
            Naming the nearest one.
        """
        backend = given if is_backend(given) else inputs.get(str(given))
        if not is_backend(backend):
            return self.backends.facts(str(given)).name
        names = [str(given)] if isinstance(given, str) else []
        names += [name for name, value in inputs.items() if value is backend]
        name = [*names, str(getattr(backend, "name", type(backend).__name__))][0]
        for number in count(2):
            if taken.setdefault(name, backend) is backend:
                break
            name = f"{name.removesuffix(f'_{number - 1}')}_{number}"
        self.backends.again(name, backend)
        return name


def _run_id(now: float) -> str:
    """Sorts by time; unique across processes."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{token_hex(4)}"
