-- The steps of one run, in the order they started.
SELECT
    step, kind, backend, state, points, done, failed, wall_s, jobs, queue_s, transpile_s,
    run_s, machine_s, qpu_s, cost, currency, costs, shots, circuits, depth, two_qubit_gates, qubits,
    peak_memory_mb, cached, origin, epoch(started) AS started, epoch(ended) AS ended,
    (SELECT name FROM qf_runs WHERE run = s.origin) AS origin_name,
    (SELECT epoch(coalesce(ended, started)) FROM qf_runs WHERE run = s.origin)
        AS origin_ended
FROM qf_steps s
WHERE run = $run
ORDER BY started, step
