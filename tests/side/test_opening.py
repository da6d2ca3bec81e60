"""What a person reads when another environment does not come to a backend."""

from __future__ import annotations

import pickle
import re
import sys
import venv
from pathlib import Path

import pytest

from quantumflow_lab import EnvironmentBackend, Lab
from quantumflow_lab.errors import BadOption, EnvironmentBroken, NoCommonQpy
from quantumflow_lab.workers.environment_circuits import common_qpy
from quantumflow_lab.workers.environment_process import Environment

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def beside_the_provider(monkeypatch):
    monkeypatch.chdir(HERE)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """An environment without Qiskit."""
    folder = tmp_path_factory.mktemp("bare") / "env"
    venv.create(folder, with_pip=False)
    return folder


def says(text):
    return pytest.raises(EnvironmentBroken, match=f"^{re.escape(text)}$")


def test_an_interpreter_that_is_missing(tmp_path):
    python = tmp_path / "iqm" / "bin" / "python"
    folder = tmp_path / "iqm"
    with says(
        f"there is no Python at {python}: make an environment with python -m venv "
        f"{folder} && {folder}/bin/pip install PROVIDER"
    ):
        EnvironmentBackend(python, "iqm.qiskit_iqm:IQMFakeAdonis")


def test_an_interpreter_that_cannot_be_run(tmp_path):
    python = tmp_path / "python"
    python.write_text("")
    with says(
        f"{python} cannot be run (Permission denied): give the path of a Python "
        "interpreter, such as envs/iqm/bin/python"
    ):
        EnvironmentBackend(python, "provider:Backend")


def test_a_program_that_is_no_python():
    with says(
        "/bin/true ended before it had made provider:Backend (Python exited with "
        "status 0): try /bin/true -c 'import provider'"
    ):
        EnvironmentBackend("/bin/true", "provider:Backend")


def test_an_environment_without_qiskit(bare):
    python = bare / "bin" / "python"
    with says(f"{python} has no Qiskit: type {python} -m pip install 'qiskit>=1.3'"):
        EnvironmentBackend(bare, "provider:Backend")


def test_a_module_that_is_not_installed_there():
    with says(
        f"{sys.executable} has no module 'iqm', which iqm.qiskit_iqm:IQMFakeAdonis "
        f"needs: type {sys.executable} -m pip install and the package that brings it, "
        "such as 'iqm-client[qiskit]'"
    ):
        EnvironmentBackend(sys.executable, "iqm.qiskit_iqm:IQMFakeAdonis")


def test_a_name_that_the_module_has_not():
    with says(
        f"module 'provider' in {sys.executable} has no 'Backnd'; did you mean "
        "'Backend'?"
    ):
        EnvironmentBackend(sys.executable, "provider:Backnd")


def test_a_factory_that_raises():
    with says(
        f"provider:broken in {sys.executable} raised ValueError: the token has "
        f"expired; see where by {sys.executable} -c 'import provider; "
        "provider.broken()'"
    ):
        EnvironmentBackend(sys.executable, "provider:broken")


def test_arguments_that_the_factory_does_not_take():
    with says(
        f"provider:broken in {sys.executable} raised TypeError: broken() got an "
        "unexpected keyword argument 'token'; pass what it takes as arguments={…}"
    ):
        EnvironmentBackend(sys.executable, "provider:broken", arguments={"token": "t"})


def test_a_factory_that_makes_no_backend():
    with says(
        "provider:no_backend made a int, which is no backend: name what returns an "
        "object with run() and target; a provider is asked for one by backend='NAME'"
    ):
        EnvironmentBackend(sys.executable, "provider:no_backend")


def test_a_factory_that_takes_too_long():
    with says(
        f"provider:slow in {sys.executable} was not there within 4 s, and last printed "
        "'connecting to the cloud': if it needs longer, pass start_timeout=8"
    ):
        EnvironmentBackend(sys.executable, "provider:slow", start_timeout=4)


def test_a_library_that_kills_its_process():
    with says(
        f"{sys.executable} ended before it had made provider:gone (Python killed by "
        "signal 4: Illegal instruction: this build needs AVX-512): try "
        f"{sys.executable} -c 'import provider'"
    ):
        EnvironmentBackend(sys.executable, "provider:gone")


@pytest.mark.parametrize("factory", ["provider", "provider:", "a b:c", "a:b()"])
def test_a_factory_that_is_no_name(factory):
    with pytest.raises(BadOption, match=r"^factory must be 'module:name', such as "):
        EnvironmentBackend(sys.executable, factory)


def test_arguments_that_json_has_not():
    with pytest.raises(BadOption, match=r"^arguments must be what JSON has .*: .*set"):
        EnvironmentBackend(sys.executable, "provider:Backend", arguments={"a": {1}})


def test_a_qiskit_that_is_too_old():
    old = Environment("/old/bin/python", "a:b", "{}", (), "/", 1.0)
    with pytest.raises(
        NoCommonQpy,
        match=r"^/old/bin/python reads QPY up to 12, this Qiskit writes 13 and newer: "
        "type /old/bin/python -m pip install --upgrade 'qiskit>=1.3'$",
    ):
        common_qpy(12, old)


def test_the_newest_qpy_that_both_know_is_taken():
    some = Environment("/some/bin/python", "a:b", "{}", (), "/", 1.0)
    assert (common_qpy(15, some), common_qpy(99, some)) == (15, common_qpy(18, some))


def test_a_provider_is_asked_for_its_backend():
    default = EnvironmentBackend(sys.executable, "provider:Provider")
    named = EnvironmentBackend(
        sys.executable,
        "provider:Provider",
        arguments={"token": "me"},
        backend="garnet",
    )
    assert (default.name, named.name) == ("default for none", "garnet for me")


def test_it_inherits_tokens_but_nothing_that_speaks_of_our_environment(monkeypatch):
    for name in ("PYTHONPATH", "MPLBACKEND", "VIRTUAL_ENV", "PROVIDER_TOKEN"):
        monkeypatch.setenv(name, "ours")
    backend = EnvironmentBackend(sys.executable, "provider:telling")
    assert backend.name == "[False, None, None, None, 'ours']"


def test_a_command_will_do_for_an_interpreter(monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    command = Path(sys.executable).name
    assert sys.executable in repr(EnvironmentBackend(command, "provider:Backend"))


def test_it_travels_as_a_description_and_starts_nothing_on_arrival(habitual):
    backend = habitual("odd options")
    copy = pickle.loads(pickle.dumps(backend))
    assert copy.name == "habitual"
    assert dict(copy.options) == {"shots": 7, "level": 0.5, "model": None, "nan": None}
    assert set(copy.target.operation_names) == set(backend.target.operation_names)
    assert copy._line._process is None


def test_it_counts_as_a_device_unless_one_says_otherwise(habitual, tmp_path):
    lab = Lab(tmp_path / "home")
    lab.backends.add("device", habitual())
    lab.backends.add("simulator", habitual(simulator=True))
    device, simulator = map(lab.backends.facts, ("device", "simulator"))
    assert (device.simulator, device.exact, device.noisy) == (False, False, True)
    assert (device.max_circuits, device.max_shots) == (300, 100_000)
    assert (simulator.simulator, simulator.exact) == (True, False)
    assert (simulator.max_circuits, simulator.max_shots) == (1000, 10_000_000)
    assert device.portable
    assert simulator.portable
    lab.close()
