-- Everything one run logged, in the order it was logged.
SELECT step, unit, name, n, value, epoch("time") AS "time"
FROM qf_metrics
WHERE run = $run
ORDER BY step, name, unit, n
