-- What jobs cost by kind of step. Each currency has a row of its own.
SELECT
    s.kind, j.currency, count(*) AS jobs, sum(j.cost) AS cost,
    sum(j.cost) FILTER (j.state IN ('intended', 'sent')) AS at_most
FROM qf_jobs AS j
JOIN qf_runs AS r USING (run)
JOIN qf_steps AS s ON s.run = j.run AND s.step = j.step
WHERE j.currency IS NOT NULL AND s.kind IS NOT NULL
    AND ($since IS NULL OR epoch(r.started) >= $since)
    AND ($until IS NULL OR epoch(r.started) < $until)
    AND ($name IS NULL OR r.name = $name)
    AND ($state IS NULL OR r.state = $state)
    AND ($backend IS NULL OR j.backend = $backend)
GROUP BY s.kind, j.currency
ORDER BY s.kind, j.currency
