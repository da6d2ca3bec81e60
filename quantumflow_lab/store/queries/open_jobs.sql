-- Jobs of one run of which nobody knows how they ended.
SELECT tag, backend, state, provider_job, epoch(submitted) AS submitted
FROM qf_jobs
WHERE run = $run AND state IN ('intended', 'sent')
ORDER BY submitted, tag
