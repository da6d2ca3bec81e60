-- What a job asked of a device, and the provider's id of each batch that it was sent in,
-- so that another process can fetch what it came to.
ALTER TABLE rec_job ADD COLUMN asked JSON;
ALTER TABLE rec_job ADD COLUMN sent_as JSON;
