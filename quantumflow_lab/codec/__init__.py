"""The values that can be stored, as bytes and back, without pickle.

==================  ================================================================
media               what it holds
==================  ================================================================
application/json    JSON values; other small ones as ``{"$": tag, "v": state}``
…tree+zip           the same with the large leaves beside it: ``tree.json``, ``0``, …
application/x-npy   one numpy array, ``allow_pickle=False``
…qpy                one circuit
…arrow.stream       one Arrow table
image/png           a figure; it comes back as :class:`Image`
==================  ================================================================

`tree` has the form and the values of Python itself, `kinds` those of libraries. Types
are recognised by name, so that nothing heavy is imported to find out.
"""

from __future__ import annotations

from quantumflow_lab.codec.media import JSON, Encoded, Image
from quantumflow_lab.codec.tree import decode, encode

__all__ = ["JSON", "Encoded", "Image", "decode", "encode"]
