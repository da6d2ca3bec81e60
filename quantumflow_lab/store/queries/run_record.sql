-- What one run was asked to do, as it was recorded, and how it ended.
SELECT
    r.*, q.number, q.state, q.error, q.wall_s, epoch(q.started) AS started,
    epoch(q.ended) AS ended, q.costs
FROM rec_run AS r JOIN qf_runs AS q USING (run)
WHERE run = $run
ORDER BY ts DESC, seq DESC, writer DESC
LIMIT 1
