"""What may differ from one modem to the next of its family, or from day to day."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Habits:
    """What one modem does differently from another of its family; every one can be changed while it runs.

    `prompt` is what follows CR LF after AT+CMGS, `prompt_delay_s` how late. `ussd_before_ok`: the answer comes first.
    `ussd_strings`: `auto` follows +CSCS and the family, else `plain`, `ucs2` or `packed`. `store_alias`: SM and ME show
    one store. `clip_delay_s`: +CLIP comes that long after RING. `degraded_after_calls`: from then on the first
    switching on of a call's sound is refused and the uplink is silent, until a reset. `dsci`: Quectel without ccinfo.
    `extra_cr`: every line ends in CR CR LF. `sends_stored`: ME can be written to and sent from; `marks_sent`: what went
    from there is called sent. `power_fails`: once, where a message sent from there is, the modem vanishes for a while:
    `written` (+CMGW not answered), `sending` (the network has nothing), `accepted` (not marked yet), `marked`.
    """

    prompt: str = "> "
    prompt_delay_s: float = 0.0
    cmee_ignored: bool = False
    ussd_before_ok: bool = False
    ussd_without_dcs: bool = False
    ussd_space: str = ""
    ussd_strings: str = "auto"
    store_alias: bool = False
    clip_delay_s: float = 0.0
    degraded_after_calls: int = 0
    uplink_silent: bool = False
    dsci: bool = False
    extra_cr: bool = False
    sends_stored: bool = True
    marks_sent: bool = True
    power_fails: str = ""
