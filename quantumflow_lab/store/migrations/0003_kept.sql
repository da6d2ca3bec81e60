-- Steps that need not run again, runs that are taken up, and calls of loops.
ALTER TABLE rec_run ADD COLUMN keys JSON;
ALTER TABLE rec_run ADD COLUMN backend_keys JSON;
ALTER TABLE rec_unit ADD COLUMN kept BOOLEAN;
ALTER TABLE rec_step ADD COLUMN kept BIGINT;
CREATE TABLE rec_call (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, step VARCHAR, unit BIGINT,
    key VARCHAR, number BIGINT, state VARCHAR, value JSON
);
