-- As `timeline`, of several runs in one question.
WITH asked AS (
    SELECT unnest($runs) AS run
), numbers AS (
    SELECT p.run, p.step, max(r.number) AS kept_from
    FROM qf_points AS p JOIN qf_runs AS r ON r.run = p.origin
    WHERE p.run IN (FROM asked)
    GROUP BY p.run, p.step
)
SELECT
    s.run, 'python' AS lane, s.step,
    s.step || CASE WHEN kept > 0 AND kept = points THEN ' · kept' ELSE '' END AS label,
    'step' AS kind, epoch(started) AS started, epoch(ended) AS ended, state, backend,
    CASE WHEN kept > 0 AND kept = points THEN n.kept_from END AS kept_from
FROM qf_steps AS s LEFT JOIN numbers AS n USING (run, step)
WHERE s.run IN (FROM asked) AND started IS NOT NULL
UNION ALL
SELECT
    run, backend AS lane, step, step || ' job ' || job AS label, 'job' AS kind,
    epoch(submitted) AS started, epoch(ended) AS ended, state, backend, NULL AS kept_from
FROM qf_jobs
WHERE run IN (FROM asked) AND submitted IS NOT NULL
ORDER BY started, kind DESC, label
