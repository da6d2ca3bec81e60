-- Runs with how far they are, those that a process holds before the others, then by time.
SELECT
    run, name, number, state, epoch(started) AS started, wall_s, done, failed, points,
    backends, notebook, cwd, error,
    -- What is to be done; a map axis is not among the axes before its list is known.
    CASE WHEN state = 'unfinished' THEN options -> '$.plan.steps' END AS steps,
    CASE WHEN state = 'unfinished' THEN json_keys(options, '$.plan.axes') END AS axes,
    CASE WHEN state = 'unfinished' THEN list_transform(
        json_keys(options, '$.plan.axes'),
        lambda axis: json_array_length(options, '$.plan.axes.' || axis || '.values')
    ) END AS sizes
FROM qf_runs
WHERE true
    AND ($find IS NULL OR contains(lower(concat_ws(' ', name, source)), lower($find)))
ORDER BY state = 'unfinished' AND list_contains($held, run) DESC, started DESC, run
LIMIT $limit
