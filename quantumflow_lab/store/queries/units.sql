-- The latest record of each point of one run. Points and values are text, which is read when
-- it is looked at: of 100,000 of them hardly any is.
SELECT
    step, unit, point::VARCHAR AS point, "index", attempt, state, reason, error, started,
    ended, value::VARCHAR AS value, origin, coalesce(kept, false) AS kept
FROM rec_unit
WHERE run = $run AND superseded IS NULL
ORDER BY step, unit
