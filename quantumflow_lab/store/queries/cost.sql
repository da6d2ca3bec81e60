-- What one run took and cost, by step and backend.
SELECT
    coalesce(step, '(session)') AS step, backend, sum(jobs)::BIGINT AS jobs, sum(circuits)::BIGINT AS circuits,
    sum(shots)::BIGINT AS shots, sum(machine_s) AS machine_s, sum(qpu_s) AS qpu_s,
    sum(cost) AS cost, currency
FROM qf_costs
WHERE run = $run
GROUP BY step, backend, currency
ORDER BY step, backend
