-- What the records of the runs in `touched` come to. The latest record counts: by time, then
-- by sequence, then by writer, so that the order in which journals are read does not matter.

-- To find the few points that have several records takes a quarter of what it takes to put
-- all records in order.
UPDATE rec_unit SET superseded = true WHERE rowid IN (
    SELECT r.rowid FROM rec_unit AS r SEMI JOIN (
        SELECT run, step, unit FROM rec_unit
        WHERE run IN (FROM touched) AND superseded IS NULL
        GROUP BY ALL HAVING count(*) > 1
    ) AS several
    ON r.run = several.run AND r.step IS NOT DISTINCT FROM several.step
        AND r.unit IS NOT DISTINCT FROM several.unit
    WHERE superseded IS NULL
    QUALIFY row_number() OVER (
        PARTITION BY run, step, unit ORDER BY ts DESC, seq DESC, writer DESC
    ) > 1
);

-- A loop that is taken up logs again what it had logged.
UPDATE rec_metric SET superseded = true WHERE rowid IN (
    SELECT r.rowid FROM rec_metric AS r SEMI JOIN (
        SELECT run, step, unit, name, n FROM rec_metric
        WHERE run IN (FROM touched) AND superseded IS NULL
        GROUP BY ALL HAVING count(*) > 1
    ) AS several
    ON r.run = several.run AND r.step IS NOT DISTINCT FROM several.step
        AND r.unit IS NOT DISTINCT FROM several.unit
        AND r.name IS NOT DISTINCT FROM several.name AND r.n IS NOT DISTINCT FROM several.n
    WHERE superseded IS NULL
    QUALIFY row_number() OVER (
        PARTITION BY run, step, unit, name, n ORDER BY ts DESC, seq DESC, writer DESC
    ) > 1
);

DELETE FROM current_job WHERE run IN (FROM touched);
INSERT INTO current_job BY NAME
SELECT * EXCLUDE (writer, seq, ts, asked, sent_as)
FROM rec_job WHERE run IN (FROM touched)
QUALIFY row_number() OVER (
    PARTITION BY run, coalesce(tag, 'job ' || job) ORDER BY ts DESC, seq DESC, writer DESC
) = 1;

DELETE FROM current_step WHERE run IN (FROM touched);
INSERT INTO current_step BY NAME
WITH said AS (
    SELECT * FROM rec_step WHERE run IN (FROM touched)
    QUALIFY row_number() OVER (
        PARTITION BY run, step ORDER BY ts DESC, seq DESC, writer DESC
    ) = 1
),
points AS (
    SELECT
        run, step, min(step_kind) AS kind, count(*) AS points,
        count(*) FILTER (state = 'done') AS done,
        count(*) FILTER (state NOT IN ('done', 'cancelled')) AS failed,
        to_timestamp(min(started)) AS started, to_timestamp(max(ended)) AS ended
    FROM rec_unit WHERE run IN (FROM touched) AND superseded IS NULL GROUP BY run, step
),
jobs AS (
    SELECT
        run, step, string_agg(DISTINCT backend, ',' ORDER BY backend) AS backend,
        count(*) AS jobs, sum(circuits)::BIGINT AS circuits, sum(shots)::BIGINT AS shots,
        sum(queue_s) AS queue_s, sum(transpile_s) AS transpile_s, sum(run_s) AS run_s,
        sum(machine_s) AS machine_s, sum(qpu_s) AS qpu_s,
        -- What is in several currencies has no sum.
        CASE WHEN count(DISTINCT currency) <= 1 THEN sum(cost) END AS cost,
        CASE WHEN count(DISTINCT currency) <= 1 THEN min(currency) END AS currency,
        max(depth) AS depth, max(two_qubit_gates) AS two_qubit_gates,
        max(qubits) AS qubits, max(peak_memory_mb) AS peak_memory_mb,
        to_timestamp(min(submitted)) AS submitted
    FROM current_job WHERE run IN (FROM touched) GROUP BY run, step
),
money AS (
    SELECT run, step, map_from_entries(list((currency, cost) ORDER BY currency)) AS costs
    FROM (
        SELECT run, step, currency, sum(cost) AS cost FROM current_job
        WHERE run IN (FROM touched) AND currency IS NOT NULL GROUP BY run, step, currency
    )
    GROUP BY run, step
)
SELECT
    run, step, coalesce(s.step_kind, p.kind) AS kind,
    coalesce(s.backend, j.backend) AS backend, coalesce(s.state, 'unfinished') AS state,
    coalesce(s.points, p.points, 0) AS points, coalesce(s.done, p.done, 0) AS done,
    coalesce(s.failed, p.failed, 0) AS failed,
    coalesce(to_timestamp(s.started), least(p.started, j.submitted)) AS started,
    coalesce(to_timestamp(s.ended), p.ended) AS ended, s.wall_s,
    coalesce(j.jobs, 0) AS jobs, j.circuits, j.shots, j.queue_s, j.transpile_s, j.run_s,
    j.machine_s, j.qpu_s, j.cost, j.currency, j.depth, j.two_qubit_gates, j.qubits,
    j.peak_memory_mb, coalesce(s.cached, 0) AS cached, s.origin,
    coalesce(s.kept, 0) AS kept, m.costs
