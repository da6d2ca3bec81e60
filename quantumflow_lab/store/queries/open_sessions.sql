-- Sessions and batches that nobody is known to have closed, of one run or of all.
SELECT run, tag, backend, mode, session, most_s, epoch(opened) AS opened, cost, currency
FROM qf_sessions
WHERE state = 'open' AND ($run IS NULL OR run = $run)
ORDER BY opened, tag
