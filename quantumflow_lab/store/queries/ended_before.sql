-- Runs that ended before a moment, or began before it and have not ended; oldest first.
SELECT
    r.run, r.number, r.name, r.state, epoch(r.started) AS started, r.points,
    coalesce(j.sent, 0) AS sent, coalesce(s.open, 0) AS open, coalesce(p.bytes, 0) AS bytes
FROM qf_runs AS r
LEFT JOIN (
    SELECT run, count(*) FILTER (state = 'sent') AS sent FROM qf_jobs GROUP BY run
) AS j USING (run)
LEFT JOIN (
    SELECT run, count(*) FILTER (state IN ('opening', 'open')) AS open FROM qf_sessions GROUP BY run
) AS s USING (run)
LEFT JOIN (
    SELECT run, sum(CAST(value ->> '$.bytes' AS BIGINT))::BIGINT AS bytes
    FROM rec_unit WHERE superseded IS NULL GROUP BY run
) AS p USING (run)
WHERE epoch(coalesce(r.ended, r.started)) < $before AND ($name IS NULL OR r.name = $name)
ORDER BY r.started, r.run
