-- What a job asked of a device, so that another process can fetch what it came to.
ALTER TABLE rec_job ADD COLUMN asked JSON;
