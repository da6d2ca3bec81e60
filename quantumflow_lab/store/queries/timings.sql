-- What the last jobs and points of a workflow took, for the plan of its next run.
WITH mine AS (
    SELECT run FROM qf_runs WHERE name = $name ORDER BY started DESC LIMIT 20
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
FROM qf_jobs
WHERE run IN (FROM mine) AND state = 'settled' AND error IS NULL AND circuits > 0
GROUP BY step, backend
UNION ALL
SELECT 'body' AS what, step, NULL, NULL, median(wall_s), NULL, NULL, NULL,
    NULL, NULL, NULL, NULL
FROM qf_points
WHERE run IN (FROM mine) AND state = 'done' AND kind NOT IN ('sample', 'estimate')
GROUP BY step
