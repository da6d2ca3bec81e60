-- What the jobs of a month (UTC), such as 2026-11, have cost by currency.
SELECT currency, sum(cost) AS cost
FROM qf_jobs
WHERE currency IS NOT NULL AND strftime(submitted AT TIME ZONE 'UTC', '%Y-%m') = $month
GROUP BY currency
