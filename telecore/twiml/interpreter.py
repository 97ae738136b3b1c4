"""Running a page: the next verb, or one of two ways to end."""

from __future__ import annotations

from telecore.twiml.control import CallControl
from telecore.twiml.page import Ended, Outcome, Page


async def run_page(page: Page, call: CallControl) -> Outcome:
    """Execute verb after verb until one leads elsewhere, or none is left.

    A call that still rings when its page is over is answered, as Twilio does: only <Reject> leaves it unanswered.
    """
    for verb in page:
        outcome = await verb.execute(call)
        if outcome is not None:
            return outcome
    await call.ensure_answered()
    return Ended("finished")
