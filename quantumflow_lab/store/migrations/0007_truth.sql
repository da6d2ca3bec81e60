-- What jobs have used by the word of their provider, what they were quoted, and by what rule
-- they were billed.
ALTER TABLE rec_job ADD COLUMN answered BIGINT;
ALTER TABLE rec_job ADD COLUMN usage JSON;
ALTER TABLE rec_job ADD COLUMN qpu_s DOUBLE;
ALTER TABLE rec_job ADD COLUMN provider VARCHAR;
ALTER TABLE rec_job ADD COLUMN quoted_low DOUBLE;
ALTER TABLE rec_job ADD COLUMN quoted DOUBLE;
ALTER TABLE rec_job ADD COLUMN quoted_high DOUBLE;
ALTER TABLE rec_job ADD COLUMN rule VARCHAR;
ALTER TABLE current_job ADD COLUMN answered BIGINT;
ALTER TABLE current_job ADD COLUMN usage JSON;
ALTER TABLE current_job ADD COLUMN qpu_s DOUBLE;
ALTER TABLE current_job ADD COLUMN provider VARCHAR;
ALTER TABLE current_job ADD COLUMN quoted_low DOUBLE;
ALTER TABLE current_job ADD COLUMN quoted DOUBLE;
ALTER TABLE current_job ADD COLUMN quoted_high DOUBLE;
ALTER TABLE current_job ADD COLUMN rule VARCHAR;
ALTER TABLE current_step ADD COLUMN qpu_s DOUBLE;
ALTER TABLE current_run ADD COLUMN qpu_s DOUBLE;
ALTER TABLE current_run ADD COLUMN project VARCHAR;
ALTER TABLE current_run ADD COLUMN notebook VARCHAR;
