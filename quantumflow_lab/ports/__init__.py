"""The seams of the lab: values that cross them, and the protocols on either side.

Deciding code takes and returns these values; acting code implements the protocols.
"""

from __future__ import annotations

from quantumflow_lab.ports.backends import Backends, Shape
from quantumflow_lab.ports.clock import Clock
from quantumflow_lab.ports.clusters import Away, Came, Cluster, Room
from quantumflow_lab.ports.facts import BackendFacts, Limits
from quantumflow_lab.ports.jobs import (
    Accepted,
    Bits,
    JobEvent,
    JobExecutor,
    JobMetrics,
    JobRequest,
    Lost,
    MaySend,
    Member,
    MemberDone,
    MemberFailed,
    MemberForecast,
    Progress,
    Sent,
    Settled,
    Submitted,
    may_send,
)
from quantumflow_lab.ports.keeping import Known, Ledger, Results, Sink
from quantumflow_lab.ports.terms import Fault, Mode, Phase, Stopped

__all__ = [
    "Accepted",
    "Away",
    "BackendFacts",
    "Backends",
    "Bits",
    "Came",
    "Clock",
    "Cluster",
    "Fault",
    "JobEvent",
    "JobExecutor",
    "JobMetrics",
    "JobRequest",
    "Known",
    "Ledger",
    "Limits",
    "Lost",
    "MaySend",
    "Member",
    "MemberDone",
    "MemberFailed",
    "MemberForecast",
    "Mode",
    "Phase",
    "Progress",
    "Results",
    "Room",
    "Sent",
    "Settled",
    "Shape",
    "Sink",
    "Stopped",
    "Submitted",
    "may_send",
]
