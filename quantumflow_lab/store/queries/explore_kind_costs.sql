-- What jobs cost by kind of step, and sessions, which belong to no step. Each currency has a
-- row of its own.
SELECT
    j.kind, j.currency, sum(j.jobs)::BIGINT AS jobs, sum(j.cost) AS cost,
    sum(j.cost) FILTER (j.state IN ('intended', 'sent', 'opening', 'open')) AS at_most
FROM (
    SELECT s.kind, b.run, b.backend, b.currency, b.cost, b.state, 1 AS jobs
    FROM qf_jobs AS b JOIN qf_steps AS s ON s.run = b.run AND s.step = b.step
    WHERE s.kind IS NOT NULL
    UNION ALL
    SELECT 'session', run, backend, currency, cost, state, 0 FROM qf_sessions
) AS j
WHERE j.currency IS NOT NULL
    AND ($since IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE epoch(started) >= $since))
    AND ($until IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE epoch(started) < $until))
    AND ($name IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE name = $name))
    AND ($state IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE state = $state))
    AND ($backend IS NULL OR j.backend = $backend)
GROUP BY j.kind, j.currency
ORDER BY j.kind, j.currency
