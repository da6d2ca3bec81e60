"""A store of so many points, in the shape that years of use give it, and asking it.

``python -m benchmarks.store --size 10_000_000`` makes it in a folder that goes with it
and prints what each named query, each chart and some plain questions take, warm.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from qiskit.primitives import BitArray, DataBin, SamplerPubResult

from benchmarks.row import Row
from quantumflow_lab import Lab, charts
from quantumflow_lab.codec import encode
from quantumflow_lab.explore.dashboard import gather
from quantumflow_lab.explore.filters import Filter
from quantumflow_lab.store import Store, database, schema, settle
from quantumflow_lab.store.home import database_path
from quantumflow_lab.workflow import Workflow

GATE = 600.0
"""Milliseconds that an answer may take, DESIGN §9."""
LARGEST = 100_000
"""Points of the two largest runs, in a store of a million points or more."""
USUAL = 500
"""Points of a usual run, about."""
MEMORY = 2048.0
"""MiB that asking may take."""

CELL = """
angle = qf.axis(list(range(POINTS)), unit="rad")

@qf.sample(shots=100)
def counts(angle):
    qc = QuantumCircuit(1)
    qc.ry(0.01 * angle, 0)
    qc.measure_all()
    return qc

@qf.step
def ones(counts):
    qf.log(p=0.5)
    return counts.data.meas.get_counts().get("1", 0) / 100
"""

SHAPE = """
CREATE TEMP TABLE shape AS
SELECT
    i, name, start, half, record, options,
    strftime(make_timestamp_ns((start * 1e9)::BIGINT), '%Y%m%d-%H%M%S') || '-'
        || md5(i::VARCHAR)[:8] AS run,
    'w' || (i % 7) || 'f00d' AS writer, i * 1000000 AS seq,
    ['aer', 'fake_manila', 'ibm_fez'][1 + i % 3] AS backend
FROM arriving
"""

FILL = """
INSERT INTO rec_run BY NAME
SELECT
    writer, seq, run, start AS ts, name, record ->> 'source' AS source,
    record AS document, options, i AS seed, '[]' AS inputs,
    '{"python":"3.12.1","qiskit":"2.6.2"}' AS versions,
    [backend] AS backends, '/home/me' AS cwd, 'here' AS host, 7 AS pid, 1 AS epoch,
    '{"counts":"0260b4c7","ones":"cfd17e7b"}' AS keys
FROM few;

INSERT INTO rec_job BY NAME
SELECT
    writer, seq + 2 + 3 * job + nth AS seq, run, start + job + nth * 0.3 AS ts,
    'counts' AS step, job, run || '.' || job AS tag, backend, 1 AS attempt,
    ['intended', 'sent', 'settled'][1 + nth] AS state, 100 AS members, 100 AS circuits,
    10000 AS shots, 0.1 AS queue_s, 0.2 AS transpile_s, 0.3 AS run_s,
    CASE WHEN nth = 2 THEN 0.6 END AS wall_s, 12 AS depth, 3 AS two_qubit_gates,
    2 AS qubits, 194.5 AS peak_memory_mb,
    CASE WHEN i % 3 = 2 THEN 1.6 ELSE 0 END AS cost,
    CASE WHEN i % 3 = 2 THEN 'USD' END AS currency,
    0.5 AS machine_s, start + job AS submitted,
    CASE WHEN nth = 2 THEN start + job + 0.6 END AS ended
