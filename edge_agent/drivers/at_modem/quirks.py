"""Behaviours that a profile may ask for by name, each with its reason in the profile's ``because``."""

from __future__ import annotations

HANG_UP_AFTER_ORIG = "hang_up_after_orig"
"""A hang-up before the modem has reported the call as dialled may be lost: wait for that report first."""

NO_CEER = "no_ceer"
"""Do not ask +CEER why a call ended: the firmware hangs, or tells of an older call."""

LIST_AFTER_NOTICE = "list_after_notice"
"""+CMTI names a wrong place or is lost in a burst: list the storage after each."""

KNOWN = frozenset({HANG_UP_AFTER_ORIG, NO_CEER, LIST_AFTER_NOTICE})
