"""``python -m cloud.api.description > docs/twilio.md``."""

from __future__ import annotations

import sys

from cloud.api.description.markdown import document

sys.stdout.write(document())
