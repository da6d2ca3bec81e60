-- How long the latest jobs of each device have waited for it, in seconds, and when they
-- were sent, in seconds since the epoch; the newest first.
SELECT backend, queue_s, epoch(submitted) AS submitted
FROM qf_jobs
WHERE list_contains($backends, backend)
    AND state = 'settled' AND provider_job IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY backend ORDER BY submitted DESC) <= 300
ORDER BY submitted DESC
