"""Backends that a distribution registers, as it lies in site-packages."""

from __future__ import annotations

import re
import sys

import pytest
from qiskit.providers.basic_provider import BasicSimulator

from quantumflow_lab import Lab
from quantumflow_lab.backends import Registry
from quantumflow_lab.errors import PluginBroken, UnknownBackend

MODULE = """
import threading
from qiskit.providers.basic_provider import BasicSimulator

print("imported")


def elsewhere():
    import sys
    from quantumflow_lab import EnvironmentBackend
    factory = "qiskit.providers.basic_provider:BasicSimulator"
    return EnvironmentBackend(sys.executable, factory)


class Mine(BasicSimulator):
    def __init__(self, name="mine", held=False):
        super().__init__()
        self.name = name
        if held:
            self.lock = threading.Lock()  # cannot be pickled


def mine():
    return Mine()


def held():
    return Mine("held", held=True)


def seven():
    return 7


def broken():
    raise RuntimeError("no licence")
"""

ENTRIES = """
[quantumflow_lab.backends]
mine = qiskit_mine:mine
held = qiskit_mine:held
elsewhere = qiskit_mine:elsewhere
seven = qiskit_mine:seven
broken = qiskit_mine:broken
misspelt = qiskit_mine:mien
absent = qiskit_absent:mine
aer = qiskit_mine:mine
"""

CELL = """
@qf.circuit
def ones():
    from qiskit import QuantumCircuit

    qc = QuantumCircuit(2)
    qc.x([0, 1])
    qc.measure_all()
    return qc

@qf.sample
def counts(ones):
    return ones

@qf.step
def table(counts):
    return counts.data.meas.get_counts()
"""


def install(folder, project, entries, version="1.2"):
    info = folder / f"{project.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata)
    (info / "entry_points.txt").write_text(entries)


@pytest.fixture(autouse=True)
def site_packages(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "qiskit_mine.py").write_text(MODULE)
    install(folder, "qiskit-mine", ENTRIES)
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop("qiskit_mine", None)


def test_plugins_are_listed_without_being_imported(capsys):
    names = Registry().names()
    assert {"mine", "held", "broken", "absent"} <= set(names)
    assert "qiskit_mine" not in sys.modules
    assert capsys.readouterr().out == ""


def test_a_plugin_is_loaded_once_when_it_is_first_used(capsys):
    registry = Registry()
    assert registry.facts("mine").name == "mine"
    backend = registry.backend("mine")
    registry.facts("mine")
    assert registry.backend("mine") is backend
    assert capsys.readouterr().out == "imported\n"


def test_metadata_without_a_version_hide_no_backend(site_packages):
    info = site_packages / "qiskit_odd-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: qiskit-odd\n")
    (info / "entry_points.txt").write_text(
        "[quantumflow_lab.backends]\nodd = qiskit_mine:held\n"
    )
    spec = Registry().spec("odd")
    assert spec.key == "plugin:qiskit-odd:odd=qiskit_mine:held"


def test_what_a_person_adds_wins_over_a_plugin():
    registry = Registry()
    own = BasicSimulator()
    registry.add("mine", own)
    assert registry.facts("mine").name == "mine"
    assert registry.backend("mine") is own
    assert "qiskit_mine" not in sys.modules


def test_a_variable_of_the_notebook_wins_over_a_plugin():
    own = BasicSimulator()
    registry = Registry(namespace={"mine": own})
    registry.facts("mine")
    assert registry.backend("mine") is own


def test_no_plugin_takes_the_name_of_a_built_in_backend():
    registry = Registry()
    registry.facts("aer")
    assert type(registry.backend("aer")).__name__ == "AerSimulator"


def test_one_that_cannot_be_pickled_is_made_again_in_the_worker():
    registry = Registry()
    facts, spec = registry.facts("held"), registry.spec("held")
    assert facts.portable
    assert spec.key == "plugin:qiskit-mine 1.2:held=qiskit_mine:held"
    again = spec.load()
    assert again.name == "held"
    assert again is not registry.backend("held")


@pytest.mark.parametrize("name", ["mine", "held", "elsewhere"])
def test_a_cell_runs_on_a_plugin(tmp_path, name):
    lab = Lab(tmp_path / "home")
    run = lab.run(CELL, name="ones", backend=name, shots=8)
    assert run["table"] == {"11": 8}
    lab.close()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("broken", "qiskit_mine:broken", "RuntimeError: no licence"),
        ("seven", "qiskit_mine:seven", "its factory returned a int, no BackendV2"),
        (
            "misspelt",
            "qiskit_mine:mien",
            "AttributeError: module 'qiskit_mine' has no attribute 'mien'",
        ),
        (
            "absent",
            "qiskit_absent:mine",
            "ModuleNotFoundError: No module named 'qiskit_absent'",
        ),
    ],
)
def test_a_broken_plugin_names_its_distribution_and_the_cause(name, value, why):
    text = (
        f"backend '{name}' ({value} of qiskit-mine 1.2) cannot be loaded: {why}; "
        "repair it, or type pip uninstall qiskit-mine"
    )
    with pytest.raises(PluginBroken, match=f"^{re.escape(text)}$") as caught:
        Registry().facts(name)
    assert caught.value.facts == {
        "backend": name,
        "distribution": "qiskit-mine 1.2",
    }


def test_a_name_that_two_distributions_register_is_told(site_packages):
    entries = "[quantumflow_lab.backends]\nmine = qiskit_other:device\n"
    install(site_packages, "qiskit-other", entries, "0.3")
    with pytest.raises(
        PluginBroken,
        match=r"^backend 'mine' is registered by qiskit-mine 1.2 and qiskit-other 0.3: "
        r"uninstall one of them, or type qf.lab\(\).backends.add\('mine', backend\)$",
    ):
        Registry().facts("mine")


def test_a_plugin_is_among_the_nearest_names():
    with pytest.raises(UnknownBackend, match="did you mean 'mine'"):
        Registry().facts("minee")
