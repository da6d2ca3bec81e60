-- Runs, newest first; those that fit all that is given.
SELECT
    number, name, epoch(started) AS started, state, wall_s, steps, points, failed, jobs,
    shots, machine_s, qpu_s, cost, currency, backends, run
FROM qf_runs
WHERE ($name IS NULL OR name = $name)
    AND ($state IS NULL OR state = $state)
    AND ($backend IS NULL OR list_contains(backends, $backend))
    AND ($since IS NULL OR epoch(started) >= $since)
    AND ($find IS NULL OR contains(lower(source), lower($find)))
ORDER BY started DESC, run
LIMIT coalesce($limit, 1000)
