-- Results of other runs: how many points and calls of a step took one, and from which run
-- the newest was.
ALTER TABLE rec_unit ADD COLUMN origin VARCHAR;
ALTER TABLE rec_step ADD COLUMN cached BIGINT;
ALTER TABLE rec_step ADD COLUMN origin VARCHAR;
