-- Runs by workflow.
SELECT
    r.name, count(*) AS runs, count(*) FILTER (r.state = 'failed') AS failed,
    epoch(max(r.started)) AS latest
FROM qf_runs AS r
WHERE true
    AND ($since IS NULL OR epoch(r.started) >= $since)
    AND ($until IS NULL OR epoch(r.started) < $until)
    AND ($state IS NULL OR r.state = $state)
    AND ($backend IS NULL OR list_contains(r.backends, $backend))
    AND ($kind IS NULL OR r.run IN (SELECT run FROM qf_steps WHERE kind = $kind))
GROUP BY r.name
ORDER BY runs DESC, r.name
LIMIT 200
