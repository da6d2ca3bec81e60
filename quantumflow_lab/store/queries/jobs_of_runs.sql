-- As `jobs`, of several runs in one question.
SELECT
    run, job, step, backend, state, attempt, members, circuits, shots, queue_s, transpile_s,
    run_s, wall_s, machine_s, depth, two_qubit_gates, qubits, peak_memory_mb, cost,
    currency, provider_job, tag, error, answered, usage, qpu_s, provider, quoted_low, quoted,
    quoted_high, rule, epoch(submitted) AS submitted, epoch(ended) AS ended
FROM qf_jobs
WHERE run IN (SELECT unnest($runs))
ORDER BY submitted, job
