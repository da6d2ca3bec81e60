-- The latest record of each point of one run.
SELECT
    step, step_kind, unit, point, "index", attempt, state, reason, error, started, ended,
    wall_s, value, origin, coalesce(kept, false) AS kept
FROM rec_unit
WHERE run = $run AND superseded IS NULL
ORDER BY step, unit
