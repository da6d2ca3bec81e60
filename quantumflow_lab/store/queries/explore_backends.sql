-- What jobs took and cost by backend. Each currency has a row of its own.
SELECT
    j.backend, j.currency, sum(j.jobs)::BIGINT AS jobs, sum(j.shots)::BIGINT AS shots,
    sum(j.machine_s) AS machine_s, sum(j.qpu_s) AS qpu_s, sum(j.queue_s) AS queue_s,
    sum(j.cost) FILTER (j.currency IS NOT NULL) AS cost,
    sum(j.cost) FILTER (j.currency IS NOT NULL AND j.state IN ('intended', 'sent', 'opening', 'open')) AS at_most
FROM (
    SELECT *, 1 AS jobs FROM qf_jobs
    UNION ALL BY NAME
    SELECT run, backend, currency, cost, state, 0 AS jobs
    FROM qf_sessions WHERE currency IS NOT NULL
) AS j
WHERE j.backend IS NOT NULL
    AND ($since IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE epoch(started) >= $since))
    AND ($until IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE epoch(started) < $until))
    AND ($name IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE name = $name))
    AND ($state IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE state = $state))
    AND ($kind IS NULL OR ($kind = 'session' AND j.jobs = 0) OR (j.run, j.step) IN (SELECT (run, step) FROM qf_steps WHERE kind = $kind))
GROUP BY j.backend, j.currency
ORDER BY j.backend, j.currency
