"""The lab as a service, ``qflow serve``: it asks, and :class:`Lab` answers.

===============  ===================================================================
settings         what an operator may set, and the table of it for the docs
tokens           bearer tokens: made, kept as hashes, expired, revoked
declared         a workflow as JSON: circuits and observables, never code
saved            workflows that were created, one file each
desk             what the routes ask of the lab, with limits and short memories
models           what goes over the wire, with examples
routes           the paths, by subject
stream           a run as server-sent events
problems         errors as ``application/problem+json``
guards           hosts, headers, sizes, times and request ids, around every request
rates            how often a token may ask
logs, meters     JSON lines, Prometheus
app, serving     the application, and the process that serves it
===============  ===================================================================
"""
