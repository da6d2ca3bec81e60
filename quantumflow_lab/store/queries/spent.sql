-- What the jobs and sessions of one run have cost and taken.
SELECT currency, sum(cost) AS cost, sum(machine_s) AS machine_s
FROM qf_costs
WHERE run = $run
GROUP BY currency
