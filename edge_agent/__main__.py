"""The command ``edge-agent``."""

from __future__ import annotations

import os
import sys

from edge_agent.cli.main import main

if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
