-- What one run took and cost, by step and backend.
SELECT step, backend, jobs, circuits, shots, machine_s, cost, currency
FROM qf_costs
WHERE run = $run
ORDER BY step, backend
