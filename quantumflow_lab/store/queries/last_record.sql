-- When the last record of one run was written, seconds since 1970.
SELECT max(ts) AS ts
FROM (
    SELECT ts FROM rec_run WHERE run = $run
    UNION ALL SELECT ts FROM rec_unit WHERE run = $run
    UNION ALL SELECT ts FROM rec_call WHERE run = $run
    UNION ALL SELECT ts FROM rec_job WHERE run = $run
    UNION ALL SELECT ts FROM rec_session WHERE run = $run
    UNION ALL SELECT ts FROM rec_step WHERE run = $run
    UNION ALL SELECT ts FROM rec_metric WHERE run = $run
    UNION ALL SELECT ts FROM rec_end WHERE run = $run
)
