-- What jobs and sessions of a month (UTC), such as 2026-11, have cost by currency.
SELECT currency, sum(cost) AS cost
FROM qf_costs
WHERE currency IS NOT NULL AND strftime(submitted AT TIME ZONE 'UTC', '%Y-%m') = $month
GROUP BY currency
