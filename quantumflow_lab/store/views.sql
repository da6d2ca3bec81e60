-- The public face of the store; docs/store.md documents each column. Where a run was taken
-- up again, the latest record counts: by time, then by sequence.

CREATE OR REPLACE VIEW qf_points AS
SELECT
    run, step, step_kind AS kind, unit, point, "index", attempt, state, reason, error,
    to_timestamp(started) AS started, to_timestamp(ended) AS ended, wall_s,
    -- A numpy scalar is kept with its type; here it is the number it stands for.
    CASE WHEN stored ->> '$."$"' = 'scalar' THEN stored -> '$.v.n' ELSE stored END AS value,
    TRY_CAST(value ->> '$' AS DOUBLE) AS scalar, media, bytes, origin,
    coalesce(kept, false) AS kept
FROM (
    SELECT
        * EXCLUDE (value),
        CASE
            WHEN starts_with(value ->> '$.ref', 'json:')
            THEN TRY_CAST((value ->> '$.ref')[6:] AS JSON)
        END AS stored,
        value ->> '$.media' AS media, CAST(value ->> '$.bytes' AS BIGINT) AS bytes
    FROM rec_unit
    QUALIFY row_number() OVER (PARTITION BY run, step, unit ORDER BY ts DESC, seq DESC) = 1
);

CREATE OR REPLACE VIEW qf_jobs AS
SELECT
    run, step, job, tag, backend, state, attempt, members, circuits, shots,
    to_timestamp(submitted) AS submitted, to_timestamp(ended) AS ended, queue_s,
    transpile_s, run_s, wall_s, machine_s, depth, two_qubit_gates, qubits,
    peak_memory_mb, cost, currency, provider_job, error
FROM rec_job
QUALIFY row_number() OVER (
    PARTITION BY run, coalesce(tag, 'job ' || job) ORDER BY ts DESC, seq DESC
) = 1;

CREATE OR REPLACE VIEW qf_steps AS
WITH said AS (
    SELECT * FROM rec_step
    QUALIFY row_number() OVER (PARTITION BY run, step ORDER BY ts DESC, seq DESC) = 1
),
points AS (
    SELECT
        run, step, any_value(kind) AS kind, count(*) AS points,
        count(*) FILTER (state = 'done') AS done,
        count(*) FILTER (state NOT IN ('done', 'cancelled')) AS failed,
        min(started) AS started, max(ended) AS ended
    FROM qf_points GROUP BY run, step
),
jobs AS (
    SELECT
        run, step, string_agg(DISTINCT backend, ',' ORDER BY backend) AS backend,
        count(*) AS jobs, sum(circuits)::BIGINT AS circuits, sum(shots)::BIGINT AS shots,
        sum(queue_s) AS queue_s, sum(transpile_s) AS transpile_s, sum(run_s) AS run_s,
        sum(machine_s) AS machine_s, sum(cost) AS cost, any_value(currency) AS currency,
        max(depth) AS depth, max(two_qubit_gates) AS two_qubit_gates,
        max(qubits) AS qubits, max(peak_memory_mb) AS peak_memory_mb,
        min(submitted) AS submitted
    FROM qf_jobs GROUP BY run, step
)
SELECT
    run, step, coalesce(s.step_kind, p.kind) AS kind,
    coalesce(s.backend, j.backend) AS backend, coalesce(s.state, 'unfinished') AS state,
    coalesce(s.points, p.points, 0) AS points, coalesce(s.done, p.done, 0) AS done,
    coalesce(s.failed, p.failed, 0) AS failed,
    coalesce(to_timestamp(s.started), least(p.started, j.submitted)) AS started,
    coalesce(to_timestamp(s.ended), p.ended) AS ended, s.wall_s,
    coalesce(j.jobs, 0) AS jobs, j.circuits, j.shots, j.queue_s, j.transpile_s, j.run_s,
    j.machine_s, j.cost, j.currency, j.depth, j.two_qubit_gates, j.qubits,
    j.peak_memory_mb, coalesce(s.cached, 0) AS cached, s.origin,
    coalesce(s.kept, 0) AS kept
FROM said AS s
FULL JOIN points AS p USING (run, step)
FULL JOIN jobs AS j USING (run, step);

CREATE OR REPLACE VIEW qf_runs AS
WITH said AS (
    SELECT *, min(ts) OVER (PARTITION BY run) AS first_ts FROM rec_run
    QUALIFY row_number() OVER (PARTITION BY run ORDER BY ts DESC, seq DESC) = 1
),
ends AS (
    SELECT * FROM rec_end
    QUALIFY row_number() OVER (PARTITION BY run ORDER BY ts DESC, seq DESC) = 1
),
steps AS (
    SELECT
        run, count(*) AS steps, sum(points)::BIGINT AS points,
        sum(done)::BIGINT AS done, sum(failed)::BIGINT AS failed,
        sum(jobs)::BIGINT AS jobs, sum(circuits)::BIGINT AS circuits,
        sum(shots)::BIGINT AS shots, sum(queue_s) AS queue_s,
        sum(machine_s) AS machine_s, sum(cost) AS cost, any_value(currency) AS currency
    FROM qf_steps GROUP BY run
)
SELECT
    r.run, row_number() OVER (PARTITION BY r.name ORDER BY r.first_ts, r.run) AS number,
    r.name,
    CASE WHEN e.ts >= r.ts THEN e.state ELSE 'unfinished' END AS state,
    to_timestamp(r.first_ts) AS started,
    CASE WHEN e.ts >= r.ts THEN to_timestamp(e.ts) END AS ended,
    CASE WHEN e.ts >= r.ts THEN e.wall_s END AS wall_s,
    coalesce(s.steps, 0) AS steps, coalesce(s.points, 0) AS points,
    coalesce(s.done, 0) AS done, coalesce(s.failed, 0) AS failed,
    coalesce(s.jobs, 0) AS jobs, coalesce(s.circuits, 0) AS circuits,
    coalesce(s.shots, 0) AS shots, coalesce(s.queue_s, 0) AS queue_s,
    coalesce(s.machine_s, 0) AS machine_s, coalesce(s.cost, 0) AS cost, s.currency,
    r.backends, r.seed, e.error, r.options, r.inputs, r.versions, r.source,
    r.cwd, r.host, r.pid, r.epoch
FROM said AS r LEFT JOIN ends AS e USING (run) LEFT JOIN steps AS s USING (run);

CREATE OR REPLACE VIEW qf_metrics AS
SELECT run, step, unit, name, n, value, to_timestamp(ts) AS "time" FROM rec_metric
-- A loop that is taken up logs again what it had logged.
QUALIFY row_number() OVER (PARTITION BY run, step, unit, name, n ORDER BY ts DESC, seq DESC) = 1;

CREATE OR REPLACE VIEW qf_costs AS
SELECT
    run, step, backend, count(*) AS jobs, sum(circuits)::BIGINT AS circuits,
    sum(shots)::BIGINT AS shots, sum(machine_s) AS machine_s, sum(cost) AS cost, currency
FROM qf_jobs GROUP BY run, step, backend, currency;

CREATE OR REPLACE VIEW qf_quotes AS
SELECT run, step, backend, points, circuits, jobs, shots, to_timestamp(ts) AS "time"
FROM rec_quote;

CREATE OR REPLACE VIEW qf_calibrations AS
SELECT
    backend, calibrated, num_qubits, run, to_timestamp(ts) AS "time", data
FROM rec_calibration;
