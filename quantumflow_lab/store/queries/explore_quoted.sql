-- Jobs that were quoted and are over: those of a like quote and a like cost together, an
-- eighth of a power of ten apart.
SELECT
    j.backend, j.currency, count(*) AS jobs, avg(j.quoted) AS quoted, avg(j.cost) AS cost,
    sum(j.quoted) AS quoted_in_all, sum(j.cost) AS cost_in_all,
    count(*) FILTER (
        j.cost BETWEEN coalesce(j.quoted_low, j.quoted) AND coalesce(j.quoted_high, j.quoted)
    ) AS within
FROM qf_jobs AS j
JOIN qf_runs AS r USING (run)
LEFT JOIN qf_steps AS s ON s.run = j.run AND s.step = j.step
WHERE j.quoted > 0 AND j.currency IS NOT NULL AND j.state NOT IN ('intended', 'sent')
    AND ($since IS NULL OR epoch(r.started) >= $since)
    AND ($until IS NULL OR epoch(r.started) < $until)
    AND ($name IS NULL OR r.name = $name)
    AND ($state IS NULL OR r.state = $state)
    AND ($backend IS NULL OR j.backend = $backend)
    AND ($kind IS NULL OR s.kind = $kind)
GROUP BY
    j.backend, j.currency, round(8 * log10(j.quoted)),
    CASE WHEN j.cost > 0 THEN round(8 * log10(j.cost)) END
ORDER BY j.currency, j.backend, quoted, cost
LIMIT 2000
