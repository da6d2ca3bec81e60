"""What is wrong with the options of steps and the axes they name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from quantumflow_lab.cell.text import CellText
from quantumflow_lab.dims import check_over
from quantumflow_lab.errors import BadAxis, BadOption, Where, did_you_mean
from quantumflow_lab.workflow import Step, Workflow


def check_step_options(
    text: CellText, workflow: Workflow, unbound: Iterable[str] = ()
) -> None:
    """Raise the first fault among options that do nothing, ``over`` and ``map``.

    Parameters
    ----------
    text, workflow
        The cell, and what it was read as.
    unbound
        Names of a notebook that is not known yet: any of them may be an axis.

    Raises
    ------
    BadOption, BadAxis
        Naming the line and what to type instead.
    """
    check = _Check(text, workflow, frozenset(unbound))
    check.idle_options()
    check.axes()


@dataclass
class _Check:
    text: CellText
    workflow: Workflow
    unbound: frozenset[str]

    def idle_options(self) -> None:
        """Options that would do nothing, which is never what was meant."""
        for step in self.workflow.steps:
            given = {option.name: option for option in step.options}
            if "shots" in given and "precision" in given:
                message = f"step '{step.name}' has shots and precision; give one"
                where = self.text.where(given["precision"].span)
                raise BadOption(message, where=where)
            if "partial" in given and not step.over:
                message = f"step '{step.name}' has partial=, which belongs to over="
                raise BadOption(message, where=self.text.where(given["partial"].span))
            self._refuse_idle(step)

    def _refuse_idle(self, step: Step) -> None:
        if step.kind != "step" or step.quantum:
            return
        idle = ["calls", "shots", "precision", "optimization_level", "transpile"]
        idle += ["options"] + ([] if "backend" in step.injected else ["backend"])
        for option in step.options:
            if option.name in idle:
                raise BadOption(
                    f"step '{step.name}' has {option.name}=, which is for a step that "
                    "asks for sampler or estimator; add that need or use @qf.sample",
                    where=self.text.where(option.span),
                    step=step.name,
                    option=option.name,
                )

    def axes(self) -> None:
        maps = {step.map for step in self.workflow.steps if step.map}
        for step in self.workflow.steps:
            self._check_map(step)
            for name in step.over:
                known = {*self.workflow.axis_names, *maps, "backend"}
                if name not in known | self.unbound:
                    raise BadAxis(
                        f"step '{step.name}' collects over '{name}', which is no axis"
                        f"{did_you_mean(name, known - {'backend'})}",
                        where=self._where_option(step, "over"),
                        step=step.name,
                        axis=name,
                    )
        self._check_over()

    def _check_map(self, step: Step) -> None:
        name = step.map
        if name is None:
            return
        message = None
        if name not in step.needs:
            hint = did_you_mean(name, step.needs)
            message = f"step '{step.name}' maps over '{name}', which is no need{hint}"
        elif name in self.workflow.axis_names:
            message = (
                f"step '{step.name}' maps over '{name}', which is an axis already; "
                "a step that needs an axis runs once for each value, drop map="
            )
        elif name in step.over:
            message = f"step '{step.name}' maps over '{name}' and collects it; drop one"
        if message:
            where = self._where_option(step, "map")
            raise BadAxis(message, where=where, step=step.name, axis=name)

    def _check_over(self) -> None:
        try:
            check_over(self.workflow, unbound=self.unbound)
        except BadAxis as error:
            step = self.workflow.step(str(error.facts["step"]))
            where = self._where_option(step, "over")
            raise BadAxis(error.message, where=where, **error.facts) from None

    def _where_option(self, step: Step, name: str) -> Where:
        option = step.option(name)
        return self.text.where(step.span if option is None else option.span)
