-- What one run did when: a bar for each step and each job; times in seconds since 1970.
-- `kept_from` is the number of the newest run that a step is kept from, of which nothing ran.
SELECT
    'python' AS lane, step,
    step || CASE WHEN kept > 0 AND kept = points THEN ' · kept' ELSE '' END AS label,
    'step' AS kind, epoch(started) AS started, epoch(ended) AS ended, state, backend,
    CASE WHEN kept > 0 AND kept = points THEN (
        SELECT max(r.number) FROM qf_points AS p JOIN qf_runs AS r ON r.run = p.origin
        WHERE p.run = $run AND p.step = s.step
    ) END AS kept_from
FROM qf_steps AS s
WHERE run = $run AND started IS NOT NULL
UNION ALL
SELECT
    backend AS lane, step, step || ' job ' || job AS label, 'job' AS kind,
    epoch(submitted) AS started, epoch(ended) AS ended, state, backend, NULL AS kept_from
FROM qf_jobs
WHERE run = $run AND submitted IS NOT NULL
ORDER BY started, kind DESC, label
