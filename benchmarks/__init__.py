"""Figures, printed by ``make bench``.

Each module here but ``row`` has a function ``measure()`` that gives its rows; a name
that starts with an underscore is a module's own. Peers and baselines run interleaved
with what they are compared with, in one warm process.
"""
