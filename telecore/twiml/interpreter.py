"""Running a page: the next verb, or one of two ways to end."""

from __future__ import annotations

from telecore.twiml.control import CallControl
from telecore.twiml.page import Ended, Outcome, Page


async def run_page(page: Page, call: CallControl) -> Outcome:
    """Execute verb after verb until one leads elsewhere, or none is left."""
    for verb in page:
        outcome = await verb.execute(call)
        if outcome is not None:
            return outcome
    return Ended("finished")
