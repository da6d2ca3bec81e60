"""What a run would take, without a single shot."""

from quantumflow_lab.quote.choice import Candidate, Choice
from quantumflow_lab.quote.figure import Figure
from quantumflow_lab.quote.quote import Quote, Total
from quantumflow_lab.quote.quoter import Quoter
from quantumflow_lab.quote.rows import StepQuote

__all__ = [
    "Candidate",
    "Choice",
    "Figure",
    "Quote",
    "Quoter",
    "StepQuote",
    "Total",
]
