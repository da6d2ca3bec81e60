"""Why a run is not like another one: a pure function of what is known of both."""

from quantumflow_lab.compare.comparison import Comparison, compare
from quantumflow_lab.compare.facts import (
    Coordinates,
    PointFacts,
    RunFacts,
    StepFacts,
    coordinates,
)
from quantumflow_lab.compare.lineage import ancestors_of

__all__ = [
    "Comparison",
    "Coordinates",
    "PointFacts",
    "RunFacts",
    "StepFacts",
    "ancestors_of",
    "compare",
    "coordinates",
]
