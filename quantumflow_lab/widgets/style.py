"""Colours and rules of the static forms: JupyterLab's variables, with fallbacks."""

from __future__ import annotations

from quantumflow_lab.widgets.escape import Markup

_LIGHT = {
    "text": ("--jp-ui-font-color1", "#1f2328"),
    "text-2": ("--jp-ui-font-color2", "#59636e"),
    "line": ("--jp-border-color2", "#dfe3e8"),
    "line-2": ("--jp-border-color1", "#b6bec8"),
    "ground": ("--jp-layout-color1", "#ffffff"),
    "raised": ("--jp-layout-color0", "#ffffff"),
    "brand": ("--jp-brand-color1", "#1565c0"),
    "good": ("--jp-success-color1", "#2e7d32"),
    "bad": ("--jp-error-color1", "#c62828"),
    "warn": ("--jp-warn-color1", "#b35900"),
}

_DARK = {
    "text": "#e6e9ed",
    "text-2": "#9aa4af",
    "line": "#343a42",
    "line-2": "#565f6a",
    "ground": "#16191d",
    "raised": "#1d2126",
    "brand": "#64b5f6",
    "good": "#81c784",
    "bad": "#ef8683",
    "warn": "#ffb74d",
}

_RULES = """
.qf-still{--qf-sunk:color-mix(in srgb,var(--qf-text) 9%,transparent);
box-sizing:border-box;max-width:100%;margin:4px 0;overflow:hidden;border:1px
solid var(--qf-line);border-radius:8px;background:var(--qf-ground);color:var(--qf-text);
font:13px/1.4 var(--jp-ui-font-family,system-ui,-apple-system,"Segoe UI",sans-serif)}
.qf-still .qf-head{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 14px;
padding:10px 14px;border-bottom:1px solid var(--qf-line)}
.qf-still .qf-name{font-size:15px;font-weight:600;overflow-wrap:anywhere}
.qf-still .qf-quiet{color:var(--qf-text-2);font-variant-numeric:tabular-nums}
.qf-still .qf-note{margin:0;padding:7px 14px;border-bottom:1px solid var(--qf-line);
color:var(--qf-text-2);overflow-wrap:anywhere}
.qf-still .qf-scroll{overflow:auto;max-height:480px;padding:12px 14px}
.qf-still .qf-scroll+.qf-scroll{border-top:1px solid var(--qf-line)}
.qf-still svg{display:block;margin:0 auto}
.qf-still .qf-lines{display:flex;flex-wrap:wrap;align-items:flex-start;
gap:12px 24px}
.qf-still .qf-lines svg{margin:0}
.qf-still .qf-of-step{max-height:none}
.qf-still .qf-of-step>.qf-title{display:inline-block;overflow:visible;
margin:0 8px 8px 0}
.qf-still .qf-of-step>.qf-quiet{display:inline-block;font-size:11px}
.qf-still .qf-plotted{fill:var(--qf-tone,var(--qf-brand))}
.qf-still .qf-reach{fill:none;stroke:var(--qf-text);stroke-width:1.2;opacity:.75}
.qf-still .qf-rule{fill:none;stroke:var(--qf-line)}
.qf-still svg text.qf-bits{font-family:
var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace)}
.qf-still svg text{fill:var(--qf-text);font-size:12px}
.qf-still svg text.qf-sub{fill:var(--qf-text-2);font-size:11px}
.qf-still svg text.qf-strong{font-size:13px;font-weight:600}
.qf-still .qf-edge{fill:none;stroke:var(--qf-line-2);stroke-width:1.4}
.qf-still .qf-box{fill:var(--qf-raised);stroke:var(--qf-line-2)}
.qf-still .qf-pill{fill:var(--qf-sunk)}
.qf-still .qf-track{fill:var(--qf-sunk)}
.qf-still .qf-curve{fill:none;stroke:var(--qf-brand);stroke-width:1.75}
.qf-still :is(.qf-waiting,.qf-skipped,.qf-cancelled) .qf-box{stroke-dasharray:4 3}
.qf-still .qf-running .qf-box{stroke:var(--qf-brand)}
.qf-still .qf-failed .qf-box{stroke:var(--qf-bad)}
.qf-still .qf-partial .qf-box{stroke:var(--qf-warn)}
.qf-still .qf-is-running{--qf-tone:var(--qf-brand)}
.qf-still .qf-is-done{--qf-tone:var(--qf-good)}
.qf-still .qf-is-failed{--qf-tone:var(--qf-bad)}
.qf-still :is(.qf-is-partial,.qf-is-paused){--qf-tone:var(--qf-warn)}
.qf-still [class*=qf-is-]{
color:color-mix(in srgb,var(--qf-tone,var(--qf-text-2)) 78%,var(--qf-text))}
.qf-still tspan[class*=qf-is-]{fill:currentColor}
.qf-still :is(rect,circle)[class*=qf-is-]{fill:var(--qf-tone)}
.qf-still table{width:auto;margin:0;border-collapse:collapse;border:0;font-size:12px;
color:inherit;table-layout:auto}
.qf-still tr,.qf-still tr:nth-child(n):nth-child(n){background:none}
.qf-still th,.qf-still td{padding:4px 18px 4px 0;border:0;border-bottom:1px solid
var(--qf-line);text-align:left;vertical-align:baseline;font-weight:400;
max-width:48ch;overflow-wrap:break-word;white-space:normal}
.qf-still [class*=qf-is-]:not(p){white-space:nowrap}
.qf-still thead th{color:var(--qf-text-2);font-size:11px;white-space:nowrap}
.qf-still tbody th{font-weight:600}
.qf-still tbody tr:last-child>*{border-bottom:0}
.qf-still .qf-right{text-align:right;font-variant-numeric:tabular-nums;
white-space:nowrap}
.qf-still .qf-caption{caption-side:bottom;padding-top:6px;text-align:left;
color:var(--qf-text-2);font-size:11px}
.qf-still .qf-said{color:var(--qf-text)}
.qf-still .qf-title{margin-bottom:4px;font-weight:600}
.qf-still pre{margin:8px 0 0;padding:8px 10px;border-left:3px solid var(--qf-bad);
background:var(--qf-sunk);color:var(--qf-text);white-space:pre-wrap;
overflow-wrap:anywhere;font:12px/1.45
var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace)}
.qf-still summary{margin-top:6px;font-size:12px;cursor:pointer}
.qf-still pre.qf-diff{margin:0;border-left-color:var(--qf-line-2)}
.qf-still .qf-plus{color:color-mix(in srgb,var(--qf-good) 78%,var(--qf-text))}
.qf-still .qf-minus{color:color-mix(in srgb,var(--qf-bad) 78%,var(--qf-text))}
"""


def _variables(dark: bool) -> str:
    return "".join(
        f"--qf-{name}:var({variable},{_DARK[name] if dark else light});"
        for name, (variable, light) in _LIGHT.items()
    )


def _sheet() -> Markup:
    dark = "@media (prefers-color-scheme:dark){.qf-still{" + _variables(True) + "}}"
    # Twice the class: JupyterLab has rules of its own for tables in outputs.
    rules = (
        _RULES.strip().replace("\n", " ").replace(".qf-still ", ".qf-still" * 2 + " ")
    )
    return Markup(f"<style>.qf-still{{{_variables(False)}}}{dark}{rules}</style>")


SHEET = _sheet()
"""The style element every static form begins with. A literal: no user text in it."""
