-- What jobs cost by kind of step. Each currency has a row of its own.
SELECT
    s.kind, j.currency, count(*) AS jobs, sum(j.cost) AS cost,
    sum(j.cost) FILTER (j.state IN ('intended', 'sent')) AS at_most
FROM qf_jobs AS j
JOIN qf_steps AS s ON s.run = j.run AND s.step = j.step
WHERE j.currency IS NOT NULL AND s.kind IS NOT NULL
    AND ($since IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE epoch(started) >= $since))
    AND ($until IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE epoch(started) < $until))
    AND ($name IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE name = $name))
    AND ($state IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE state = $state))
    AND ($backend IS NULL OR j.backend = $backend)
GROUP BY s.kind, j.currency
ORDER BY s.kind, j.currency
