-- The last calibration of each backend that was known at a moment.
SELECT backend, arg_max(calibrated, time) AS date
FROM qf_calibrations
WHERE epoch(time) <= $moment AND calibrated IS NOT NULL
GROUP BY backend
