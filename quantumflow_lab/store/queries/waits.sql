-- How long the last hundred jobs of each device have waited for it, in seconds.
SELECT
    backend,
    quantile_cont(queue_s, 0.1) AS low,
    median(queue_s) AS middle,
    quantile_cont(queue_s, 0.9) AS high,
    count(*) AS jobs
FROM (
    SELECT backend, queue_s FROM qf_jobs
    WHERE list_contains($backends, backend)
        AND state = 'settled' AND provider_job IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY backend ORDER BY submitted DESC) <= 100
)
GROUP BY backend
