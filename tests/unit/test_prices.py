"""What devices cost: formulas with published numbers, tables, and which row is used."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from qiskit.providers.fake_provider import GenericBackendV2

from quantumflow_lab import Lab, Price
from quantumflow_lab.errors import BadPrices
from quantumflow_lab.price import Usage
from quantumflow_lab.prices import Device, Tariff, built_in, with_home
from quantumflow_lab.prices.book import PriceBook, read

DOCS = Path(__file__).parents[2] / "docs" / "prices.md"
TODAY = date(2026, 11, 26)
IBM = Device(("qiskit_ibm_runtime:IBMBackend",), "ibm_torino")


def row(name: str) -> Tariff:
    (found,) = [each for each in built_in().rows if each.name == name]
    return found


def cost(name: str, usage: Usage, device: Device | None = None) -> Decimal:
    price = row(name).price(device)
    assert price is not None
    return price.of(usage)


def test_a_thousand_seconds_of_ibm_cost_1600_usd() -> None:
    # Manage cost: a limit of 1000 seconds is one of 1600 USD.
    assert cost("ibm-payg", Usage(seconds=1000.0)) == 1600


@pytest.mark.parametrize(
    ("plan", "minute"), [("ibm-flex", 72), ("ibm-premium", 48), ("ibm-payg", 96)]
)
def test_plans_of_ibm_by_the_minute(plan: str, minute: int) -> None:
    assert cost(plan, Usage(seconds=60.0)) == minute


def test_the_open_plan_costs_seconds() -> None:
    price = row("ibm-open").price()
    assert price is not None
    assert (price.currency, price.of(Usage(seconds=600.0))) == ("s", 600)


@pytest.mark.parametrize(("jobs", "seconds", "usd"), [(1, 37, 59), (100, 235, 376)])
def test_batching_a_hundred_circuits_of_a_thousand_shots(
    jobs: int, seconds: int, usd: int
) -> None:
    # "about 2 s a job and 0.00035 s a shot": facts on batching, IBM's quick form.
    price = row("ibm-payg").price()
    assert price is not None
    used = jobs * price.job_s + 100_000 * 0.00035
    assert used == pytest.approx(seconds)
    assert price.of(Usage(seconds=used), jobs=jobs) == pytest.approx(usd, abs=0.3)


def test_a_hundred_tasks_on_garnet_cost_175_usd_and_as_one_set_much_less() -> None:
    usage = Usage(circuits=100, shots=100_000)
    assert cost("braket-garnet", usage) == 175
    together = Device((), "Garnet", circuits_in_task=True)
    assert cost("braket-garnet", usage, together) == Decimal("145.30")


def test_a_simulated_task_is_billed_for_three_seconds_at_least() -> None:
    price = Price("USD", per_second="0.00125", least_s=3)
    short, long = Usage(circuits=1, seconds=0.4), Usage(circuits=1, seconds=10.0)
    assert price.of(short) == 3 * price.per_second
    assert price.of(short, long) == 13 * price.per_second
    # What is added up before is a lower bound: long tasks make up for short ones.
    assert price.of(short + long) < price.of(short, long)


def test_ionq_on_azure_bills_gates_and_shots() -> None:
    # AQT = m + a N1q C + b N2q C, with m = 97.50, a = 0.000220, b = 0.000975.
    usage = Usage(circuits=1, shots=1000, one_qubit=20_000, two_qubit=10_000)
    assert cost("azure-ionq-aria", usage) == Decimal("111.65")


def test_quantinuum_bills_credits() -> None:
    # HQC = 5 + C (N1q + 10 N2q + 5 Nm) / 5000; 10, 5 and 4 at 500 shots make 13.
    usage = Usage(circuits=1, shots=500, one_qubit=5000, two_qubit=2500, measured=2000)
    assert cost("azure-quantinuum", usage) == 13
    price = row("azure-quantinuum").price()
    assert price is not None
    assert price.currency == "HQC"


@pytest.mark.parametrize(
    ("seconds", "usd"), [(0.01, "0.02"), (0.011, "0.04"), (1.0, "2.00")]
)
def test_rigetti_bills_begun_hundredths_of_a_second(seconds: float, usd: str) -> None:
    assert cost("azure-rigetti", Usage(seconds=seconds)) == Decimal(usd)


def test_an_hour_of_pasqal_is_exact() -> None:
    assert cost("azure-pasqal", Usage(seconds=3600.0)) == 3000
    assert cost("alice-bob", Usage(seconds=7200.0)) == 10_000


def test_iqm_by_the_second() -> None:
    assert cost("iqm-resonance", Usage(seconds=10.0)) == 3


def test_who_has_a_contract_alone_knows_its_rates() -> None:
    direct = Device(("qiskit_ionq:IonQQPUBackend",), "ionq_qpu")
    assert row("ionq-direct").formula == "by contract"
    assert built_in().price(direct, TODAY) is None


def test_every_row_has_a_source_and_a_date() -> None:
    for each in built_in().rows:
        assert each.terms["source"], each.name
        assert date(2024, 1, 1) < date.fromisoformat(each.terms["dated"]) <= TODAY


# --- which row -----------------------------------------------------------------------


def test_the_dearest_plan_is_assumed_and_said_so() -> None:
    price = built_in().price(IBM, TODAY)
    assert price is not None
    assert price.per_second == Decimal("1.60")
    assert price.note.endswith(
        "The plan pay-as-you-go is assumed; if yours is another (flex, open, premium), "
        'write [plans] "IBM Quantum" = "..." into prices.toml of the home.'
    )


def test_the_home_chooses_a_plan(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text('[plans]\n"IBM Quantum" = "open"\n')
    price = with_home(tmp_path).price(IBM, TODAY)
    assert price is not None
    assert price.currency == "s"
    assert "assumed" not in price.note


def test_the_home_replaces_a_row_and_adds_another(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text("""
[[price]]
name = "ibm-payg"
provider = "IBM Quantum"
plan = "pay-as-you-go"
backend = ["qiskit_ibm_runtime:IBMBackend"]
currency = "EUR"
per_second = "1.10"
source = "our contract"
dated = 2026-10-01

