"""The line ``%%qflow NAME option*``."""

from __future__ import annotations

from typing import Any

import pytest

from quantumflow_lab.cell.magic_line import (
    MAGIC_OPTIONS,
    RunOptions,
    option_names,
    parse_magic_line,
)
from quantumflow_lab.cell.text import misplaced_magic
from quantumflow_lab.errors import BadShots, MagicLineError


def test_a_name_alone_leaves_the_rest_to_the_settings() -> None:
    assert parse_magic_line("%%qflow bell") == RunOptions("bell")


def test_every_option_is_read() -> None:
    line = (
        "%%qflow bell --backend aer,fake_lima --shots 100 --precision=0.01 --seed 7 "
        "--set n=3 --set \"angles=[0, 1.5]\" --set name='fake' --fresh=counts --plan "
        "--background --show graph"
    )
    assert parse_magic_line(line) == RunOptions(
        name="bell",
        backend=("aer", "fake_lima"),
        shots=100,
        precision=0.01,
        seed=7,
        set={"n": 3, "angles": [0, 1.5], "name": "fake"},
        fresh="counts",
        plan=True,
        background=True,
        show="graph",
    )


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("bell --fresh", {"fresh": True}),
        ("bell --fresh --plan", {"fresh": True, "plan": True}),
        ("bell --backend aer, fake_lima", {"backend": ("aer", "fake_lima")}),
        ("bell --shots 1_000", {"shots": 1000}),
        ("bell --precision 0", {"precision": 0.0}),
        ("bell --set=n=3", {"set": {"n": 3}}),
        ("bell --set n=-3", {"set": {"n": -3}}),
        ("bell --set text='\"3\"'", {"set": {"text": "3"}}),
        ("bell --set text=", {"set": {"text": ""}}),
        ("bell --set eq=a=b", {"set": {"eq": "a=b"}}),
        ("bell --plan # only look", {"plan": True}),
        ("π --plan", {"name": "π", "plan": True}),
    ],
)
def test_an_option_can_be_written_in_several_ways(
    line: str, options: dict[str, Any]
) -> None:
    assert parse_magic_line(line) == RunOptions(**{"name": "bell"} | options)


@pytest.mark.parametrize(
    "shots", ["0", "-1", "1e12", "True", '"1024"', "1000000000000"]
)
def test_shots_that_no_run_can_have_are_refused(shots: str) -> None:
    if shots == '"1024"':
        # The shell's quotes are not part of the word.
        assert parse_magic_line(f"bell --shots {shots}").shots == 1024
        return
    with pytest.raises(BadShots, match=r"^--shots must be a whole number"):
        parse_magic_line(f"bell --shots {shots}")


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", "True", str(2**63)])
def test_a_seed_is_a_whole_number(seed: str) -> None:
    with pytest.raises(MagicLineError, match=r"^--seed must be a whole number"):
        parse_magic_line(f"bell --seed {seed}")


@pytest.mark.parametrize("line", ["bell --plan=yes", "bell --background=1"])
def test_a_flag_takes_no_value(line: str) -> None:
    with pytest.raises(MagicLineError, match="takes no value"):
        parse_magic_line(line)


def test_the_package_keeps_its_name() -> None:
    with pytest.raises(MagicLineError, match="'qf' is the name of the package"):
        parse_magic_line("qf")


def test_options_cannot_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        parse_magic_line("bell --set n=3").set["n"] = 4  # type: ignore[index]  # on purpose


def test_the_table_serves_the_completer() -> None:
    assert option_names() == (
        "--backend",
        "--among",
        "--policy",
        "--mode",
        "--deadline",
        "--budget",
        "--shots",
        "--precision",
        "--seed",
        "--set",
        "--fresh",
        "--executor",
        "--plan",
        "--background",
        "--show",
    )
    completed = {each.name: each.completes for each in MAGIC_OPTIONS if each.value}
    assert completed == {
        "--backend": "backend",
        "--among": "backend",
        "--policy": "choice",
        "--mode": "choice",
        "--deadline": "nothing",
        "--budget": "nothing",
        "--shots": "nothing",
        "--precision": "nothing",
        "--seed": "nothing",
        "--set": "value",
        "--fresh": "step",
        "--executor": "nothing",
        "--show": "choice",
    }
    assert [each.name for each in MAGIC_OPTIONS if each.flag] == [
        "--fresh",
        "--plan",
        "--background",
    ]


def test_a_hidden_magic_is_noticed_and_nothing_else() -> None:
    fault = misplaced_magic("\n# why\n%%qflow bell\n", file="Cell In[3]")
    assert str(fault) == (
        "%%qflow must be the first line; move this comment below it\n"
        "  Cell In[3], line 2:  # why"
    )
    assert misplaced_magic("\n\n%%qflow bell\n# why\n") is None
    assert misplaced_magic("x = 1\ny = '''\n%%qflow bell\n'''") is None
    assert misplaced_magic("# why\n%%qflows bell") is None
