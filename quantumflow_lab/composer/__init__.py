"""The composer: a ``%%qflow`` cell as a canvas, where every edit edits its text.

The text is the truth. :mod:`.document` says what the view draws of it,
:mod:`.ops` what an edit makes of it; :mod:`.composer` wires both to a lab.
"""

from __future__ import annotations

from quantumflow_lab.composer.composer import Composer

__all__ = ["Composer"]
