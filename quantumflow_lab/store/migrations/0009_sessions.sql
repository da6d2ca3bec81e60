-- Sessions and batches at providers, and what steps and runs cost in each currency.
CREATE TABLE rec_session (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, tag VARCHAR, backend VARCHAR,
    mode VARCHAR, session VARCHAR, state VARCHAR, most_s BIGINT, opened DOUBLE,
    closed DOUBLE, seconds DOUBLE, cost DOUBLE, currency VARCHAR, rule VARCHAR
);
ALTER TABLE current_step ADD COLUMN costs MAP(VARCHAR, DOUBLE);
ALTER TABLE current_run ADD COLUMN costs MAP(VARCHAR, DOUBLE);
