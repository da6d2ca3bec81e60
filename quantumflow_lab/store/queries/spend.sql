-- What jobs have used and cost, by month (UTC) and by backend, project or notebook.
SELECT
    strftime(submitted AT TIME ZONE 'UTC', '%Y-%m') AS month,
    coalesce(
        CASE $by WHEN 'project' THEN project WHEN 'notebook' THEN notebook ELSE backend END,
        ''
    ) AS "of",
    sum(jobs)::BIGINT AS jobs, sum(circuits)::BIGINT AS circuits,
    sum(shots)::BIGINT AS shots, sum(machine_s) AS machine_s, sum(qpu_s) AS qpu_s,
    sum(quoted) FILTER (jobs > 0) AS quoted, sum(cost) FILTER (currency IS NOT NULL) AS cost, currency
FROM qf_costs
WHERE submitted IS NOT NULL
GROUP BY month, "of", currency
-- What only was refused is no row, and a session without a job is one.
HAVING ($month IS NULL OR month = $month) AND (sum(jobs) > 0 OR sum(cost) > 0)
ORDER BY month, currency NULLS LAST, cost DESC, "of"