[[price]]
name = "own"
provider = "The lab next door"
backend = "next_door:Ion"
currency = "EUR"
per_shot = "0.002"
""")
    book = with_home(tmp_path)
    price = book.price(IBM, TODAY)
    assert price is not None
    assert (price.currency, price.per_second) == ("EUR", Decimal("1.10"))
    assert (price.source, price.dated) == ("our contract", "2026-10-01")
    next_door = book.price(Device(("next_door:Ion",), "ion7"), TODAY)
    assert next_door is not None
    assert next_door.of(Usage(shots=500)) == 1


def test_a_home_without_a_table_has_that_of_the_package(tmp_path: Path) -> None:
    assert with_home(tmp_path) is built_in()


def test_old_and_unverified_rows_say_so() -> None:
    book = PriceBook((row("braket-garnet"),))
    device = Device(("qiskit_braket_provider:BraketAwsBackend",), "Garnet")
    price = book.price(device, TODAY)
    assert price is not None
    assert price.note == "Not verified with the provider. Old: of 2025-01-01."


@pytest.mark.parametrize("name", ["IQM Garnet", "garnet"])
def test_a_device_is_known_by_its_name_in_any_case(name: str) -> None:
    device = Device(("qiskit_braket_provider:BraketAwsBackend",), name)
    found = built_in().row(device)
    assert found is not None
    assert found.name == "braket-garnet"


def test_nobody_guesses_what_another_device_costs() -> None:
    assert built_in().row(Device(("x:Backend",), "garnet")) is None
    local = Device(("qiskit_braket_provider:BraketLocalBackend",), "default")
    assert built_in().row(local) is None


# --- a lab ---------------------------------------------------------------------------


class Ion(GenericBackendV2):
    """A device that counts as none of this machine, as it runs by itself."""

    def run(self, *args: object, **options: object) -> object:
        """Never asked."""
        raise AssertionError


def test_a_lab_prices_devices_by_its_home(tmp_path: Path) -> None:
    table = """
