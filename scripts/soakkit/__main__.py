"""`scripts/soak`."""

from __future__ import annotations

import sys

from scripts.soakkit.soak import main

if __name__ == "__main__":
    sys.exit(main())
