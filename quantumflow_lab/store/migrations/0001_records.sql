-- One table for each kind of record, with the columns of the record. `writer` and `seq`
-- say where a row comes from. No keys and no indexes: an indexed table refuses later
-- changes of its columns, and every row is ingested exactly once by its offset.
CREATE TABLE rec_run (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, name VARCHAR, source VARCHAR,
    document JSON, options JSON, seed UBIGINT, inputs JSON, versions JSON, backends VARCHAR[],
    cwd VARCHAR, host VARCHAR, pid BIGINT, epoch BIGINT
);
CREATE TABLE rec_quote (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, step VARCHAR, backend VARCHAR,
    points BIGINT, circuits BIGINT, jobs BIGINT, shots BIGINT
);
CREATE TABLE rec_unit (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, step VARCHAR, step_kind VARCHAR,
    unit BIGINT, point JSON, "index" BIGINT[], attempt INTEGER, state VARCHAR,
    reason VARCHAR, error VARCHAR, started DOUBLE, ended DOUBLE, wall_s DOUBLE, value JSON
);
CREATE TABLE rec_job (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, step VARCHAR, job BIGINT,
    backend VARCHAR, state VARCHAR, tag VARCHAR, attempt INTEGER, members BIGINT,
    circuits BIGINT, shots BIGINT, queue_s DOUBLE, transpile_s DOUBLE, run_s DOUBLE,
    wall_s DOUBLE, depth BIGINT, two_qubit_gates BIGINT, qubits BIGINT,
    peak_memory_mb DOUBLE, cost DOUBLE, currency VARCHAR, machine_s DOUBLE,
    provider_job VARCHAR, error VARCHAR, submitted DOUBLE, ended DOUBLE
);
CREATE TABLE rec_metric (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, step VARCHAR, unit BIGINT,
    name VARCHAR, value DOUBLE, n BIGINT
);
CREATE TABLE rec_output (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, step VARCHAR, unit BIGINT,
    mime VARCHAR, "text" VARCHAR
);
CREATE TABLE rec_calibration (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, backend VARCHAR,
    calibrated VARCHAR, num_qubits BIGINT, data JSON
);
CREATE TABLE rec_step (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, step VARCHAR, step_kind VARCHAR,
    backend VARCHAR, state VARCHAR, points BIGINT, done BIGINT, failed BIGINT,
    started DOUBLE, ended DOUBLE, wall_s DOUBLE
);
CREATE TABLE rec_end (
    writer VARCHAR, seq BIGINT, run VARCHAR, ts DOUBLE, state VARCHAR, error VARCHAR,
    wall_s DOUBLE
);
-- Headers of journals, and records of kinds or versions that this version does not know.
CREATE TABLE rec_other (writer VARCHAR, seq BIGINT, kind VARCHAR, record VARCHAR);

CREATE TABLE ingest_offset (journal VARCHAR, "offset" BIGINT, seq BIGINT);
CREATE TABLE journal_damage (
    journal VARCHAR, "offset" BIGINT, length BIGINT, reason VARCHAR, found TIMESTAMPTZ
);
