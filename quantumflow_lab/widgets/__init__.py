"""What one sees of runs: widgets, and their HTML and text forms."""

from quantumflow_lab.widgets.backends import BackendsWidget
from quantumflow_lab.widgets.compare import CompareWidget
from quantumflow_lab.widgets.composed import composer_html, composer_text
from quantumflow_lab.widgets.composer import ComposerWidget
from quantumflow_lab.widgets.dashboard import DashboardWidget
from quantumflow_lab.widgets.html import run_html
from quantumflow_lab.widgets.report import Section, report_html, report_text
from quantumflow_lab.widgets.run import RunWidget
from quantumflow_lab.widgets.tables import table_html, table_text
from quantumflow_lab.widgets.text import progress_line, run_text

__all__ = [
    "BackendsWidget",
    "CompareWidget",
    "ComposerWidget",
    "DashboardWidget",
    "RunWidget",
    "Section",
    "composer_html",
    "composer_text",
    "progress_line",
    "report_html",
    "report_text",
    "run_html",
    "run_text",
    "table_html",
    "table_text",
]
