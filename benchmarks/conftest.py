"""What is no module of ours: a file that locust runs, which rebuilds threads."""

collect_ignore = ["_clients.py"]
