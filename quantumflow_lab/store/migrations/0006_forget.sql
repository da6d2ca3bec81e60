-- Runs that were to be forgotten: settle.py deletes their rows, whichever come first. Name and
-- start stay, so that later runs of the name keep their numbers.
CREATE TABLE rec_forget (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, name VARCHAR, started DOUBLE
);
