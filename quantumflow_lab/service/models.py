"""What goes over the wire: bodies and answers, with examples."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from quantumflow_lab.service.declared import (
    BELL,
    CircuitSource,
    Declared,
    Number,
    Observable,
    Strict,
    Text,
    Word,
)

RUN_ID = r"^[0-9]{8}-[0-9]{6}-[0-9a-f]{8}$"
WORKFLOW_ID = r"^[0-9a-f]{32}$"
STEP = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"

Policy = Literal["cheapest", "fastest", "balanced"]
Mode = Literal["job", "batch", "session"]
Json = Annotated[Any, Field(json_schema_extra={})]

EXAMPLE_RUN = "20261126-190318-1f2e3d4c"
EXAMPLE_WORKFLOW = "9b1c04f2a7d85e3690c1d2e3f4a5b6c7"


class Answer(BaseModel):
    """What the service says."""

    model_config = ConfigDict(frozen=True)


class EncodedValue(Strict):
    """Something of a notebook: a value of the codec, an axis, code or a run."""

    media: Annotated[str, StringConstraints(max_length=128)]
    data: str = Field(description="Its bytes, as base64.")
    kind: Literal["value", "axis", "code", "run"] = Field(
        default="value",
        description="`axis`: a list of values and unit. `code`: Python that binds the "
        "name. `run`: the id of a run of this service, as JSON.",
    )


def _named(value: object) -> object:
    """Names as the magic line has them, ``a,b``, as a list."""
    if not isinstance(value, str):
        return value
    return [name.strip() for name in value.split(",")]


Backends = Annotated[
    list[Text],
    BeforeValidator(_named, json_schema_input_type=list[Text] | str),
]
"""Names of backends: a list, or text as on the magic line."""


class RunOptions(Strict):
    """How a workflow is run: the options of the magic line."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"backend": ["aer"], "shots": 1000, "seed": 7}]
        },
    )

    backend: Backends = Field(default_factory=list, max_length=16)
    among: Backends = Field(default_factory=list, max_length=16)
    policy: Policy | None = None
    mode: Mode | None = Field(
        default=None, description="How a device that has several ways takes the jobs."
    )
    deadline: Annotated[str, StringConstraints(max_length=32)] | None = Field(
        default=None, examples=["10 min"]
    )
    budget: Annotated[str, StringConstraints(max_length=32)] | None = Field(
        default=None, examples=["20 USD"]
    )
    shots: int | None = Field(default=None, ge=1, le=10**9)
    precision: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    set: dict[Text, Number | bool | str | list[Number] | EncodedValue] = Field(
        default_factory=dict,
        max_length=100,
        description="Values in the place of assignments and axes; encoded ones for "
        "Python only.",
    )
    fresh: bool | Annotated[str, StringConstraints(pattern=STEP)] = Field(
        default=False,
        description="Take no result of another run; a step: for it and those below.",
    )
    project: Annotated[str, StringConstraints(min_length=1, max_length=80)] | None = (
        Field(default=None, description="What its costs are charged to.")
    )


class Execution(RunOptions):
    """How a workflow is executed."""

    if_running: Literal["refuse", "beside"] = Field(
        default="refuse",
        description="What to do while a run of this name goes on: refuse, with its id, "
        "or run beside it under a name with a number.",
    )
    inputs: dict[Text, EncodedValue] = Field(
        default_factory=dict,
        max_length=1000,
        description="Values that Python reads of its notebook; needs the scope code.",
    )


def _one_of(*names: str) -> Any:
    """JSON Schema for exactly one of these fields."""
    return [
        {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
        for name in names
    ]


class NewWorkflow(Strict):
    """A workflow to keep: declared, or Python."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"name": "bell", "declared": BELL}],
            "oneOf": _one_of("declared", "source"),
        },
    )

    name: Word
    declared: Declared | None = None
    source: str | None = Field(
        default=None,
        min_length=1,
        description="Text of a %%qflow cell; needs --allow-code and the scope code.",
    )

    @model_validator(mode="after")
    def _check_one(self) -> NewWorkflow:
        if (self.declared is None) == (self.source is None):
            raise ValueError("give declared or source, one of the two")
        return self


class NewRun(Execution):
    """A workflow to run at once, without keeping it as one."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"name": "bell", "declared": BELL, "if_running": "beside"}],
            "oneOf": _one_of("declared", "source"),
        },
    )

    name: Word
    declared: Declared | None = None
    source: str | None = Field(
        default=None,
        min_length=1,
        description="Text of a %%qflow cell; needs --allow-code and the scope code.",
    )

    @model_validator(mode="after")
    def _check_one(self) -> NewRun:
        if (self.declared is None) == (self.source is None):
            raise ValueError("give declared or source, one of the two")
        return self


class Workflow(Answer):
    """A workflow that is kept."""

    id: str = Field(examples=[EXAMPLE_WORKFLOW])
    name: str = Field(examples=["bell"])
    created: float = Field(description="Seconds since 1970.", examples=[1796000000.0])
    by: str = Field(description="Name of the token that created it.", examples=["ci"])
    declared: dict[str, Any] | None = Field(examples=[BELL])
    source: str | None = Field(examples=[None])


