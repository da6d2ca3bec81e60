-- The run of a name that has a number, or all of that name; oldest first.
SELECT run, number
FROM qf_runs
WHERE name = $name AND ($number IS NULL OR number = $number)
ORDER BY number
