-- Runs by when they started, in bins of $width seconds, and by how they ended.
SELECT
    floor(epoch(r.started) / $width) * $width AS start, r.state, count(*) AS runs
FROM qf_runs AS r
WHERE r.started IS NOT NULL
    AND ($name IS NULL OR r.name = $name)
    AND ($state IS NULL OR r.state = $state)
    AND ($backend IS NULL OR list_contains(r.backends, $backend))
    AND ($kind IS NULL OR r.run IN (SELECT run FROM qf_steps WHERE kind = $kind))
GROUP BY ALL
ORDER BY start, r.state
