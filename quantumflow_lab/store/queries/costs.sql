-- What the runs that ended before a moment have cost.
SELECT c.run, epoch(r.started) AS started, c.currency, sum(c.cost) AS cost
FROM qf_costs AS c JOIN qf_runs AS r USING (run)
WHERE epoch(r.ended) < $before AND ($name IS NULL OR r.name = $name)
    AND c.currency IS NOT NULL AND c.cost > 0
GROUP BY ALL
ORDER BY started, c.run, currency
