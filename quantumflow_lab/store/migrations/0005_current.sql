-- What the records of a run come to, so that no question has to read all points of all runs.
-- Made by settle.sql, in the transaction that brings the records.
ALTER TABLE rec_unit ADD COLUMN superseded BOOLEAN;
ALTER TABLE rec_metric ADD COLUMN superseded BOOLEAN;
CREATE TABLE current_job AS SELECT * EXCLUDE (writer, seq, ts, asked, sent_as) FROM rec_job LIMIT 0;
CREATE TABLE current_step (
    run VARCHAR, step VARCHAR, kind VARCHAR, backend VARCHAR, state VARCHAR, points BIGINT,
    done BIGINT, failed BIGINT, started TIMESTAMPTZ, ended TIMESTAMPTZ, wall_s DOUBLE,
    jobs BIGINT, circuits BIGINT, shots BIGINT, queue_s DOUBLE, transpile_s DOUBLE,
    run_s DOUBLE, machine_s DOUBLE, cost DOUBLE, currency VARCHAR, depth BIGINT,
    two_qubit_gates BIGINT, qubits BIGINT, peak_memory_mb DOUBLE, cached BIGINT,
    origin VARCHAR, kept BIGINT
);
CREATE TABLE current_run (
    run VARCHAR, name VARCHAR, state VARCHAR, started TIMESTAMPTZ, ended TIMESTAMPTZ,
    wall_s DOUBLE, steps BIGINT, points BIGINT, done BIGINT, failed BIGINT, jobs BIGINT,
    circuits BIGINT, shots BIGINT, queue_s DOUBLE, machine_s DOUBLE, cost DOUBLE,
    currency VARCHAR, backends VARCHAR[], seed UBIGINT, error VARCHAR, options JSON,
    inputs JSON, versions JSON, source VARCHAR, cwd VARCHAR, host VARCHAR, pid BIGINT,
    epoch BIGINT
);
