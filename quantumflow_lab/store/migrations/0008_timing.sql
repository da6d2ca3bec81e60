-- What jobs asked of their backend, and how long they were to take before they ran.
ALTER TABLE rec_job ADD COLUMN work JSON;
ALTER TABLE rec_job ADD COLUMN busy_s DOUBLE;
ALTER TABLE rec_job ADD COLUMN IF NOT EXISTS qpu_s DOUBLE;
ALTER TABLE rec_job ADD COLUMN predicted_s DOUBLE;
ALTER TABLE rec_job ADD COLUMN predicted_low_s DOUBLE;
ALTER TABLE rec_job ADD COLUMN predicted_high_s DOUBLE;
ALTER TABLE rec_job ADD COLUMN predicted_from BIGINT;
ALTER TABLE current_job ADD COLUMN work JSON;
ALTER TABLE current_job ADD COLUMN busy_s DOUBLE;
ALTER TABLE current_job ADD COLUMN IF NOT EXISTS qpu_s DOUBLE;
ALTER TABLE current_job ADD COLUMN predicted_s DOUBLE;
ALTER TABLE current_job ADD COLUMN predicted_low_s DOUBLE;
ALTER TABLE current_job ADD COLUMN predicted_high_s DOUBLE;
ALTER TABLE current_job ADD COLUMN predicted_from BIGINT;
