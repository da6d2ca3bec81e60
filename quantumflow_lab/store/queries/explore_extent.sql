-- When the first and the last run started, in seconds since 1970, and how many there are.
SELECT epoch(min(started)) AS since, epoch(max(started)) AS until, count(*) AS runs
FROM qf_runs
