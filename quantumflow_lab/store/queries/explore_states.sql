-- Runs by how they ended.
SELECT r.state, count(*) AS runs
FROM qf_runs AS r
WHERE true
    AND ($since IS NULL OR epoch(r.started) >= $since)
    AND ($until IS NULL OR epoch(r.started) < $until)
    AND ($name IS NULL OR r.name = $name)
    AND ($backend IS NULL OR list_contains(r.backends, $backend))
    AND ($kind IS NULL OR r.run IN (SELECT run FROM qf_steps WHERE kind = $kind))
GROUP BY r.state
ORDER BY runs DESC, r.state
