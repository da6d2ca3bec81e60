-- Sessions and batches that nobody is known to have closed, of one run or of all. One that
-- its provider was asked for and never told of has no id.
SELECT run, tag, backend, mode, session, most_s, epoch(opened) AS opened, cost, currency
FROM qf_sessions
WHERE state IN ('opening', 'open') AND ($run IS NULL OR run = $run)
ORDER BY opened, tag
