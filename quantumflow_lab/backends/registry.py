"""The backends a lab knows by name: built in, added, of a plugin or the notebook."""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from quantumflow_lab.backends.adapters import fetches
from quantumflow_lab.backends.calibration import calibration
from quantumflow_lab.backends.content_key import content_key
from quantumflow_lab.backends.device import device_of
from quantumflow_lab.backends.facts import facts_of, is_ibm_device
from quantumflow_lab.backends.failures import backend_error, is_in_doubt
from quantumflow_lab.backends.glimpse import Glimpse, glimpse
from quantumflow_lab.backends.lift import Templates
from quantumflow_lab.backends.names import builtin_names, is_builtin, make
from quantumflow_lab.backends.payload import payload_of
from quantumflow_lab.backends.pieces import value_array
from quantumflow_lab.backends.plugins import Plugin, Rebuilt, find_plugin, plugin_names
from quantumflow_lab.backends.preflight import preflight
from quantumflow_lab.backends.prepare import circuit_count, shot_count
from quantumflow_lab.backends.primitive import PrimitiveBackend
from quantumflow_lab.backends.pubs import Kind, defaults_for, normalise
from quantumflow_lab.backends.sessions import (
    close_session,
    open_session,
    session_seconds,
)
from quantumflow_lab.backends.spec import BackendSpec, pickled
from quantumflow_lab.errors import (
    BackendFailed,
    BadOption,
    NotStorable,
    QuantumFlowError,
    UnknownBackend,
    did_you_mean,
)
from quantumflow_lab.fingerprint import fingerprint
from quantumflow_lab.ports import BackendFacts, Limits, Mode, Shape
from quantumflow_lab.price import Price
from quantumflow_lab.prices import PriceBook

if TYPE_CHECKING:
    from qiskit.providers import BackendV2


@dataclass(frozen=True, slots=True)
class _Entry:
    backend: BackendV2
    spec: BackendSpec | None
    facts: BackendFacts


