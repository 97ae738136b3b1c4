"""The operator's USSD service: balance, top-up, own number, a menu of several steps, one answer in Khmer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from simulator.accounts import Accounts
from simulator.sim import Sim, money

GSM7_DCS, UCS2_DCS = 15, 72
VOUCHER = re.compile(r"(\d{2})\d{8}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the network says; with `expects_reply` the session goes on at `step`."""

    text: str
    expects_reply: bool = False
    step: str = ""
    dcs: int = GSM7_DCS
    supported: bool = True


UNSUPPORTED = Answer("", supported=False)
MENU = "Simferry Mobile\n1 Balance\n2 Top up\n3 My number\n4 Khmer"
STEPS_BACK = "0 Back"


class UssdService:
    """Answers codes and replies; the state of a session is the name of its step."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def start(self, sim: Sim, code: str) -> Answer:
        """A new session, from a dialled code."""
        sim.counters.ussd += 1
        top_up = re.fullmatch(r"\*101\*(\d+)#", code)
        if top_up:
            return self._top_up(sim, top_up[1])
        if code == "*100#":
            return Answer(self._balance(sim))
        if code == "*100*2#":
            return Answer(self._balance_khmer(sim), dcs=UCS2_DCS)
        if code == "*99#":
            return Answer(f"Your number is {sim.number}")
        return Answer(MENU, expects_reply=True, step="menu") if code == "*123#" else UNSUPPORTED

    def reply(self, sim: Sim, step: str, text: str) -> Answer:
        """The next step of a session."""
        choice = text.strip()
        if step == "voucher":
            return self._top_up(sim, choice)
        if step == "balance" and choice == "0":
            return Answer(MENU, expects_reply=True, step="menu")
        if step == "menu" and choice == "1":
            return Answer(f"{self._balance(sim)}\n{STEPS_BACK}", expects_reply=True, step="balance")
        if step == "menu" and choice == "2":
            return Answer("Enter the 10 digits of your voucher", expects_reply=True, step="voucher")
        if step == "menu" and choice == "3":
            return Answer(f"Your number is {sim.number}")
        if step == "menu" and choice == "4":
            return Answer(self._balance_khmer(sim), dcs=UCS2_DCS)
        return Answer("Invalid choice")

    def _balance(self, sim: Sim) -> str:
        amount = money(self._accounts.balance(sim))
        return f"Your balance is {amount} {sim.operator.currency}. Valid until {sim.valid_until:%d.%m.%Y}."

    def _balance_khmer(self, sim: Sim) -> str:
        return f"សមតុល្យ {money(self._accounts.balance(sim))} {sim.operator.currency}"

    def _top_up(self, sim: Sim, voucher: str) -> Answer:
        match = VOUCHER.fullmatch(voucher)
        if match is None or match[1] == "00":
            return Answer("This voucher is not valid.")
        if voucher in self._accounts.used_vouchers:
            return Answer("This voucher has been used.")
        self._accounts.used_vouchers.add(voucher)
        self._accounts.top_up(sim, int(match[1]) * 100)
        return Answer(f"Recharged {int(match[1])}.00 {sim.operator.currency}. {self._balance(sim)}")
