-- Runs that a service has begun and nobody goes on with, oldest first. `held` has those that
-- a process has.
SELECT run
FROM qf_runs
WHERE state = 'unfinished' AND json_exists(options, '$.service')
    AND NOT list_contains($held::VARCHAR[], run)
ORDER BY started, run
