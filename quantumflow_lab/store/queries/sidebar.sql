-- Runs with how far they are, what they have cost and why they failed, those that a
-- process holds before the others, then by time.
WITH shown AS (
    FROM qf_runs
    SELECT *, state = 'unfinished' AND list_contains($held, run) AS held
    WHERE true
        AND ($find IS NULL OR contains(lower(concat_ws(' ', name, source)), lower($find)))
    ORDER BY held DESC, started DESC, run
    LIMIT $limit
),
failures AS (
    SELECT run, min_by(concat_ws(': ', reason, error), (ended, step, unit)) AS failure
    FROM qf_points
    WHERE state = 'failed' AND run IN (SELECT run FROM shown WHERE failed > 0)
    GROUP BY run
),
money AS (
    SELECT run, list(struct_pack(currency := currency, cost := cost) ORDER BY currency) AS money
    FROM (
        SELECT run, currency, sum(cost) AS cost FROM qf_costs
        WHERE currency IS NOT NULL AND cost > 0 AND run IN (SELECT run FROM shown)
        GROUP BY run, currency
    )
    GROUP BY run
)
SELECT
    run, name, number, state, epoch(started) AS started, wall_s, done, failed, points,
    backends, notebook, cwd, coalesce(error, failure) AS error, money,
    -- What is to be done; a map axis is not among the axes before its list is known.
    CASE WHEN state = 'unfinished' THEN options -> '$.plan.steps' END AS steps,
    CASE WHEN state = 'unfinished' THEN json_keys(options, '$.plan.axes') END AS axes,
    CASE WHEN state = 'unfinished' THEN list_transform(
        json_keys(options, '$.plan.axes'),
        lambda axis: json_array_length(options, '$.plan.axes.' || axis || '.values')
    ) END AS sizes
FROM shown LEFT JOIN failures USING (run) LEFT JOIN money USING (run)
ORDER BY held DESC, shown.started DESC, run
