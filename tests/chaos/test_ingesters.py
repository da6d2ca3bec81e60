"""Processes that take records in, killed at random moments and racing each other.

``QFLOW_KILLS`` sets how many are killed, for ``make chaos``.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab.store import Store
from tests.chaos.nursery import KILLS, Nursery

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(1800)

CODE = '''
import random, time
from pathlib import Path
import duckdb, pyarrow
from quantumflow_lab.store import Store, ingest
from quantumflow_lab.errors import StoreLocked

FOLDER = str(Path(ingest.__file__).parent)

# So that one ingest has several transactions, and may die between them.
ingest._BATCH = 50_000


def write(run, said):
    store = Store(home)
    store.append([{"kind": "run", "run": run, "name": "chaos", "seed": 1}])
    n = 0
    with open(said, "w") as acknowledged:
        while True:
            store.append([record(run, n + i) for i in range(7)], sync=n % 35 == 0)
            n += 7
            print(n, file=acknowledged, flush=True)
            time.sleep(0.002)


def record(run, n):
    if n % 7:
        return {"kind": "metric", "run": run, "step": "s", "name": "m", "n": n}
    point = {"step": "s", "step_kind": "step", "unit": n, "state": "done"}
    return {"kind": "unit", "run": run, **point, "value": {"ref": f"json:{n}"}}


def work(seed):
    store, choice = Store(home), random.Random(int(seed))
    while True:
        act = choice.choice([store.ingest, store.ingest, ask, rebuild])
        act(store) if act in (ask, rebuild) else act()


def ask(store):
    try:
        store.sql("SELECT count(*) FROM qf_points")
    except StoreLocked:
        pass


def rebuild(store):
    try:
        store.rebuild()
    except StoreLocked:
        pass


def race(said, over):
    store, taken = Store(home), 0
    while not Path(over).exists():
        taken += store.ingest()
        time.sleep(random.uniform(0, 0.01))
    Path(said).write_text(str(taken))


def die(act, line):
    """Ingest or rebuild, and be killed before the n-th line of the store first runs."""
    seen = set()

    def trace(frame, event, arg):
        file = frame.f_code.co_filename
        if not file.startswith(FOLDER):
            return None
        seen.add((file, frame.f_lineno))
        if len(seen) == int(line):
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    store = Store(home)
    sys.settrace(trace)
    getattr(store, act)()
    Path(home, "survived").touch()
'''


def views(store: Store) -> dict[str, list[str]]:
    """Every row of every view, in an order of its own."""
    with store._projection.reading() as connection:
        found = connection.sql(
            "SELECT view_name FROM duckdb_views() WHERE starts_with(view_name, 'qf_')"
        ).fetchall()
        rows = {name: connection.table(name).fetchall() for (name,) in found}
    assert {"qf_runs", "qf_points", "qf_metrics"} < {*rows}
    return {name: sorted(map(repr, found)) for name, found in rows.items()}


def counted(store: Store) -> dict[str, dict[str, Any]]:
    """Rows, distinct numbers and the last number of what each writer wrote."""
    rows = store.sql(
        "SELECT run, count(*) AS rows, count(DISTINCT n) AS numbers, max(n) AS last"
        " FROM (SELECT run, n FROM rec_metric UNION ALL"
        " SELECT run, unit FROM rec_unit) GROUP BY run"
    )
    return {row.pop("run"): row for row in rows.to_pylist()}


def acknowledged(path: Path) -> int:
    """How many records a writer was told are safe; its last line may be torn."""
    whole = path.read_text().rpartition("\n")[0]
    return int(whole.splitlines()[-1])


def test_ingesters_killed_at_any_time_lose_and_double_nothing(tmp_path: Path) -> None:
    """Three writers go on while whoever ingests, asks or rebuilds is killed."""
    home, moments = tmp_path / "home", random.Random(3)
    Store(home).close()
    with Nursery(CODE, home) as nursery:
        said = {f"r{i}": tmp_path / f"said{i}" for i in range(3)}
        writers = [nursery.born("write", run, str(path)) for run, path in said.items()]
        workers = [nursery.born("work", str(seed)) for seed in range(2)]
        for seed in range(KILLS):
            time.sleep(moments.uniform(0.0, 0.4))
            nursery.kill(workers.pop(0))
            workers.append(nursery.born("work", str(2 + seed)))
        for child in (*workers, *writers):
            nursery.kill(child)
    with Store(home) as store:
        kept, files = store.verify(), len([*(home / "journal").iterdir()])
        found, before = counted(store), views(store)
        for run, path in said.items():
            rows, numbers, last = found[run].values()
            assert rows == numbers == last + 1 >= acknowledged(path) > 0
        # Each journal has a header, and each writer has begun a run.
        assert kept == sum(each["rows"] for each in found.values()) + files + 3
        assert store.rebuild() == kept
        assert views(store) == before


@pytest.mark.parametrize(("act", "lines"), [("ingest", 150), ("rebuild", 160)])
def test_whatever_line_of_the_store_is_the_last_one(
    tmp_path: Path, act: str, lines: int
) -> None:
    """Who is killed between two lines leaves all, or nothing, of a transaction."""
    home, moments = tmp_path / "home", random.Random(5)
    record = {"kind": "metric", "run": "r", "step": "s", "name": "m", "x": "x" * 400}
    with Store(home) as store, Nursery(CODE, home) as nursery:
        n = killed = 0
        for _ in range(3 * KILLS):
            store.append([{**record, "n": n + i} for i in range(300)])
            n += 300
            nursery.awaited(nursery.born("die", act, str(moments.randint(1, lines))))
            killed += not (home / "survived").exists()
            (home / "survived").unlink(missing_ok=True)
            assert counted(store) == {"r": {"rows": n, "numbers": n, "last": n - 1}}
        assert killed > 2 * KILLS


def test_of_ingesters_that_race_one_takes_each_record(tmp_path: Path) -> None:
    home, over = tmp_path / "home", tmp_path / "over"
    said = [tmp_path / f"taken{i}" for i in range(4)]
    with Store(home) as store, Nursery(CODE, home) as nursery:
        racers = [nursery.born("race", str(path), str(over)) for path in said]
        until, n = time.monotonic() + 2, 0
        while time.monotonic() < until:
            record = {"kind": "metric", "run": "r", "step": "s", "name": "m"}
            store.append([{**record, "n": n + i} for i in range(10)])
            n += 10
            time.sleep(0.002)
        over.touch()
        for racer in racers:
            nursery.awaited(racer)
        taken = [int(path.read_text()) for path in said]
        assert sum(count > 0 for count in taken) > 1
        # A header too; what one has taken no other has.
        assert sum(taken) + store.ingest() == n + 1
        assert counted(store) == {"r": {"rows": n, "numbers": n, "last": n - 1}}
