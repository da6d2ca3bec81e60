"""What one sees of runs, as HTML and text; live views are in modules of their own.

Workers import this package as well, so nothing here loads ipywidgets: ``RunWidget`` is
in ``widgets.run``, and so on.
"""

from quantumflow_lab.widgets.composed import composer_html, composer_text
from quantumflow_lab.widgets.html import run_html
from quantumflow_lab.widgets.report import Section, report_html, report_text
from quantumflow_lab.widgets.tables import table_html, table_text
from quantumflow_lab.widgets.text import progress_line, run_text

__all__ = [
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