[[price]]
name = "ion"
provider = "Next door"
backend = ["{module}:Ion"]
currency = "EUR"
per_shot = "0.5"
"""
    module = Ion.__module__.partition(".")[0]
    lab = Lab(tmp_path)
    lab.backends.add("ion", Ion(2))
    assert lab.backends.facts("ion").price is None
    (tmp_path / "prices.toml").write_text(table.format(module=module))
    lab.backends.add("ion", Ion(2))
    price = lab.backends.facts("ion").price
    assert price is not None
    assert (price.currency, price.per_shot) == ("EUR", Decimal("0.5"))
    lab.backends.add("ion", Ion(2), price=Price("USD", per_shot=1))
    assert lab.backends.facts("ion").price == Price("USD", per_shot=1)
    assert lab.backends.facts("aer").price is None
    lab.close()


def test_a_price_of_ones_own_leaves_times_to_the_table(tmp_path: Path) -> None:
    kind = f"{Ion.__module__.partition('.')[0]}:Ion"
    (tmp_path / "prices.toml").write_text(
        f'[[price]]\nname = "ion"\nprovider = "Next door"\nbackend = "{kind}"\n'
        'currency = "EUR"\nper_second = "2"\njob_s = 1.5\nrep_delay_s = 1e-3\n'
    )
    lab = Lab(tmp_path)
    lab.backends.add("ion", Ion(2), price=Price("USD", per_second=1, job_s=3.0))
    price = lab.backends.facts("ion").price
    assert price == Price("USD", per_second=1, job_s=3.0, rep_delay_s=1e-3)
    lab.close()


# --- what cannot be ------------------------------------------------------------------

GOOD = '[[price]]\nname = "x"\nprovider = "X"\nbackend = "x:B"\ncurrency = "USD"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = [", "t.toml is no TOML: "),
        ("[prices]", "t.toml has no part 'prices'; did you mean 'price'?"),
        ("[price]", "t.toml: write [[price]], with two brackets"),
        ("price = [1]", "t.toml, [[price]] 1 is no table"),
        ("[[price]]\nprovider = 'X'", "t.toml, [[price]] 1 needs name = ..."),
        (
            f"{GOOD}per_shots = 1",
            "t.toml, price 'x' has no field 'per_shots'; did you mean 'per_shot'?",
        ),
        (f"{GOOD}per_shot = 'a lot'", "t.toml, price 'x': per_shot of a price cannot"),
        (f"{GOOD}per_shot = -1", "t.toml, price 'x': per_shot of a price cannot be -1"),
        (f"{GOOD}device = 7", "t.toml, price 'x': device must be a list of texts"),
        (f"{GOOD}note = 7", "t.toml, price 'x': note must be text"),
        (f"{GOOD}{GOOD}", "t.toml has two prices 'x'"),
        (f"{GOOD}[plans]\nY = 'open'", "t.toml: no provider 'Y'"),
        (f"{GOOD}plan = 'a'\n[plans]\nX = 'b'", "t.toml: X has no plan 'b'"),
        ("[machine]\ncurrency = 'EUR'", "t.toml: [machine] needs currency"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(text: str, message: str) -> None:
    with pytest.raises(BadPrices) as refused:
        read(text, "t.toml")
    assert str(refused.value).startswith(message), str(refused.value)


def test_a_second_of_this_machine_may_cost_something() -> None:
    book = read('[machine]\ncurrency = "EUR"\nper_hour = "0.36"\n', "t.toml")
    assert book.machine is not None
    assert book.machine.of(Usage(seconds=100.0)) == Decimal("0.01")


# --- the page ------------------------------------------------------------------------

HEAD = (
    "| price | provider, plan | costs | source | dated | |\n|---|---|---|---|---|---|"
)


def page_table() -> str:
    rows = [HEAD]
    for each in built_in().rows:
        who = ", ".join(filter(None, (each.provider, each.plan)))
        terms = each.terms
        sure = "" if terms.get("verified", True) else "unverified"
        rows.append(
            f"| `{each.name}` | {who} | {each.formula} | {terms['source']} "
            f"| {terms['dated']} | {sure} |"
        )
    return "\n".join(rows)


def test_the_page_has_the_table() -> None:
    """Made by ``python tests/unit/test_prices.py``."""
    assert page_table() in DOCS.read_text()


if __name__ == "__main__":
    text = DOCS.read_text()
    begin, end = "<!-- prices -->\n", "\n<!-- end of prices -->"
    before, rest = text.split(begin)
    DOCS.write_text(f"{before}{begin}{page_table()}{end}{rest.split(end)[1]}")