class WorkflowLine(Answer):
    """A workflow in a list."""

    id: str = Field(examples=[EXAMPLE_WORKFLOW])
    name: str = Field(examples=["bell"])
    created: float = Field(description="Seconds since 1970.", examples=[1796000000.0])
    by: str = Field(examples=["ci"])


class WorkflowPage(Answer):
    """Workflows, newest first."""

    items: list[WorkflowLine]
    next: str | None = Field(
        description="cursor of the next page; null on the last.", examples=[None]
    )


class RunLine(Answer):
    """A run in a list; times in seconds, amounts in their currency."""

    id: str = Field(examples=[EXAMPLE_RUN])
    name: str = Field(examples=["bell"])
    number: int | None = Field(examples=[12])
    state: str = Field(examples=["done"])
    started: float = Field(examples=[1796000000.0])
    seconds: float | None = Field(examples=[0.8])
    steps: int | None = Field(examples=[2])
    points: int | None = Field(examples=[2])
    failed: int | None = Field(description="Points that failed.", examples=[0])
    jobs: int | None = Field(examples=[1])
    shots: int | None = Field(examples=[1000])
    machine_s: float | None = Field(
        description="Seconds of the service's machine.", examples=[0.1]
    )
    qpu_s: float | None = Field(description="Seconds of devices.", examples=[None])
    backends: list[str] = Field(examples=[["aer"]])
    cost: float | None = Field(
        description="null if it is in several currencies.", examples=[None]
    )
    currency: str | None = Field(examples=[None])
    costs: dict[str, float] = Field(
        description="Amounts by currency.", examples=[{"EUR": 9.0, "USD": 1.5}]
    )


class RunPage(Answer):
    """Runs, newest first."""

    items: list[RunLine]
    next: str | None = Field(
        description="cursor of the next page; null on the last.", examples=[None]
    )


class RunStatus(Answer):
    """How a run stands."""

    id: str = Field(examples=[EXAMPLE_RUN])
    name: str = Field(examples=["bell"])
    state: str = Field(
        description="running, paused, done, failed, cancelled, or unfinished if its "
        "process has gone or is another one.",
        examples=["running"],
    )
    ended: bool = Field(description="Whether nothing more comes.", examples=[False])
    seed: int = Field(examples=[7])
    snapshot: dict[str, Any] = Field(
        description="What the live widget draws, see docs/widgets.md.",
        examples=[{"name": "bell", "state": "running", "steps": []}],
    )


class StepLine(Answer):
    """A step of a run."""

    name: str = Field(examples=["values"])
    kind: str = Field(examples=["estimate"])
    dims: list[str] = Field(examples=[["theta"]])
    shape: list[int] | None = Field(examples=[[3]])
    final: bool = Field(description="Whether every point is final.", examples=[True])


class Results(Answer):
    """What there is to fetch of a run."""

    id: str = Field(examples=[EXAMPLE_RUN])
    state: str = Field(examples=["done"])
    axes: dict[str, list[Json]] = Field(examples=[{"theta": [0.0, 0.5, 1.0]}])
    units: dict[str, str | None] = Field(examples=[{"theta": "rad"}])
    steps: list[StepLine]


class Point(Answer):
    """One point of a step."""

    index: int = Field(description="Flat number along the axes.", examples=[0])
    at: dict[str, Json] = Field(examples=[{"theta": 0.0}])
    value: Json = Field(examples=[{"evs": [1.0, -0.5], "stds": [0.0, 0.01]}])


class StepResults(Answer):
    """Values of a step, a page of them."""

    id: str = Field(examples=[EXAMPLE_RUN])
    step: str = Field(examples=["values"])
    final: bool = Field(examples=[True])
    total: int = Field(description="Points of the step.", examples=[3])
    points: list[Point]
    next: int | None = Field(
        description="offset of the next page; null on the last.", examples=[None]
    )


class Cancel(Strict):
    """What to stop: a run, or one of its steps."""

    step: Annotated[str, StringConstraints(pattern=STEP)] | None = None
    point: int | None = Field(
        default=None, ge=0, lt=10**9, description="Only this point of the step."
    )

    @model_validator(mode="after")
    def _check_step(self) -> Cancel:
        if self.point is not None and self.step is None:
            raise ValueError("name the step of the point")
        return self


class Resume(Strict):
    """How to go on."""

    budget: Annotated[str, StringConstraints(max_length=32)] | None = Field(
        default=None, description="Most that it may cost in all.", examples=["20 USD"]
    )
    mode: Mode | None = Field(
        default=None, description="How its jobs are sent from now on."
    )
    accept_drift: bool = Field(
        default=False, description="Go on with a loop that asks something else now."
    )
    resubmit: bool = Field(
        default=False, description="Give up jobs that a device may have taken."
    )