FROM said AS s
FULL JOIN points AS p USING (run, step)
FULL JOIN jobs AS j USING (run, step)
LEFT JOIN money AS m USING (run, step);

DELETE FROM current_run WHERE run IN (FROM touched);
INSERT INTO current_run BY NAME
WITH said AS (
    SELECT *, min(ts) OVER (PARTITION BY run) AS first_ts
    FROM rec_run WHERE run IN (FROM touched)
    QUALIFY row_number() OVER (
        PARTITION BY run ORDER BY ts DESC, seq DESC, writer DESC
    ) = 1
),
ends AS (
    SELECT * FROM rec_end WHERE run IN (FROM touched)
    QUALIFY row_number() OVER (
        PARTITION BY run ORDER BY ts DESC, seq DESC, writer DESC
    ) = 1
),
steps AS (
    SELECT
        run, count(*) AS steps, sum(points)::BIGINT AS points,
        sum(done)::BIGINT AS done, sum(failed)::BIGINT AS failed,
        sum(jobs)::BIGINT AS jobs, sum(circuits)::BIGINT AS circuits,
        sum(shots)::BIGINT AS shots, sum(queue_s) AS queue_s,
        sum(machine_s) AS machine_s, sum(qpu_s) AS qpu_s
    FROM current_step WHERE run IN (FROM touched) GROUP BY run
),
bills AS (
    SELECT run, currency, cost FROM current_job WHERE run IN (FROM touched)
    UNION ALL
    SELECT run, currency, cost FROM qf_sessions
    WHERE run IN (FROM touched) AND currency IS NOT NULL
),
money AS (
    SELECT
        run, count(currency) AS currencies, sum(cost) AS cost, min(currency) AS currency,
        map_from_entries(
            list((currency, cost) ORDER BY currency) FILTER (currency IS NOT NULL)
        ) AS costs
    FROM (SELECT run, currency, sum(cost) AS cost FROM bills GROUP BY run, currency)
    GROUP BY run
)
SELECT
    r.run, r.name, CASE WHEN e.ts >= r.ts THEN e.state ELSE 'unfinished' END AS state,
    to_timestamp(r.first_ts) AS started,
    CASE WHEN e.ts >= r.ts THEN to_timestamp(e.ts) END AS ended,
    CASE WHEN e.ts >= r.ts THEN e.wall_s END AS wall_s,
    coalesce(s.steps, 0) AS steps, coalesce(s.points, 0) AS points,
    coalesce(s.done, 0) AS done, coalesce(s.failed, 0) AS failed,
    coalesce(s.jobs, 0) AS jobs, coalesce(s.circuits, 0) AS circuits,
    coalesce(s.shots, 0) AS shots, coalesce(s.queue_s, 0) AS queue_s,
    coalesce(s.machine_s, 0) AS machine_s, s.qpu_s,
    -- What is in several currencies has no sum.
    CASE WHEN coalesce(m.currencies, 0) <= 1 THEN coalesce(m.cost, 0) END AS cost,
    CASE WHEN m.currencies = 1 THEN m.currency END AS currency, m.costs,
    r.backends, r.seed, e.error, r.options, r.inputs, r.versions, r.source,
    r.cwd, r.host, r.pid, r.epoch, r.options ->> '$.project' AS project,
    r.options ->> '$.notebook' AS notebook
FROM said AS r
LEFT JOIN ends AS e USING (run) LEFT JOIN steps AS s USING (run)
LEFT JOIN money AS m USING (run);
