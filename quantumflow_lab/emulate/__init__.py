"""Services of providers on loopback, for the clients of those providers as they are.

Jobs run on Aer and cost nothing. What goes wrong is chosen by name.
"""
