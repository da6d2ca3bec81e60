-- The public face of the store; docs/store.md documents each column. settle.sql sees to it
-- that the latest record of each point, job, step, run and metric is known.

CREATE OR REPLACE VIEW qf_points AS
SELECT
    run, step, step_kind AS kind, unit, point, "index", attempt, state, reason, error,
    to_timestamp(started) AS started, to_timestamp(ended) AS ended, wall_s,
    -- A numpy scalar is kept with its type; here it is the number it stands for.
    CASE WHEN stored ->> '$."$"' = 'scalar' THEN stored -> '$.v.n' ELSE stored END AS value,
    -- Not from the value: to read all of it as JSON takes five times as long.
    CASE
        WHEN starts_with(ref, 'json:{"$":"scalar"')
        THEN TRY_CAST(TRY_CAST(ref[6:] AS JSON) ->> '$.v.n' AS DOUBLE)
        WHEN starts_with(ref, 'json:') THEN TRY_CAST(ref[6:] AS DOUBLE)
    END AS scalar,
    media, bytes, origin, coalesce(kept, false) AS kept
FROM (
    SELECT
        * EXCLUDE (value),
        CASE WHEN starts_with(ref, 'json:') THEN TRY_CAST(ref[6:] AS JSON) END AS stored,
        value ->> '$.media' AS media, CAST(value ->> '$.bytes' AS BIGINT) AS bytes
    FROM (SELECT *, value ->> '$.ref' AS ref FROM rec_unit WHERE superseded IS NULL)
);

CREATE OR REPLACE VIEW qf_jobs AS
SELECT
    run, step, job, tag, backend, state, attempt, members, circuits, shots,
    to_timestamp(submitted) AS submitted, to_timestamp(ended) AS ended, queue_s,
    transpile_s, run_s, wall_s, machine_s, depth, two_qubit_gates, qubits,
    peak_memory_mb, cost, currency, provider_job, error, answered, usage, qpu_s, provider,
    quoted_low, quoted, quoted_high, rule, work, busy_s, predicted_s, predicted_low_s,
    predicted_high_s, predicted_from
FROM current_job;

CREATE OR REPLACE VIEW qf_steps AS FROM current_step;

CREATE OR REPLACE VIEW qf_runs AS
SELECT r.run, n.number, r.* EXCLUDE (run)
FROM current_run AS r
-- Apart, so that counting does not carry along all the other columns of all runs.
JOIN (
    SELECT run, row_number() OVER (PARTITION BY name ORDER BY started, run) AS number
    FROM (
        SELECT run, name, started FROM current_run
        -- Those that were forgotten count, so that the numbers of the others stay.
        UNION ALL
        SELECT run, any_value(name), to_timestamp(min(started)) FROM rec_forget GROUP BY run
    )
) AS n USING (run);

CREATE OR REPLACE VIEW qf_metrics AS
SELECT run, step, unit, name, n, value, to_timestamp(ts) AS "time"
FROM rec_metric WHERE superseded IS NULL;

CREATE OR REPLACE VIEW qf_sessions AS
SELECT
    run, tag, backend, mode, session, state, most_s, to_timestamp(opened) AS opened,
    to_timestamp(closed) AS closed, seconds, cost, currency, rule
FROM rec_session
QUALIFY row_number() OVER (
    PARTITION BY run, tag ORDER BY ts DESC, seq DESC, writer DESC
) = 1;

CREATE OR REPLACE VIEW qf_costs AS
SELECT
    run, step, backend, jobs, circuits, shots, machine_s, cost, currency, tag, state,
    qpu_s, quoted_low, quoted, quoted_high, rule, submitted, r.name, r.project, r.notebook
FROM (
    -- What a provider refused, or never had, is no job of its.
    SELECT *, CASE WHEN rule = 'not taken' THEN 0 ELSE 1 END AS jobs FROM qf_jobs
    UNION ALL BY NAME
    -- A session has a bill of its own, beside those of the jobs in it.
    SELECT
        run, backend, 0 AS jobs, 0 AS circuits, 0 AS shots, 0.0 AS machine_s, cost, currency,
        tag, state, rule, opened AS submitted
    FROM qf_sessions WHERE currency IS NOT NULL
) AS j LEFT JOIN (
    SELECT run, name, project, notebook FROM current_run
) AS r USING (run);

CREATE OR REPLACE VIEW qf_quotes AS
SELECT
    run, step, backend, count(*) AS jobs, sum(circuits)::BIGINT AS circuits,
    sum(shots)::BIGINT AS shots, sum(predicted_low_s) AS predicted_low_s,
    sum(predicted_s) AS predicted_s, sum(predicted_high_s) AS predicted_high_s,
    sum(run_s) FILTER (predicted_s IS NOT NULL) AS run_s, sum(quoted_low) AS quoted_low,
    sum(quoted) AS quoted, sum(quoted_high) AS quoted_high,
    sum(cost) FILTER (quoted IS NOT NULL) AS cost, currency, min(submitted) AS "time"
FROM qf_jobs WHERE rule IS DISTINCT FROM 'not taken'
GROUP BY run, step, backend, currency;

CREATE OR REPLACE VIEW qf_calibrations AS
SELECT
    backend, calibrated, num_qubits, run, to_timestamp(ts) AS "time", data
FROM rec_calibration;
