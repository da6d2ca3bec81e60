"""One row of a table of prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from quantumflow_lab.errors import BadOption, BadPrices, did_you_mean
from quantumflow_lab.price import Price

_OWN = ("name", "provider", "plan", "backend", "device")
_PRICE = tuple(each.name for each in fields(Price))
_KNOWN = (*_OWN, "per_task", *_PRICE)
_TEXTS = ("name", "provider", "plan", "currency", "source", "note")


@dataclass(frozen=True, slots=True)
class Device:
    """What tells which prices fit a backend."""

    kinds: tuple[str, ...]
    """Its class and those above it, such as ``qiskit_ibm_runtime:IBMBackend``."""
    name: str
    """What the provider calls it."""
    circuits_in_task: bool = False
    """Whether a task of the provider has all the circuits of a job."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """What some devices cost under one plan."""

    name: str
    """Such as ``ibm-payg``; a row of the home replaces that of its name."""
    provider: str
    plan: str
    """Empty where a provider has but one."""
    backend: tuple[str, ...]
    """Classes of backends that it is for, as ``package:class``."""
    device: tuple[str, ...]
    """Patterns of names, as of files, in small letters."""
    terms: Mapping[str, Any]
    """The fields of :class:`Price`, and ``per_task``; no currency, no price."""

    def fits(self, device: Device) -> bool:
        """Whether it is for a device.

        Examples
        --------
        >>> row = Tariff("x", "X", "", ("x:Device",), ("*garnet*",), {})
        >>> row.fits(Device(("x:Device",), "IQM Garnet"))
        True
        """
        if not set(self.backend) & {*device.kinds, "*"}:
            return False
        name = device.name.lower()
        return any(fnmatchcase(name, pattern) for pattern in self.device)

    def price(self, device: Device | None = None) -> Price | None:
        """What a device costs; None if only a contract says."""
        if "currency" not in self.terms:
            return None
        terms = dict(self.terms)
        task = terms.pop("per_task", None)
        if task is not None:
            together = device is not None and device.circuits_in_task
            terms["per_job" if together else "per_circuit"] = task
        return Price(**terms)

    @property
    def formula(self) -> str:
        """The terms in words.

        Examples
        --------
        >>> Tariff("x", "X", "", (), (), {"currency": "USD", "per_task": "0.30",
        ...     "per_shot": "0.001"}).formula
        '0.30 USD a task + 0.001 USD a shot'
        """
        price = self.price()
        if price is None:
            return "by contract"
        if "per_task" in self.terms:
            return price.formula.replace("a circuit", "a task")
        return price.formula


def tariff(row: Any, file: str, number: int) -> Tariff:
    """Read a row of a table.

    Raises
    ------
    BadPrices
        With the file, the row and the field.
    """
    where = f"{file}, [[price]] {number}"
    if not isinstance(row, dict):
        raise BadPrices(f"{where} is no table", file=file)
    name = row.get("name")
    if isinstance(name, str) and name:
        where = f"{file}, price '{name}'"
    _check_fields(row, where, file)
    terms = {field: row[field] for field in (*_PRICE, "per_task") if field in row}
    if isinstance(terms.get("dated"), date):
        terms["dated"] = terms["dated"].isoformat()
    found = Tariff(
        name=row["name"],
        provider=row["provider"],
        plan=row.get("plan", ""),
        backend=_texts(row["backend"], f"{where}: backend", file),
        device=_texts(row.get("device", ["*"]), f"{where}: device", file),
        terms=terms,
    )
    try:
        found.price()
    except BadOption as error:
        raise BadPrices(f"{where}: {error}", file=file) from None
    return found


def _check_fields(row: Mapping[str, Any], where: str, file: str) -> None:
    for field in row:
        if field not in _KNOWN:
            hint = did_you_mean(field, _KNOWN)
            raise BadPrices(f"{where} has no field '{field}'{hint}", file=file)
    for field in ("name", "provider", "backend"):
        if not row.get(field):
            raise BadPrices(f"{where} needs {field} = ...", file=file)
    for field in _TEXTS:
        if not isinstance(row.get(field, ""), str):
            raise BadPrices(f"{where}: {field} must be text", file=file)


def _texts(given: Any, what: str, file: str) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(x, str) for x in listed):
        raise BadPrices(f'{what} must be a list of texts, such as ["*"]', file=file)
    return tuple(listed)
