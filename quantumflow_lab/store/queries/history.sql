-- Runs, newest first; of one name if $name is given.
SELECT
    number, name, epoch(started) AS started, state, wall_s, steps, points, failed, jobs,
    shots, machine_s, cost, currency, backends, run
FROM qf_runs
WHERE $name IS NULL OR name = $name
ORDER BY started DESC, run
LIMIT coalesce($limit, 1000)
