"""Tables of prices, and which row is for a device."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from quantumflow_lab.errors import BadPrices, did_you_mean
from quantumflow_lab.price import Price
from quantumflow_lab.prices.tariff import Device, Tariff, tariff

HOME_FILE = "prices.toml"
STALE_DAYS = 365
"""Age from which a row says that it is old."""


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Every tariff that is known, the home's own ones first."""

    rows: tuple[Tariff, ...]
    plans: Mapping[str, str] = field(default_factory=dict)
    """The plan of a provider that the user has."""
    machine: Price | None = None
    """What a second of this machine costs, where somebody said so."""

    def row(self, device: Device) -> Tariff | None:
        """The tariff of a device: that of the chosen plan, else the first."""
        fit = [row for row in self.rows if row.fits(device)]
        chosen = [row for row in fit if self.plans.get(row.provider) == row.plan]
        return next(iter([*chosen, *fit]), None)

    def price(self, device: Device, today: date | None = None) -> Price | None:
        """What a device costs, with what is uncertain about it in its note."""
        row = self.row(device)
        price = None if row is None else row.price(device)
        if row is None or price is None:
            return None
        doubts = [price.note, *self.doubts(row, today)]
        return replace(price, note=" ".join(filter(None, doubts)))

    def doubts(self, row: Tariff, today: date | None = None) -> list[str]:
        """What is uncertain about a row, in sentences."""
        today = today or datetime.now(UTC).date()
        found = []
        if not row.terms.get("verified", True):
            found.append("Not verified with the provider.")
        dated = row.terms.get("dated")
        if dated and (today - date.fromisoformat(dated)).days > STALE_DAYS:
            found.append(f"Old: of {dated}.")
        others = {r.plan for r in self.rows if r.provider == row.provider} - {row.plan}
        if others and row.provider not in self.plans:
            known = ", ".join(sorted(others))
            found.append(
                f"The plan {row.plan} is assumed; if yours is another ({known}), write "
                f'[plans] "{row.provider}" = "..." into {HOME_FILE} of the home.'
            )
        return found


@cache
def built_in() -> PriceBook:
    """The table of the package."""
    text = files("quantumflow_lab.prices").joinpath("prices.toml").read_text("utf-8")
    return read(text, "prices.toml of the package")


def with_home(home: Path) -> PriceBook:
    """The table of the package with what the home's own says instead.

    Raises
    ------
    BadPrices
        With the file, the row and the field.
    """
    path = home / HOME_FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return built_in()
    except (OSError, UnicodeDecodeError) as error:
        raise BadPrices(f"cannot read {path}: {error}", file=str(path)) from None
    return read(text, str(path), below=built_in())


def read(text: str, file: str, below: PriceBook | None = None) -> PriceBook:
    """Read a table.

    Parameters
    ----------
    file
        What to call it in messages.
    below
        Rows that stay where the table has none of their name.

    Raises
    ------
    BadPrices
        With the file, the row and the field.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPrices(f"{file} is no TOML: {error}", file=file) from None
    for name in data:
        if name not in ("price", "plans", "machine"):
            hint = did_you_mean(name, ("price", "plans", "machine"))
            raise BadPrices(f"{file} has no part '{name}'{hint}", file=file)
    listed = data.get("price", [])
    if not isinstance(listed, list):
        raise BadPrices(f"{file}: write [[price]], with two brackets", file=file)
    own = [tariff(row, file, n) for n, row in enumerate(listed, 1)]
    names = [row.name for row in own]
    for name in names:
        if names.count(name) > 1:
            raise BadPrices(f"{file} has two prices '{name}'", file=file)
    kept = [row for row in (below.rows if below else ()) if row.name not in names]
    rows = (*own, *kept)
    return PriceBook(rows, _plans(data, rows, file), _machine(data, file))


def _plans(data: Any, rows: tuple[Tariff, ...], file: str) -> dict[str, str]:
    plans = data.get("plans", {})
    for provider, plan in plans.items():
        known = [row.plan for row in rows if row.provider == provider]
        if not known:
            hint = did_you_mean(provider, {row.provider for row in rows})
            raise BadPrices(f"{file}: no provider '{provider}'{hint}", file=file)
        if plan not in known:
            hint = did_you_mean(str(plan), known)
            raise BadPrices(f"{file}: {provider} has no plan '{plan}'{hint}", file=file)
    return dict(plans)


def _machine(data: Any, file: str) -> Price | None:
    """What a second of this machine costs its user, if he said so."""
    if "machine" not in data:
        return None
    given = {"name": "machine", "provider": "machine", "backend": "*"}
    row = tariff({**data["machine"], **given}, f"{file}, [machine]", 1)
    price = row.price()
    if price is None or not price.timed:
        raise BadPrices(
            f'{file}: [machine] needs currency = "EUR" and per_hour = "0.20"', file=file
        )
    return price
