-- What the last jobs and points of a workflow took, for the plan of its next run: those of
-- steps whose code is what it is now. `codes` has a step's name and code hash, with a blank.
WITH latest AS (
    SELECT run FROM qf_runs WHERE name = $name ORDER BY started DESC LIMIT 20
), steps AS (
    SELECT run, unnest((document -> '$.steps')::JSON[]) AS step
    FROM rec_run WHERE run IN (FROM latest)
), mine AS (
    SELECT DISTINCT run, step ->> 'name' AS step
    FROM steps WHERE list_contains($codes, concat_ws(' ', step ->> 'name', step ->> 'code_hash'))
)
SELECT
    'job' AS what, step, backend,
    -- Some devices tell of what they measured alone.
    median(greatest(wall_s - run_s, 0)) AS setup_s,
    median(run_s / greatest(circuits, 1)) AS circuit_s,
    sum(circuits) / greatest(sum(members), 1) AS circuits,
    sum(shots) / greatest(sum(circuits), 1) AS shots,
    sum(members) / count(DISTINCT run) AS calls,
    max(qubits) AS qubits, max(two_qubit_gates) AS two_qubit_gates,
    avg((work ->> '$.operations')::DOUBLE / circuits) AS operations,
    sum((work ->> '$.bits')::DOUBLE) / greatest(sum(shots), 1) AS bits
FROM qf_jobs SEMI JOIN mine USING (run, step)
WHERE state = 'settled' AND error IS NULL AND circuits > 0
GROUP BY step, backend
UNION ALL
SELECT 'body' AS what, step, NULL, NULL, median(wall_s), NULL, NULL, NULL,
    NULL, NULL, NULL, NULL
FROM qf_points SEMI JOIN mine USING (run, step)
WHERE state = 'done' AND kind NOT IN ('sample', 'estimate')
GROUP BY step
