-- What the latest jobs of each backend were made of and took, the newest first, whatever
-- workflow they were of.
SELECT
    backend, work, busy_s, circuits, shots, queue_s, transpile_s, run_s, qpu_s,
    epoch(submitted) AS submitted
FROM qf_jobs
WHERE list_contains($backends, backend)
    AND state = 'settled' AND error IS NULL AND circuits > 0
QUALIFY row_number() OVER (PARTITION BY backend ORDER BY submitted DESC) <= 300
ORDER BY submitted DESC
