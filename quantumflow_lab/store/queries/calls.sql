-- The calls that the loops of one run made, with the answers there are.
SELECT step, unit, key, number, value
FROM rec_call
WHERE run = $run AND key IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY step, unit, key, number ORDER BY value IS NOT NULL DESC, ts DESC, seq DESC, writer DESC
) = 1
ORDER BY step, unit, key, number
