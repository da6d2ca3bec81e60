"""A run as files that need nothing of us: a script, a report, tables."""

from quantumflow_lab.export.files import FORMS, Written, write
from quantumflow_lab.export.report import report
from quantumflow_lab.export.script import script
from quantumflow_lab.export.tables import tables

__all__ = ["FORMS", "Written", "report", "script", "tables", "write"]
