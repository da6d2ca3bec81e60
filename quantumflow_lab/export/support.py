"""What a script has in the place of the lab: plain Qiskit primitives, and little more.

Each piece is text, taken into a script only if it is needed.
"""

from __future__ import annotations

SEEDS = '''
def seed_for(*names):
    """A seed of 31 bits that follows from SEED and what it is for."""
    text = "\\x1f".join([str(SEED), *names]).encode()
    return int.from_bytes(blake2b(text, digest_size=4).digest()) >> 1
'''

NEED = '''
def need(step, *point):
    """The value of a step at a point, for the caller to change as it likes."""
    return deepcopy(VALUES[step][point])
'''

COLLECT = '''
def collect(values, depth=1):
    """Values along axes: an array if all of them are numbers, else nested lists."""
    flat = values
    for _ in range(depth - 1):
        flat = [each for row in flat for each in row]
    numbers = all(isinstance(each, Real | np.bool_) for each in flat)
    return np.array(values) if flat and numbers else values
'''

ISA = '''
def isa_circuit(circuit, backend, transpile, known):
    """A circuit for a backend, made once; one that has a layout runs as it is."""
    if circuit.layout is not None:
        return circuit
    if id(circuit) in known:
        return known[id(circuit)][1]
    target = backend.target
    timed = "delay" in target.operation_names and target.durations().duration_by_name
    if timed and "delay" in circuit.count_ops():
        transpile = {"scheduling_method": "alap", **transpile}
    manager = generate_preset_pass_manager(backend=backend, **transpile)
    # With the circuit itself, so that its id stays its own.
    known[id(circuit)] = circuit, manager.run(circuit)
    return known[id(circuit)][1]
'''

ASK = '''
def ask(primitive, asked):
    """A result for each PUB, in the same lists and dicts, from one job."""
    pubs = []

    def place(part):
        if isinstance(part, dict):
            return {key: place(each) for key, each in part.items()}
        if isinstance(part, list):
            return [place(each) for each in part]
        pubs.append(part if isinstance(part, tuple) else (part,))
        return len(pubs) - 1

    def restore(part):
        if isinstance(part, dict):
            return {key: restore(each) for key, each in part.items()}
        if isinstance(part, list):
            return [restore(each) for each in part]
        return results[part]

    places = place(asked)
    results = primitive.run(pubs).result()
    return restore(places)
'''

SAMPLER = '''
class Sampler(BaseSamplerV2):
    """Transpiles circuits for a backend and samples them there."""

    def __init__(
        self, backend, step, point, shots, level=1, transpile=None, options=None
    ):
        self.backend, self.shots, self.options = BACKENDS[backend], shots, options or {}
        self.seed = seed_for(step, backend, point)
        transpile = {"seed_transpiler": seed_for(step, backend), **(transpile or {})}
        self.transpile = {"optimization_level": level, **transpile}
        self.known = {}

    def run(self, pubs, *, shots=None):
        """Sample circuits, as any BaseSamplerV2 does."""
        pubs = [SamplerPub.coerce(pub, shots or self.shots) for pub in pubs]
        ready = [self.isa(pub) for pub in pubs]
{choose}

    def isa(self, pub):
        """The PUB as the backend takes it."""
        circuit = isa_circuit(pub.circuit, self.backend, self.transpile, self.known)
        return SamplerPub(circuit, pub.parameter_values, pub.shots)
'''

RUN_SAMPLER = """\
        # Each call draws anew, and follows from the seed.
        self.seed += 2113
        how = {"seed_simulator": self.seed, "run_options": self.options or None}
        return BackendSamplerV2(backend=self.backend, options=how).run(ready)
"""
RUNTIME_SAMPLER = """\
        if isinstance(self.backend, IBMBackend):
            return RuntimeSampler(mode=self.backend, options=self.options).run(ready)
"""

ESTIMATOR = '''
class Estimator(BaseEstimatorV2):
    """Transpiles circuits for a backend and estimates there."""

    def __init__(
        self, backend, step, point, precision, level=1, transpile=None, options=None
    ):
        self.name, self.backend = backend, BACKENDS[backend]
        self.options = options or {}
        self.precision, self.seed = precision, seed_for(step, backend, point)
        transpile = {"seed_transpiler": seed_for(step, backend), **(transpile or {})}
        self.transpile = {"optimization_level": level, **transpile}
        self.known = {}

    def run(self, pubs, *, precision=None):
        """Estimate expectation values, as any BaseEstimatorV2 does."""
        usual = self.precision if precision is None else precision
        pubs = [EstimatorPub.coerce(pub, usual) for pub in pubs]
        ready = [self.isa(pub) for pub in pubs]
{choose}

    def isa(self, pub):
        """The PUB as the backend takes it."""
        circuit = pub.circuit
        isa = isa_circuit(circuit, self.backend, self.transpile, self.known)
        layout = None if isa is circuit else isa.layout
        observables = pub.observables
        if layout is not None:
            places = layout.final_index_layout()
            observables = observables.apply_layout(places, isa.num_qubits)
        return EstimatorPub(isa, observables, pub.parameter_values, pub.precision)
'''
EXACT = """\
        if all(pub.precision == 0 for pub in ready):
{guard}            return EXACT.run(ready)
"""
GUARD = """\
            if self.name in NOISY:
                raise ValueError("an exact estimate would leave out the noise")
"""
RUN_ESTIMATOR = """\
        # Each call draws anew, and follows from the seed.
        self.seed += 2113
        backend, how = self.backend, {"seed_simulator": self.seed}
        if self.options:
            backend = deepcopy(backend)
            backend.set_options(**self.options)
        return BackendEstimatorV2(backend=backend, options=how).run(ready)
"""
RUNTIME_ESTIMATOR = """\
        if isinstance(self.backend, IBMBackend):
            return RuntimeEstimator(mode=self.backend, options=self.options).run(ready)
"""

LOG = '''
def log(**values):
    """Keep what a function logs."""
    for name, value in values.items():
        METRICS.setdefault(name, []).append(float(value))
'''

FURTHER_SAMPLER = '''
def further_sampler(
    backend={first}, *, shots=1024, optimization_level=1, transpile=None, options=None
):
    """A sampler beside the one of a step."""
    return Sampler(
        backend, "further", "", shots, optimization_level, transpile, options
    )
'''

FURTHER_ESTIMATOR = '''
def further_estimator(
    backend={first}, *, precision=0.015625, optimization_level=1, transpile=None
):
    """An estimator beside the one of a step."""
    return Estimator(backend, "further", "", precision, optimization_level, transpile)
'''

STORED_CIRCUIT = '''
def stored_circuit(name):
    """A circuit that stands in a file beside this script."""
    with Path(__file__).with_suffix(f".{name}.qpy").open("rb") as file:
        return qpy.load(file)[0]
'''