class QuoteAsked(RunOptions):
    """What to quote: a workflow that is kept, or one that is sent along."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"declared": BELL, "backend": ["aer"]}],
            "oneOf": _one_of("workflow", "declared", "source"),
        },
    )

    name: Word | None = Field(
        default=None, description="Whose earlier runs may be taken over."
    )
    workflow: Annotated[str, StringConstraints(pattern=WORKFLOW_ID)] | None = None
    declared: Declared | None = None
    source: str | None = Field(default=None, min_length=1)
    inputs: dict[Text, EncodedValue] = Field(default_factory=dict, max_length=1000)

    @model_validator(mode="after")
    def _check_one(self) -> QuoteAsked:
        given = (self.workflow, self.declared, self.source)
        if sum(each is not None for each in given) != 1:
            raise ValueError("give workflow, declared or source, one of the three")
        return self


class QuoteAnswer(Answer):
    """What a run would take, without a shot."""

    name: str = Field(examples=["quote"])
    sentences: dict[str, str]
    steps: list[dict[str, Any]]
    totals: list[dict[str, Any]]
    cost: dict[str, Any] = Field(
        description="What the backends of the plan would cost together, by currency.",
        examples=[{}],
    )
    report: dict[str, Any] = Field(
        description="The quote in words and tables, as a notebook shows it.",
        examples=[{"title": "bell · quote, nothing was run"}],
    )


class BackendLine(Answer):
    """A backend."""

    name: str = Field(examples=["aer"])
    simulator: bool | None = Field(examples=[True])
    qubits: int | None = Field(examples=[None])
    noisy: bool | None = Field(examples=[False])
    billed: bool | None = Field(
        description="Whether a run on it needs a budget.", examples=[False]
    )


class BackendPage(Answer):
    """Backends; null is what only loading one would tell, as `GET …/{name}` does."""

    items: list[BackendLine]


class Performance(Answer):
    """What a run, or a step of it, took: times in seconds."""

    id: str = Field(examples=[EXAMPLE_RUN])
    step: str | None = Field(examples=[None])
    timeline: list[dict[str, Any]] = Field(description="Steps and jobs, when.")
    jobs: list[dict[str, Any]] = Field(description="Rows of qf_jobs.")
    cost: list[dict[str, Any]] = Field(description="By step and backend.")


class OneCircuit(Strict):
    """One circuit to run at once."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "circuit": {
                        "format": "qasm3",
                        "source": (
                            'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; '
                            "bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;"
                        ),
                    },
                    "primitive": "sampler",
                    "shots": 1000,
                }
            ]
        },
    )

    circuit: CircuitSource
    primitive: Literal["sampler", "estimator"]
    observables: list[Observable] = Field(default_factory=list, max_length=1000)
    parameters: dict[Text, Number] = Field(default_factory=dict, max_length=10_000)
    backend: Text | None = None
    shots: int | None = Field(default=None, ge=1, le=10**9)
    precision: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    budget: Annotated[str, StringConstraints(max_length=32)] | None = None
    wait: float = Field(
        default=10.0,
        ge=0,
        le=30,
        allow_inf_nan=False,
        description="Seconds to wait for the result; after that, follow the run.",
    )

    def declared(self) -> Declared:
        """The workflow of one step that does it."""
        names = [f"o{number}" for number, _ in enumerate(self.observables)]
        kind = {"sampler": "sample", "estimator": "estimate"}[self.primitive]
        return Declared.model_validate(
            {
                "circuits": {"circuit": self.circuit},
                "observables": dict(zip(names, self.observables, strict=True)),
                "steps": [
                    {
                        "name": "result",
                        "kind": kind,
                        "circuit": "circuit",
                        "observables": names,
                        "parameters": self.parameters,
                        "backend": self.backend,
                        "shots": self.shots,
                        "precision": self.precision,
                    }
                ],
            }
        )

    @model_validator(mode="after")
    def _check_fit(self) -> OneCircuit:
        self.declared()
        return self


class CircuitResult(Answer):
    """What one circuit gave, or the run to follow."""

    id: str = Field(examples=[EXAMPLE_RUN])
    state: str = Field(examples=["done"])
    result: Json = Field(examples=[{"counts": {"c": {"00": 497, "11": 503}}}])


class Health(Answer):
    """Whether the service is well."""

    status: Literal["ok", "draining", "failing"] = Field(examples=["ok"])
    checks: dict[str, bool] = Field(examples=[{"scheduler": True, "store": True}])


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class About(Answer):
    """Which service this is, and what the token of who asks may do."""

    version: str = Field(examples=["0.1.0"])
    python: str = Field(examples=["3.12"])
    qiskit: str = Field(examples=["2.1.0"])
    token: str = Field(description="Its name.", examples=["alice"])
    scopes: list[str] = Field(examples=[["read", "run"]])
    expires: float | None = Field(
        description="Seconds since 1970; null for never.", examples=[None]
    )
    code: bool = Field(
        description="Whether the token may send Python to this service.",
        examples=[False],
    )
    body_bytes: int = Field(
        description="Most bytes of a request.", examples=[2 * 2**20]
    )


class ProblemDetails(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(examples=["urn:quantumflow-lab:problem:unknown-run"])
    title: str = Field(examples=["Unknown run"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["the store has no run '…'"])
    instance: str = Field(examples=["/api/runs/20261126-190318-1f2e3d4c"])
    request_id: str = Field(examples=["4f0c…"])
