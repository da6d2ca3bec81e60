-- What the steps of one run printed, in order.
SELECT step, unit, mime, text
FROM rec_output
WHERE run = $run
ORDER BY ts, seq, writer
