-- Names of which there is a run.
SELECT DISTINCT name FROM rec_run
