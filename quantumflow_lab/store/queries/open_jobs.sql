-- Jobs of one run of which nobody knows how they ended.
SELECT
    j.step, j.job, j.tag, j.backend, j.state, j.attempt, j.members, j.provider_job,
    epoch(j.submitted) AS submitted, j.cost, j.currency,
    (
        SELECT any_value(asked) FROM rec_job AS r
        WHERE r.run = j.run AND r.tag = j.tag AND asked IS NOT NULL
    ) AS asked,
    (
        SELECT sent_as FROM rec_job AS r
        WHERE r.run = j.run AND r.tag = j.tag AND sent_as IS NOT NULL
        ORDER BY ts DESC, seq DESC LIMIT 1
    ) AS sent_as
FROM qf_jobs AS j
WHERE j.run = $run AND j.state IN ('intended', 'sent')
ORDER BY j.submitted, j.tag
