-- Steps of which points failed, those with most first, with the first error of the latest run.
WITH found AS (
SELECT
    r.name, s.step, s.kind, sum(s.failed)::BIGINT AS failed, sum(s.points)::BIGINT AS points,
    count(*) FILTER (s.failed > 0) AS runs,
    arg_max(r.error, r.started) FILTER (s.failed > 0) AS broke,
    arg_max(r.run, r.started) FILTER (s.failed > 0) AS run
FROM qf_steps AS s
JOIN qf_runs AS r USING (run)
WHERE true
    AND ($since IS NULL OR epoch(r.started) >= $since)
    AND ($until IS NULL OR epoch(r.started) < $until)
    AND ($name IS NULL OR r.name = $name)
    AND ($state IS NULL OR r.state = $state)
    AND ($backend IS NULL OR list_contains(string_split(s.backend, ','), $backend))
    AND ($kind IS NULL OR s.kind = $kind)
GROUP BY r.name, s.step, s.kind
HAVING sum(s.failed) > 0
ORDER BY failed DESC, r.name, s.step
LIMIT 12
)
SELECT f.name, f.step, f.kind, f.failed, f.points, f.runs, coalesce(e.error, f.broke) AS error,
    f.run
FROM found AS f LEFT JOIN (
    SELECT run, step, arg_min(concat_ws(': ', reason, error), unit) AS error
    FROM qf_points WHERE state = 'failed' AND run IN (SELECT run FROM found)
    GROUP BY run, step
) AS e USING (run, step)
ORDER BY f.failed DESC, f.name, f.step