@dataclass
class Registry:
    """Backends by name; implements :class:`quantumflow_lab.ports.Backends`.

    Examples
    --------
    >>> registry = Registry()
    >>> registry.facts("basic_simulator").noisy
    False
    >>> registry.facts("fake_manilla")
    Traceback (most recent call last):
    ...
    quantumflow_lab.errors.UnknownBackend: no backend 'fake_manilla'; did you mean \
'fake_manila'?
    """

    namespace: Mapping[str, object] | None = None
    """Where a ``BackendV2`` may be found by its variable name, such as the notebook."""
    prices: Callable[[], PriceBook] = lambda: PriceBook(())
    """What devices cost of which the user said nothing."""
    _added: dict[str, object] = field(default_factory=dict)
    _terms: dict[str, tuple[Price | None, Limits]] = field(default_factory=dict)
    """What the user said of prices and limits."""
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _made: dict[str, PrimitiveBackend] = field(default_factory=dict)
    """What devices of IBM are spoken to through."""
    _contents: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Key of the entry and content key of the backend of each name."""
    _templates: Templates = field(default_factory=Templates)
    _loaded: dict[Plugin, BackendV2] = field(default_factory=dict)
    """Backends of plugins, each made once."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def facts(self, name: str) -> BackendFacts:
        """Look a backend up.

        A backend from the notebook is snapshot here: changing it afterwards has no
        effect on jobs before its facts are asked for again.

        Raises
        ------
        UnknownBackend
            Nothing of that name; the message has the nearest.
        PluginBroken
            A distribution registers it, but it cannot be loaded.
        """
        return self._enter(name).facts

    def known(self, name: str) -> BackendFacts:
        """The facts as they were when :meth:`facts` was last asked; cheap."""
        return self._known(name).facts

    def spec(self, name: str) -> BackendSpec | None:
        """What to send to a worker, or None if the backend cannot leave the kernel."""
        return self._known(name).spec

    def backend(self, name: str) -> BackendV2:
        """The object itself, for execution inside the kernel."""
        return self._known(name).backend

    def names(self) -> list[str]:
        """Names for completion, sorted."""
        found = {
            name
            for name, value in list((self.namespace or {}).items())
            if not name.startswith("_") and _is_backend(value)
        }
        return sorted({*builtin_names(), *plugin_names(), *self._added, *found})

    def glimpses(self, names: Iterable[str] | None = None) -> list[Glimpse]:
        """A row for each name, those of the user first; nothing is loaded.

        Without `names`, for each of :meth:`names`.
        """
        with self._lock:
            known = {name: entry.facts for name, entry in self._entries.items()}
        wanted = self.names() if names is None else names
        rows = [glimpse(name, known.get(name)) for name in wanted]
        return sorted(rows, key=lambda row: is_builtin(row.name))

    def add(
        self,
        name: str,
        backend: object,
        *,
        price: Price | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Register a ``BackendV2`` under a name, instead of any other of that name.

        Parameters
        ----------
        price
            What jobs on it cost; without it what the tables of prices say, see
            ``docs/prices.md``.
        limits
            What its provider lets one do at once.

        Raises
        ------
        UnknownBackend
            It is no ``BackendV2``.
        """
        if not _is_backend(backend):
            raise UnknownBackend(
                f"cannot add '{name}': {type(backend).__name__} is no BackendV2; "
                "pass an object with target, options and run()",
                name=name,
            )
        for what, given, kind in (("price", price, Price), ("limits", limits, Limits)):
            if given is not None and not isinstance(given, kind):
                raise BadOption(
                    f"{what} must be a qf.{kind.__name__}, not {type(given).__name__}"
                )
        with self._lock:
            self._added[str(name)] = backend
            self._terms[name] = price, limits or Limits()
            self._entries.pop(name, None)

    def again(self, name: str, backend: object) -> None:
        """Register a backend as it is now; if it was, it keeps its price and limits."""
        price, limits = self._terms.get(name, (None, None))
        if self._added.get(name) is not backend:
            price = limits = None
        self.add(name, backend, price=price, limits=limits)

    def added(self) -> tuple[str, ...]:
        """Names of backends that somebody has added, in their order."""
        return tuple(self._added)

    def normalise(
        self,
        kind: Kind,
        value: object,
        *,
        backend: str,
        shots: int | None,
        precision: float | None,
    ) -> tuple[tuple[Any, ...], Shape]:
        """PUBs of what a step returned, and their shape; see :func:`normalise`.

        In an estimate, ``shots=N`` without a precision stands for ``1/√N``. PUBs whose
        circuits differ in nothing but numbers come back with one circuit object.
        """
        defaults = defaults_for(shots, precision, self._known(backend).facts.max_shots)
        pubs, shape = normalise(kind, value, defaults)
        about = tuple(pub.circuit.metadata for pub in pubs)
        lifted = tuple(map(self._templates.lift_pub, pubs))
        return lifted, replace(shape, about=about)

    def circuits(self, kind: Kind, pub: Any) -> int:
        """Circuits, and seeds, that one normalised PUB takes."""
        return circuit_count(kind, pub)

    def shots(self, kind: Kind, pub: Any) -> int:
        """Shots over all circuits of one normalised PUB; 0 if it is exact."""
        return shot_count(kind, pub)

    def payload(self, pubs: Sequence[Any]) -> int:
        """Bytes of normalised PUBs: their circuits as QPY, their values as floats."""
        return sum(payload_of(pub) for pub in pubs)

    def key(self, name: str, kind: Kind, pub: Any, how: object) -> str | None:
        """Content key of what a PUB gives on a backend, shots and seed left out.

        Parameters
        ----------
        how
            What else decides, such as options; anything that can be stored.

        Returns
        -------
        str or None
            None if the backend or the circuit has no key that another process would
            find.
        """
        content = self._content(name)
        if content is None:
            return None
        calibrated = self._known(name).facts.calibrated
        try:
            circuit, order = self._templates.key(pub.circuit)
            about = [content, calibrated, kind, circuit, how]
            return fingerprint([*about, *_what_is_asked(kind, pub, order)])
        except NotStorable:
            return None

    def question(self, kind: Kind, pub: Any) -> str | None:
        """Content key of a PUB, whatever backend it is for; None if it has none."""
        try:
            circuit, order = self._templates.key(pub.circuit)
            asked = _what_is_asked(kind, pub, order)
            return fingerprint([circuit, getattr(pub, "shots", None), *asked])
        except NotStorable:
            return None

    def identity(self, name: str) -> str:
        """What a backend is, so that another of its name is told apart.

        For one without a content key it is its class and where it is in memory: another
        process cannot know it again, and goes by the class.
        """
        content = self._content(name)
        if content is not None:
            return content
        backend = self._known(name).backend
        return f"{type(backend).__qualname__} at {os.getpid()}:{id(backend):x}"

    def is_device(self, name: str) -> bool:
        """Whether jobs on a backend may go on without us; yes if nobody knows it."""
        try:
            return not self.facts(name).simulator
        except UnknownBackend:
            return True

    def fetches(self, name: str, kind: Kind, *, heard: bool) -> bool:
        """Whether a job that was sent can be fetched.

        See :func:`quantumflow_lab.backends.adapters.fetches`.
        """
        try:
            return fetches(self._known(name).backend, kind, heard=heard)
        except UnknownBackend:
            return False

    def calibration(self, name: str) -> dict[str, Any] | None:
        """What a device says of its qubits and gates; see :func:`calibration`."""
        return calibration(self._known(name).backend.target)

    def offering(self, mode: Mode) -> tuple[str, ...]:
        """Names of backends that somebody has added and that take jobs so."""
        return tuple(n for n in self._added if mode in self._known(n).facts.modes)

    def open_session(self, name: str, mode: Mode, most_s: int | None) -> str:
        """Open a session or batch; see :func:`.sessions.open_session`.

        An error tells by ``in_doubt`` whether one may be open all the same.
        """
        try:
            with _as_ours(name):
                return open_session(self._device(name), mode, most_s)
        except BackendFailed as error:
            error.facts["in_doubt"] = is_in_doubt(error)
            raise

    def close_session(self, name: str, mode: Mode, session: str) -> None:
        """Let it take no more jobs; one that is not there any more is closed."""
        with _as_ours(name):
            close_session(self._device(name), mode, session)

    def session_seconds(self, name: str, mode: Mode, session: str) -> float | None:
        """Seconds that a closed session is billed; None if nobody tells in time."""
        with _as_ours(name):
            return session_seconds(self._device(name), mode, session)

    def _device(self, name: str) -> Any:
        """What opens sessions for a backend."""
        backend: Any = self._known(name).backend
        return backend.backend if isinstance(backend, PrimitiveBackend) else backend

    def _content(self, name: str) -> str | None:
        """Content key of a backend, formed once."""
        entry = self._known(name)
        if name not in self._contents or self._contents[name][0] != entry.facts.key:
            content = content_key(entry.backend, entry.facts.key)
            self._contents[name] = entry.facts.key, content
        return self._contents[name][1]

    def preflight(
        self,
        name: str,
        kind: Kind,
        pubs: Sequence[Any],
        options: Mapping[str, Any],
        transpile: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise the error that running these PUBs would meet; see :func:`preflight`."""
        entry = self._known(name)
        preflight(entry.facts, entry.backend, kind, pubs, options, transpile or {})

    def _known(self, name: str) -> _Entry:
        with self._lock:
            return self._entries.get(name) or self._enter(name)

    def _enter(self, name: str) -> _Entry:
        with self._lock:
            value = self._added.get(name, (self.namespace or {}).get(name))
            if is_ibm_device(value):
                value = self._with_primitives(name, cast("BackendV2", value))
            if _is_backend(value):
                entry = _from_object(name, value)
            elif is_builtin(name):
                known = self._entries.get(name)
                if known is not None and known.facts.key == _builtin_key(name):
                    return known
                entry = _from_name(name)
            elif (plugin := find_plugin(name)) is not None:
                entry = self._from_plugin(plugin)
            else:
                raise UnknownBackend(_unknown(name, self.names()), name=name)
            price, limits = self._terms.get(name, (None, entry.facts.limits))
            billed = price is not None and not price.free
            if not entry.facts.simulator:
                device, book = device_of(entry.backend), self.prices()
                told, row = book.price(device), book.row(device)
                if price is None:
                    price = told
                    billed = row is not None and not (told and told.free)
                elif told is not None:
                    price = price.with_times_of(told)
            facts = replace(entry.facts, price=price, limits=limits, billed=billed)
            entry = replace(entry, facts=facts)
            self._entries[name] = entry
            return entry

    def _with_primitives(self, name: str, device: BackendV2) -> PrimitiveBackend:
        """The same for the same device, or what it has measured would not be kept."""
        made = self._made.get(name)
        if made is None or made.backend is not device:
            made = self._made[name] = PrimitiveBackend(device)
        return made

    def _from_plugin(self, plugin: Plugin) -> _Entry:
        if plugin not in self._loaded:
            backend = plugin.make()
            if not _is_backend(backend):
                kind = type(backend).__name__
                raise plugin.broken(f"its factory returned a {kind}, no BackendV2")
            self._loaded[plugin] = backend
        entry = _from_object(plugin.name, self._loaded[plugin])
        if entry.spec is not None:
            return entry
        # What does not survive pickling is made again in the worker.
        spec = BackendSpec(plugin.name, plugin.key, pickle.dumps(Rebuilt(plugin)))
        facts = replace(entry.facts, key=plugin.key, portable=True)
        return replace(entry, spec=spec, facts=facts)


@contextmanager
def _as_ours(name: str) -> Iterator[None]:
    """Raise what a client raises as an error of ours."""
    try:
        yield
    except QuantumFlowError:
        raise
    except Exception as error:
        raise backend_error(error, name) from error


def _what_is_asked(kind: Kind, pub: Any, order: Sequence[str]) -> list[Any]:
    """Parameter values, and in an estimate the observables and the precision."""
    values = pub.parameter_values
    asked = [list(values.shape), value_array(order, values) if order else None]
    if kind == "sample":
        return asked
    observables = pub.observables
    terms = [sorted(each.items()) for each in np.asarray(observables).flat]
    return [*asked, list(observables.shape), terms, pub.precision]


def _is_backend(value: object) -> bool:
    # Without importing qiskit: a namespace may be asked before anything uses it.
    return not isinstance(value, type) and any(
        kind.__name__ == "BackendV2" and kind.__module__.startswith("qiskit.")
        for kind in type(value).__mro__
    )


def _unknown(name: str, known: list[str]) -> str:
    if name.startswith("fake_") and not any(n.startswith("fake_") for n in known):
        return f"no backend '{name}': fake devices need pip install qiskit-ibm-runtime"
    if name.startswith("ibm_") and not any(n.startswith("ibm_") for n in known):
        twin = f"fake_{name.removeprefix('ibm_')}"
        freely = f"; without one, --backend {twin} imitates it" if twin in known else ""
        return (
            f"no backend '{name}': IBM's devices need an account; once it is saved by "
            "QiskitRuntimeService.save_account(token=...), write in a cell "
            f'{name} = QiskitRuntimeService().backend("{name}"){freely}'
        )
    return f"no backend '{name}'{did_you_mean(name, known)}"


def _builtin_key(name: str) -> str:
    return f"builtin:{name}"


def _from_name(name: str) -> _Entry:
    backend = make(name)
    spec = BackendSpec(name, key=_builtin_key(name))
    return _Entry(
        backend, spec, facts_of(backend, name=name, key=spec.key, portable=True)
    )


def _from_object(name: str, backend: Any) -> _Entry:
    payload = pickled(backend)
    if payload is None:
        key, spec = f"object:{id(backend):x}", None
    else:
        key = f"sha256:{hashlib.sha256(payload).hexdigest()}"
        spec = BackendSpec(name, key, payload)
    facts = facts_of(backend, name=name, key=key, portable=spec is not None)
    return _Entry(backend, spec, facts)
