-- The run of a name that started last.
SELECT run FROM qf_runs WHERE name = $name ORDER BY number DESC LIMIT 1