FROM (
    SELECT *, unnest(range(half // 100 + 1)) AS job FROM few
), range(3) AS records(nth);

INSERT INTO rec_unit BY NAME
SELECT
    writer, seq + 10000 + 2 * unit + own AS seq, run,
    start + 0.002 * unit + own AS ts, ['counts', 'ones'][1 + own] AS step,
    ['sample', 'step'][1 + own] AS step_kind, unit, '{"angle":' || unit || '}' AS point,
    [unit] AS "index", 1 AS attempt,
    CASE WHEN (i + unit) % 97 = 0 THEN 'failed' ELSE 'done' END AS state,
    CASE WHEN (i + unit) % 97 = 0 THEN 'ValueError' END AS reason,
    CASE WHEN (i + unit) % 97 = 0 THEN 'no counts' END AS error,
    ts - 0.1 AS started, ts AS ended, 0.1 AS wall_s,
    CASE
        WHEN (i + unit) % 97 = 0 THEN NULL
        WHEN own = 0
        THEN replace(results[1 + (i + unit) % 64], 'SEED', (i * unit)::VARCHAR)
        ELSE '{"ref":"json:' || ((i * 31 + unit * 7) % 101) / 100
            || '","media":"application/json","bytes":4}'
    END AS value, false AS kept
FROM (SELECT *, unnest(range(half)) AS unit FROM few), range(2) AS steps(own), results
ORDER BY i, unit, own;

-- What failed has been tried again, by another process.
INSERT INTO rec_unit BY NAME
SELECT
    * REPLACE (
        'retry' AS writer, ts + 3600 AS ts, 2 AS attempt, 'done' AS state,
        NULL AS reason, NULL AS error, ended + 3600 AS ended
    )
FROM rec_unit WHERE state = 'failed' AND run IN (SELECT run FROM few WHERE i % 2 = 0);

INSERT INTO rec_metric BY NAME
SELECT
    writer, seq + 900000 + n AS seq, run, start + n AS ts, 'ones' AS step,
    n % half AS unit, 'p' AS name, sin(n) AS value, n // half AS n
FROM (
    SELECT *, unnest(range(CASE WHEN half > 1000 THEN 20000 ELSE 50 END)) AS n FROM few
);

INSERT INTO rec_call BY NAME
SELECT
    writer, seq + 950000 + 2 * number + answered AS seq, run, start + number AS ts,
    'ones' AS step, 0 AS unit, md5(number::VARCHAR) AS key, number,
    ['made', 'answered'][1 + answered] AS state,
    CASE
        WHEN answered = 1
        THEN '{"ref":"json:0.5","media":"application/json","bytes":3}'
    END AS value
FROM (SELECT *, unnest(range(100)) AS number FROM few WHERE i % 10 = 0),
    range(2) AS records(answered);

INSERT INTO rec_output BY NAME
SELECT writer, seq + 960000 AS seq, run, start AS ts, 'ones' AS step, 0 AS unit,
    'text/plain' AS mime, 'fitted' AS "text"
FROM few;

INSERT INTO rec_step BY NAME
SELECT
    writer, seq + 970000 + own AS seq, run, start + half * 0.002 + 1 AS ts,
    ['counts', 'ones'][1 + own] AS step, ['sample', 'step'][1 + own] AS step_kind,
    CASE WHEN own = 0 THEN backend END AS backend, 'done' AS state, half AS points,
    half AS done, 0 AS failed, start AS started, ts AS ended, ts - start AS wall_s,
    0 AS cached, 0 AS kept
FROM few, range(2) AS steps(own);

INSERT INTO rec_end BY NAME
SELECT writer, seq + 980000 AS seq, run, start + half * 0.002 + 2 AS ts,
    CASE WHEN i % 9 = 0 THEN 'failed' ELSE 'done' END AS state,
    half * 0.002 + 2 AS wall_s
FROM few WHERE i % 50 <> 0;
"""


def make(home: Path, points: int) -> None:
    """Write a store of so many points straight into its tables."""
    with Store(home) as store:
        shape = _shape(store, points)
    with database.connected(database_path(home), read_only=False) as connection:
        schema.prepare(connection)
        connection.register("arriving", shape)
        connection.execute(SHAPE)
        connection.execute(
            "CREATE TEMP TABLE results AS SELECT ? AS results", [_results()]
        )
        (runs,) = connection.execute("SELECT count(*) FROM shape").fetchone() or (0,)
        for first in range(0, runs, 1000):
            connection.execute(
                "CREATE OR REPLACE TEMP VIEW few AS"
                f" FROM shape WHERE i BETWEEN {first} AND {first + 999}"
            )
            connection.execute(FILL)
        settle.settle_all(connection)


def _shape(store: Store, points: int) -> Any:
    """Runs with their names, starts and sizes."""
    import pyarrow as pa

    dice = random.Random(7)
    largest = [LARGEST // 2] * 2 if points >= 1_000_000 else []
    halves: list[int] = []
    while 2 * sum(halves + largest) < points:
        halves += [dice.randint(USUAL // 4, 3 * USUAL // 4) for _ in range(100)]
    for place, half in enumerate(largest, 1):
        # Neither the first nor the last run.
        halves.insert(place * len(halves) // 3, half)
    start, rows = 1_700_000_000.0, []
    for i, half in enumerate(halves):
        start += dice.expovariate(1 / 3000)
        name = f"name{min(dice.randrange(50), dice.randrange(50))}"
        record, options = _asked(store, name, half)
        rows.append((i, name, start, half, record, options))
    names = ["i", "name", "start", "half", "record", "options"]
    columns = zip(*rows, strict=True)
    return pa.table(dict(zip(names, map(list, columns), strict=True)))


def _asked(store: Store, name: str, half: int) -> tuple[str, str]:
    """Document and options of a run."""
    document = _document().replace("POINTS", str(half)).replace("NAME", name)
    angles = list(range(half))
    axis = {"values": angles, "kept": store.put(angles), "unit": "rad"}
    steps = [
        {"name": "counts", "kind": "sample", "dims": ["angle"]},
        {"name": "ones", "kind": "step", "dims": ["angle"]},
    ]
    options: dict[str, Any] = {
        "backend": [],
        "shots": None,
        "precision": None,
        "set": {},
        "plan": {"steps": steps, "axes": {"angle": axis}},
    }
    return document, json.dumps(options)


@cache
def _document() -> str:
    return Workflow.from_source(CELL, "NAME").to_json()


def _results() -> list[str]:
    """References to results of a sampler, as a point keeps them."""
    random_bits = np.random.default_rng(7)
    found = []
    for _ in range(64):
        bits = BitArray(random_bits.integers(0, 2, (100, 1), dtype=np.uint8), 1)
        told = {
            "backend": "aer",
            "circuits": 1,
            "seed": "SEED",
            "depth": 2,
            "qubits": 1,
        }
        value = SamplerPubResult(DataBin(meas=bits), {"shots": 100, "qflow": told})
        encoded = encode(value)
        ref = "json:" + encoded.data.decode()
        reference = {"ref": ref, "media": encoded.media, "bytes": len(encoded.data)}
        found.append(json.dumps(reference, separators=(",", ":")))
    return found


def ask(home: Path) -> Iterator[Row]:
    """Every named query, every chart and some questions; then the memory they took."""
    lab = Lab(home)
    usual, largest = _run(lab, "points < 1000"), _run(lab, "true")
    (workflow,) = {row["name"] for row in lab.sql(NAME_OF, [usual]).to_pylist()}
    query = lab.store.query
    for run, of in ((usual, "usual run"), (largest, "largest run")):
        for name in BY_RUN:
            yield took(f"query {name}, {of}", partial(query, name, run=run))
        for sql in QUESTIONS:
            yield took(f"{sql}, {of}", partial(lab.sql, sql, [run]))
        for kind, point in CHARTS.items():
            chart = partial(lab.load(run).figure, kind, **point)
            yield took(f"chart {kind}, {of}", chart)
        yield took(f"load, {of}", partial(_loaded, lab, run))
    for name in BY_NAME:
        yield took(f"query {name}", partial(query, name, name=workflow))
    codes = [f"{s.name} {s.code_hash}" for s in lab.load(usual).workflow.steps]
    yield took("query timings", partial(query, "timings", name=workflow, codes=codes))
    for name in ("ran", "waits"):
        yield took(f"query {name}", partial(query, name, backends=["aer"]))
    yield took("query names", partial(query, "names"))
    for filters in FILTERS:
        told = "".join(f" --{key} {value}" for key, value in filters.items())
        yield took(f"history{told}", partial(lab.runs, **filters))
    yield took("chart history", lambda: charts.history(lab.runs(limit=1000)))
    for given in (Filter(), Filter(backend="ibm_fez"), Filter(name="name3")):
        told = " ".join(f"{k} {v}" for k, v in given.document().items())
        yield took(
            f"dashboard, {told or 'all runs'}", partial(gather, lab.store, given)
        )
    for sql in WIDE:
        yield took(" ".join(sql.split()), partial(lab.sql, sql))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Row("peak memory", "", peak, peak, peak, "MiB", "lower", MEMORY)
    lab.close()


BY_RUN = (
    *("calls", "cost", "jobs", "last_record", "metrics", "open_jobs", "outputs"),
    *("run_record", "spent", "steps", "timeline", "units"),
)
BY_NAME = ("history", "latest_run")
NAME_OF = "SELECT name FROM qf_runs WHERE run = ?"
QUESTIONS = (
    "SELECT * FROM qf_runs WHERE run = ?",
    "SELECT state, count(*), avg(scalar) FROM qf_points WHERE run = ? GROUP BY state",
)
CHARTS: dict[str, dict[str, Any]] = {
    "timeline": {},
    "metrics": {},
    "cost": {},
    "counts": {"step": "counts", "angle": 7},
    "sweep": {"step": "ones"},
}
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"state": "failed", "limit": 50},
    {"backend": "aer", "since": "3650 d"},
    {"find": "measure_all"},
)
WIDE = (
    """SELECT date_trunc('day', started) AS day, sum(cost), currency
    FROM qf_runs GROUP BY ALL""",
    """SELECT avg(scalar) FROM qf_points JOIN qf_runs USING (run)
    WHERE name = 'name3' AND step = 'ones'""",
    "SELECT count(*) FROM qf_steps",
    "SELECT backend, sum(cost) FROM qf_jobs GROUP BY backend",
)


def _loaded(lab: Lab, run: str) -> object:
    return lab.load(run).snapshot()


def _run(lab: Lab, suits: str) -> str:
    """The run with most points of those that suit."""
    found = lab.sql(
        f"SELECT run FROM qf_runs WHERE {suits} ORDER BY points DESC LIMIT 1"
    )
    return str(found.to_pylist()[0]["run"])


def took(what: str, act: Callable[[], object], calls: int = 5) -> Row:
    """Milliseconds of something, warm."""
    act()
    times = []
    for _ in range(calls):
        began = perf_counter()
        act()
        times.append((perf_counter() - began) * 1e3)
    return Row(
        what, "", median(times), min(times), max(times), "ms", "lower", GATE, 200.0
    )


def measure(points: int) -> Iterator[Row]:
    """All rows of a store of so many points, made by another process."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        command = [sys.executable, "-m", "benchmarks._size", str(home), str(points)]
        subprocess.run(command, check=True)
        yield from ask(home)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
