-- As `cost`, of several runs in one question.
SELECT
    run, coalesce(step, '(session)') AS step, backend, sum(jobs)::BIGINT AS jobs,
    sum(circuits)::BIGINT AS circuits, sum(shots)::BIGINT AS shots,
    sum(machine_s) AS machine_s, sum(qpu_s) AS qpu_s, sum(cost) AS cost, currency
FROM qf_costs
WHERE run IN (SELECT unnest($runs))
GROUP BY run, step, backend, currency
ORDER BY step, backend
