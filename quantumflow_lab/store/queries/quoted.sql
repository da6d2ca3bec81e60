-- Jobs of one run that were quoted and are over: what they were to cost, and what they did.
SELECT step, backend, job, state, quoted_low, quoted, quoted_high, cost, currency, rule
FROM qf_jobs
WHERE run = $run AND quoted IS NOT NULL AND state NOT IN ('intended', 'sent')
ORDER BY submitted, job
