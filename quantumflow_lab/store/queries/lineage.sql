-- Runs whose results a run took, and those that they had taken before, in pairs.
WITH RECURSIVE
took AS (
    SELECT run, origin FROM rec_unit WHERE superseded IS NULL AND origin IS NOT NULL
    UNION
    -- Loops take results call by call, which only their step tells.
    SELECT run, origin FROM qf_steps WHERE origin IS NOT NULL
),
known AS (
    SELECT run, origin FROM took WHERE run = $run
    UNION
    SELECT t.run, t.origin FROM known AS k JOIN took AS t ON t.run = k.origin
)
SELECT run, origin FROM known WHERE run <> origin ORDER BY run, origin
