"""``python -m quantumflow_lab`` is ``qflow``."""

import sys

from quantumflow_lab.cli import main

sys.exit(main())
