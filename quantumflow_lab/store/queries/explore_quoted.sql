-- Jobs that were quoted and are over: those of a like quote and a like cost together, an
-- eighth of a power of ten apart.
SELECT
    j.backend, j.currency, count(*) AS jobs, avg(j.quoted) AS quoted, avg(j.cost) AS cost,
    sum(j.quoted) AS quoted_in_all, sum(j.cost) AS cost_in_all,
    count(*) FILTER (
        j.cost BETWEEN coalesce(j.quoted_low, j.quoted) AND coalesce(j.quoted_high, j.quoted)
    ) AS within
FROM qf_jobs AS j
WHERE j.quoted > 0 AND j.currency IS NOT NULL AND j.state NOT IN ('intended', 'sent')
    AND ($since IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE epoch(started) >= $since))
    AND ($until IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE epoch(started) < $until))
    AND ($name IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE name = $name))
    AND ($state IS NULL OR j.run IN (SELECT run FROM qf_runs WHERE state = $state))
    AND ($backend IS NULL OR j.backend = $backend)
    AND ($kind IS NULL OR (j.run, j.step) IN (SELECT (run, step) FROM qf_steps WHERE kind = $kind))
GROUP BY
    j.backend, j.currency, round(8 * log10(j.quoted)),
    CASE WHEN j.cost > 0 THEN round(8 * log10(j.cost)) END
ORDER BY j.currency, j.backend, quoted, cost
LIMIT 2000
