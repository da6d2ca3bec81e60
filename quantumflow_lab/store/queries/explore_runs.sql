-- The newest runs, with what they cost in each currency.
WITH found AS (
    SELECT r.*
    FROM qf_runs AS r
    WHERE true
        AND ($since IS NULL OR epoch(r.started) >= $since)
        AND ($until IS NULL OR epoch(r.started) < $until)
        AND ($name IS NULL OR r.name = $name)
        AND ($state IS NULL OR r.state = $state)
        AND ($backend IS NULL OR list_contains(r.backends, $backend))
        AND ($kind IS NULL OR r.run IN (SELECT run FROM qf_steps WHERE kind = $kind))
    ORDER BY r.started DESC, r.run
    LIMIT coalesce($limit, 100)
),
money AS (
    SELECT run, list(struct_pack(currency := currency, cost := cost) ORDER BY currency) AS money
    FROM (
        SELECT run, currency, sum(cost) AS cost FROM qf_costs
        WHERE currency IS NOT NULL AND cost > 0 AND run IN (SELECT run FROM found)
        GROUP BY run, currency
    )
    GROUP BY run
)
SELECT
    f.run, f.number, f.name, f.state, epoch(f.started) AS started, f.wall_s, f.points,
    f.done, f.failed, f.jobs, f.shots, f.backends, m.money, f.error
FROM found AS f LEFT JOIN money AS m USING (run)
ORDER BY f.started DESC, f.run
