"""What providers charge, as data: a table of the package, and one of the home."""

from quantumflow_lab.prices.book import PriceBook, built_in, with_home
from quantumflow_lab.prices.tariff import Device, Tariff

__all__ = ["Device", "PriceBook", "Tariff", "built_in", "with_home"]
