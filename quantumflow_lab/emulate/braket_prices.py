"""The list of prices of the emulated devices, in the form of AWS' offer files."""

from __future__ import annotations

import csv
import io

from quantumflow_lab.emulate.braket_devices import DEVICES, Device

_COLUMNS = (
    *("Region Code", "DeviceName", "Version", "Product Family", "operation"),
    *("PricePerUnit", "Unit", "Currency"),
)
_REGIONS = ("us-east-1", "us-west-1", "us-west-2", "eu-west-2", "eu-north-1")
"""Where a device is sold that is everywhere."""


def price_list() -> str:
    """Five lines that say what it is, then the names of columns, then prices."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows(
        [
            ("FormatVersion", "v1.0"),
            ("Disclaimer", "emulated"),
            ("Publication Date", "2026-01-01T00:00:00Z"),
            ("Version", "1"),
            ("OfferCode", "AmazonBraket"),
            _COLUMNS,
        ]
    )
    for device in DEVICES:
        for region in [device.region] if device.region else _REGIONS:
            writer.writerows(_rows(device, region))
    return out.getvalue()


def _rows(device: Device, region: str) -> list[tuple[object, ...]]:
    if device.is_simulator:
        where = region, "", device.name.upper(), "Simulator Task", "CompleteTask"
        return [(*where, device.minute, "minutes", "USD")]
    return [
        (region, device.name, "", family, "", price, unit, "USD")
        for family, price, unit in (
            ("Quantum Task", device.task, "Task"),
            ("Quantum Task-Shot", device.shot, "Shot"),
        )
    ]
