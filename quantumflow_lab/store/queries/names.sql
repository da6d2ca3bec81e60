-- Names of which there is a run, or has been one.
SELECT name FROM rec_run UNION SELECT name FROM rec_forget WHERE name IS NOT NULL
