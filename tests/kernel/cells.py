"""Cells that several tests run."""

BELL = """%%qflow bell --seed 1
@qf.circuit
def bell():
    from qiskit import QuantumCircuit
    qc = QuantumCircuit(2)
    qc.h(0); qc.cx(0, 1); qc.measure_all()
    return qc

@qf.sample
def counts(bell):
    return bell

@qf.step
def parity(counts):
    n = counts.data.meas.get_counts()
    return (n.get("00", 0) + n.get("11", 0)) / sum(n.values())
"""
BELL_DONE = """bell · done
  ✓ bell    circuit        1/1 done
  ✓ counts  sample on aer  1/1 done
  ✓ parity  step           1/1 done"""

PATIENT = """%%qflow slow
@qf.step
def wait():
    import time
    while True:
        time.sleep(0.01)
"""
STUBBORN = """%%qflow slow
@qf.step
def wait():
    import time
    time.sleep(6)
"""
"""One long call into C: no exception gets into its thread before it returns."""

AER = """%%qflow slow
@qf.circuit
def wide():
    from qiskit import QuantumCircuit
    qc = QuantumCircuit(23)
    for layer in range(400):
        for i in range(23):
            qc.rx(0.1 + layer, i)
        for i in range(22):
            qc.cx(i, i + 1)
    qc.measure_all()
    return qc

@qf.sample(shots=10)
def counts(wide):
    return wide
"""
"""Half a minute of Aer and more."""
