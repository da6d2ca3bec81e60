"""The site: Sphinx reads what ``docs._sphinx.staging`` has laid out."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for `docs._sphinx`
# Whoever builds the site needs no home, and his settings say nothing about the pages.
os.environ.setdefault("QFLOW_HOME", str(ROOT / "build" / "site-home"))

project = "QuantumFlow Lab"
author = "The QuantumFlow Lab authors"
project_copyright = "The QuantumFlow Lab authors, Apache-2.0"
version = release = version_of("quantumflow-lab")
root_doc = "index"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "docs._sphinx.cells",
    "docs._sphinx.docstrings",
    "docs._sphinx.mathml",
    "docs._sphinx.drawings",
]
# GitHub's dialect, so that a page reads the same in both places.
myst_enable_extensions = ["colon_fence", "dollarmath", "linkify"]
myst_linkify_fuzzy_links = False
myst_heading_anchors = 3
default_role = "literal"
highlight_language = "none"
pygments_style = "default"
pygments_dark_style = "github-dark"

# --- notebooks -------------------------------------------------------------------

# They are kept without outputs and run here, once: what has run is cached by its text.
nb_execution_mode = os.environ.get("QFLOW_SITE_NOTEBOOKS", "cache")
nb_execution_cache_path = str(ROOT / "build" / "site-cache")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
# No script from elsewhere: widgets show the static form that each of them has.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),
]

# --- reference -------------------------------------------------------------------

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
python_use_unqualified_type_names = True
python_display_short_literal_types = True
python_maximum_signature_line_length = 76
add_module_names = False
toc_object_entries_show_parents = "hide"
nitpicky = True
# Names of others: the site is built without a network, so there is no inventory. Ours
# all lead somewhere, but for what a person never holds.
OTHERS = (
    "IPython anywidget asyncio collections concurrent datetime decimal matplotlib "
    "numbers numpy pa pandas pathlib pyarrow qiskit t threading traitlets typing"
)
ANNOTATED = (
    "Asked BackendV2 Chart Decorator Figure Path QuantumCircuit Source StepFunction"
)
INNER = (
    "cell.declare.StepFunction planning ports "
    "prices.tariff remote.quote run.Control run.RunData runner widgets.report.Section "
    "workers.environment_job.EnvironmentJob"
)
nitpick_ignore_regex = [
    ("py:.*", rf"({'|'.join(OTHERS.split())})(\..*)?"),
    ("py:class", rf"({'|'.join(ANNOTATED.split())})"),
    ("py:class", rf"quantumflow_lab\.({'|'.join(INNER.split())})(\..*)?"),
]

# --- looks -----------------------------------------------------------------------

html_theme = "furo"
html_title = "QuantumFlow Lab"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "sidebar_hide_name": False,
    "navigation_with_keys": True,
    # The colours of the widgets: quantumflow_lab/widgets/style.py.
    "light_css_variables": {
        "color-brand-primary": "#1565c0",
        "color-brand-content": "#1565c0",
        "color-brand-visited": "#1565c0",
        "color-foreground-primary": "#1f2328",
        "color-foreground-secondary": "#59636e",
        "color-background-border": "#dfe3e8",
    },
    "dark_css_variables": {
        "color-brand-primary": "#64b5f6",
        "color-brand-content": "#64b5f6",
        "color-brand-visited": "#64b5f6",
        "color-foreground-primary": "#e6e9ed",
        "color-foreground-secondary": "#9aa4af",
        "color-background-primary": "#16191d",
        "color-background-secondary": "#1d2126",
        "color-background-hover": "#23282e",
        "color-background-border": "#343a42",
    },
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
