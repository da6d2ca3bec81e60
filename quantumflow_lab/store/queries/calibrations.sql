-- What devices said of themselves, oldest first; times in seconds since 1970.
SELECT backend, calibrated, epoch("time") AS "time", data
FROM qf_calibrations
WHERE list_contains($backends, backend)
ORDER BY "time"
