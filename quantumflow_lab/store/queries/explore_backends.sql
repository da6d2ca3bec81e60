-- What jobs took and cost by backend. Each currency has a row of its own.
SELECT
    j.backend, j.currency, count(*) AS jobs, sum(j.shots)::BIGINT AS shots,
    sum(j.machine_s) AS machine_s, sum(j.qpu_s) AS qpu_s, sum(j.queue_s) AS queue_s,
    sum(j.cost) FILTER (j.currency IS NOT NULL) AS cost,
    sum(j.cost) FILTER (j.currency IS NOT NULL AND j.state IN ('intended', 'sent')) AS at_most
FROM qf_jobs AS j
JOIN qf_runs AS r USING (run)
LEFT JOIN qf_steps AS s ON s.run = j.run AND s.step = j.step
WHERE j.backend IS NOT NULL
    AND ($since IS NULL OR epoch(r.started) >= $since)
    AND ($until IS NULL OR epoch(r.started) < $until)
    AND ($name IS NULL OR r.name = $name)
    AND ($state IS NULL OR r.state = $state)
    AND ($kind IS NULL OR s.kind = $kind)
GROUP BY j.backend, j.currency
ORDER BY j.backend, j.currency
