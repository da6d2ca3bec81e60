-- Runs, newest first; those that fit all that is given. `held` has the runs that a process
-- goes on with: no record tells them from those that nobody has any more.
SELECT
    number, name, epoch(started) AS started, state, wall_s, steps, points, failed, jobs,
    shots, machine_s, qpu_s, cost, currency, costs, backends, run
FROM (
    FROM qf_runs
    SELECT * REPLACE (
        CASE WHEN state = 'unfinished' AND list_contains($held::VARCHAR[], run)
            THEN 'running' ELSE state END AS state
    )
)
WHERE ($name IS NULL OR name = $name)
    AND ($state IS NULL OR state = $state)
    AND ($backend IS NULL OR list_contains(backends, $backend))
    AND ($since IS NULL OR epoch(started) >= $since)
    AND ($before IS NULL OR (epoch(started), run) < (SELECT (epoch(q.started), q.run) FROM qf_runs AS q WHERE q.run = $before))
    AND ($find IS NULL OR contains(lower(source), lower($find)))
ORDER BY started DESC, run DESC
LIMIT coalesce($limit, 1000)
