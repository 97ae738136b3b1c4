"""What the ledger and the network say together: is every SMS accounted for, and is the site well at the end?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from scripts.daykit.ledger import Ledger, Outbound
from scripts.daykit.site import Site
from scripts.daykit.trouble import Troubles
from telecore.model import ChannelState
from telecore.sim_health import HealthState

SILENT_REPORT = frozenset({"no_delivery_report", "late_delivery_report", "sms_silently_lost", "report_status"})
"""A submit without an end is explained by these."""
MAY_INTERRUPT = frozenset(
    {"modem_hang", "modem_unplugged", "modem_garbage", "modem_reboots", "late_answers", "split_writes", "urc_flood"}
)
"""Nobody can know what became of an SMS that these hit in the middle."""
PASSING = frozenset(
    {HealthState.ABSENT, HealthState.SEARCHING, HealthState.DENIED, HealthState.COOLDOWN, HealthState.SIM_FAULT}
    | {HealthState.LOCKED_PIN, HealthState.LOCKED_PUK, HealthState.LOCKED_NET}
)
"""Hours after the last fault none of these has a reason any more."""
AROUND_S = 180.0
SAME_CAUSE = {20: (18,), 19: (18,)}
"""A modem's words for these say no more."""


@dataclass(slots=True)
class Verdict:
    """``faults`` are broken promises; empty when the day was a good one."""

    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def judge(site: Site, ledger: Ledger, troubles: Troubles) -> Verdict:
    """Look at everything."""
    verdict = Verdict()
    copies = Counter(
        (str(message["from"]), number, str(message["body"]))
        for number, handset in site.network.handsets.items()
        for message in handset.inbox.messages
    )
    numbers = {site.channel(modem): modem for modem in site.modems}
    for sms in ledger.outbound.values():
        modem = numbers[sms.channel]
        _outbound(verdict, troubles, sms, modem.device, copies[modem.number, sms.to, sms.body])
    for inbound in ledger.inbound.values():
        verdict.counts["inbound SMS"] += 1
        if inbound.told != 1:
            verdict.faults.append(
                f"{inbound.channel}: SMS from {inbound.sender} {inbound.body[:6]} was told {inbound.told} times"
            )
    _calls(verdict, site, ledger, troubles)
    for command, answers in ledger.requests.items():
        verdict.counts["USSD requests"] += 1
        if len(answers) != 1:
            verdict.faults.append(f"USSD request {command[:8]} was answered {len(answers)} times")
    verdict.faults += ledger.unexplained + ledger.strange
    _site(verdict, site)
    return verdict


def _calls(verdict: Verdict, site: Site, ledger: Ledger, troubles: Troubles) -> None:
    """Each ended once; and where the far end ended it before an answer, for the reason that the network knows."""
    placed = sorted(site.network.exchange.calls.values(), key=lambda call: call.started_at)
    for call in ledger.calls.values():
        verdict.counts["inbound calls" if call.inbound else "outbound calls"] += 1
        if len(call.ended) != 1:
            verdict.faults.append(f"{call.channel}: call {call.sid[:8]} ended {len(call.ended)} times")
            continue
        if call.inbound or call.by != "callee" or troubles.during(call.device, call.asked_at, call.asked_at + AROUND_S):
            continue
        true = next(
            (
                entry.cause
                for entry in placed
                if entry.started_at >= call.asked_at and entry.caller.device == call.device and entry.to == call.to
            ),
            None,
        )
        verdict.counts["calls whose cause was compared"] += 1
        if call.ended[0] not in (true, *SAME_CAUSE.get(true or 0, ())):
            verdict.faults.append(f"{call.channel}: call {call.sid[:8]} ended with {call.ended[0]}, in truth {true}")


def _outbound(verdict: Verdict, troubles: Troubles, sms: Outbound, device: str, copies: int) -> None:
    until = max(sms.asked_at, sms.submitted_at or 0.0, sms.ended_at) + AROUND_S
    around = {made.kind for made in troubles.during(device, sms.asked_at - AROUND_S, until)}
    how = sms.ends[0] if sms.ends else "submitted" if sms.submitted_at else "nothing"
    verdict.counts[f"outbound SMS {how}"] += 1

    def wrong(text: str) -> None:
        verdict.faults.append(f"{sms.channel} SMS {sms.body[:6]} ({how}): {text}; around it: {sorted(around)}")

    if copies > 1:
        wrong(f"arrived {copies} times")
    if len(sms.ends) > 1:
        wrong(f"ended {len(sms.ends)} times: {sms.ends}")
    if how == "nothing":
        wrong("was never told of")
    if how == "delivered" and copies != 1:
        wrong("was told as delivered and did not arrive")
    if how in ("failed", "rejected") and copies:
        wrong(f"was told as failed ({sms.reason}) and arrived")
    if how == "submitted" and not around & SILENT_REPORT:
        wrong("has no report, and nothing explains that")
    if how == "uncertain" and not around & MAY_INTERRUPT:
        wrong(f"is uncertain ({sms.reason}), and nothing explains that")
    if how in ("failed", "rejected", "undelivered") and not around:
        wrong(f"{sms.reason}: and nothing explains that")


def _site(verdict: Verdict, site: Site) -> None:
    statuses = {status.channel: status for status in site.agent.inventory.statuses()}
    for modem in site.modems:
        status = statuses[site.channel(modem)]
        if status.state is not ChannelState.REGISTERED:
            verdict.faults.append(f"{status.channel} is stuck: {status.state} {status.reason}")
        if status.health is None or status.health.state in PASSING:
            verdict.faults.append(f"{status.channel}: its SIM is still judged {status.health}")
        verdict.counts[f"SIMs {status.health.state if status.health else 'not judged'} at the end"] += 1
        if modem.sim.pin_tries < 3 or modem.sim.puk_tries < 10:
            verdict.faults.append(f"{status.channel}: tries of the PIN were used up")
