"""Rules of the page that a report is."""

from __future__ import annotations

from quantumflow_lab.widgets.escape import Markup

PAGE_SHEET = Markup("""<style>
:root{color-scheme:light dark}
body{margin:0;background:#fff}
@media (prefers-color-scheme:dark){body{background:#16191d}}
main.qf-still.qf-still{--qf-sunk:color-mix(in srgb,var(--qf-text) 5%,transparent);
max-width:60rem;margin:0 auto;padding:2.5rem 1.5rem 4rem;
border:0;border-radius:0;font-size:14px;line-height:1.5;overflow:visible}
.qf-still h1{margin:0 0 1rem;font-size:28px;font-weight:650;letter-spacing:-.01em;
overflow-wrap:anywhere}
.qf-still h1 small{font-size:15px;font-weight:400;letter-spacing:0;
color:var(--qf-text-2);margin-left:.4em}
.qf-still h2{margin:2.75rem 0 .9rem;padding-bottom:.35rem;font-size:17px;
font-weight:600;border-bottom:1px solid var(--qf-line)}
.qf-still h3{margin:1.6rem 0 .5rem;font-size:14px;font-weight:600}
.qf-still dl{display:flex;flex-wrap:wrap;gap:.6rem 2.2rem;margin:0}
.qf-still dt{color:var(--qf-text-2);font-size:11px}
.qf-still dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.qf-still p.qf-quiet{margin:.5rem 0;font-size:12px}
.qf-still p.qf-warning{margin:1.2rem 0 0;padding:.6rem .9rem;border-left:3px solid
var(--qf-warn);background:var(--qf-sunk);overflow-wrap:anywhere}
main.qf-still.qf-still pre{margin:.5rem 0;padding:.8rem 1rem;border:0;border-radius:6px;
font-size:12.5px;line-height:1.5;overflow-x:auto}
main.qf-still.qf-still pre.qf-drawing{white-space:pre;line-height:1.15;
overflow-wrap:normal}
main.qf-still.qf-still pre.qf-error{border-left:3px solid var(--qf-bad);border-radius:0}
main.qf-still.qf-still pre.qf-print{padding:.3rem 1rem}
.qf-still pre b{font-weight:600;color:var(--qf-text-2)}
.qf-still code{font:inherit}
.qf-still .qf-keyword{color:var(--qf-brand)}
.qf-still .qf-decorator{color:var(--qf-warn)}
.qf-still .qf-string{color:var(--qf-good)}
.qf-still .qf-comment{color:var(--qf-text-2);font-style:italic}
.qf-still .qf-picture{margin:.5rem 0 1.2rem;overflow-x:auto}
main.qf-still.qf-still .qf-picture svg{margin:0;min-width:0!important}
.qf-still .qf-wide{overflow-x:auto}
.qf-still figure{margin:.5rem 0 1.2rem}
.qf-still img{max-width:100%;height:auto}
@page{margin:16mm 14mm}
@media print{main.qf-still.qf-still{max-width:none;padding:0}
.qf-still h2,.qf-still h3{break-after:avoid}
.qf-still tr,.qf-still figure,.qf-still pre.qf-error{break-inside:avoid}
.qf-still .qf-wide,.qf-still .qf-picture{overflow:visible}}
</style>""")
"""A literal: no user text in it."""
