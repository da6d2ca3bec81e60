-- What one run did when: a bar for each step and each job; times in seconds since 1970.
SELECT
    'python' AS lane, step,
    step || CASE WHEN kept > 0 AND kept = points THEN ' · kept' ELSE '' END AS label,
    'step' AS kind, epoch(started) AS started, epoch(ended) AS ended, state, backend
FROM qf_steps
WHERE run = $run AND started IS NOT NULL
UNION ALL
SELECT
    backend AS lane, step, step || ' job ' || job AS label, 'job' AS kind,
    epoch(submitted) AS started, epoch(ended) AS ended, state, backend
FROM qf_jobs
WHERE run = $run AND submitted IS NOT NULL
ORDER BY started, kind DESC, label
