-- Runs that a request to a service has begun under a key of its own, newest first.
SELECT
    run, options ->> '$.service.token' AS token, options ->> '$.service.key' AS "key",
    options ->> '$.service.asked' AS asked
FROM qf_runs
WHERE json_exists(options, '$.service.key')
ORDER BY started DESC, run DESC
LIMIT $limit
