-- What steps took by kind, and which of their points did not have to run.
SELECT
    s.kind, count(*) AS steps, sum(s.points)::BIGINT AS points,
    sum(s.failed)::BIGINT AS failed, sum(s.kept)::BIGINT AS kept,
    sum(s.cached)::BIGINT AS cached, sum(s.wall_s) AS wall_s
FROM qf_steps AS s
WHERE s.kind IS NOT NULL
    AND ($since IS NULL OR s.run IN (SELECT run FROM qf_runs WHERE epoch(started) >= $since))
    AND ($until IS NULL OR s.run IN (SELECT run FROM qf_runs WHERE epoch(started) < $until))
    AND ($name IS NULL OR s.run IN (SELECT run FROM qf_runs WHERE name = $name))
    AND ($state IS NULL OR s.run IN (SELECT run FROM qf_runs WHERE state = $state))
    AND ($backend IS NULL OR list_contains(string_split(s.backend, ','), $backend))
GROUP BY s.kind
ORDER BY s.kind
