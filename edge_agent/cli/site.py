"""Commands that ask the running agent on this machine: ussd, balance, top-up, self-test, sim, restart, sip."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import Any

from edge_agent.cli.commands import Commands, Failed, config_option, load
from edge_agent.control.client import ask
from edge_agent.control.requests import (
    AskBalance,
    EndUssd,
    HoldSim,
    LookAtSip,
    Request,
    Restart,
    SpendVoucher,
    TrySims,
    Ussd,
)
from edge_agent.sims.words import balance_words

_NAME = "a channel as edge-agent status names it; modem1 is enough for site-1/modem1"


def add(commands: Commands) -> None:
    ussd = commands.add(
        "ussd", _ussd, "send a USSD code from a SIM and answer its menus",
        more="Replies are read from standard input, one a line; an empty one ends the session.",
        examples="  edge-agent ussd modem1 '*100#'\n  printf '1\\n' | edge-agent ussd modem1 '*123#' --json",
    )  # fmt: skip
    ussd.add_argument("channel", metavar="CHANNEL", help=_NAME)
    ussd.add_argument("code", metavar="CODE", help="in quotes, for the shell knows * and #")
    balance = commands.add(
        "balance", _balance, "ask operators what is left on prepaid SIMs",
        more="Recipes say how; see edge-agent recipes. The agent asks by itself every few hours.",
        examples="  edge-agent balance\n  edge-agent balance modem1 --json",
    )  # fmt: skip
    balance.add_argument("channel", metavar="CHANNEL", nargs="?", help=f"{_NAME}; without it all of them")
    top_up = commands.add(
        "top-up", _top_up, "spend a voucher on a SIM",
        more="The voucher is asked for without being shown, or read from standard input; it is never an argument, for "
        "everybody can read those. It is sent once: when the outcome stays unknown, read the balance.",
        examples="  edge-agent top-up modem1\n  edge-agent top-up modem1 < voucher.txt",
    )  # fmt: skip
    top_up.add_argument("channel", metavar="CHANNEL", help=_NAME)
    test = commands.add(
        "self-test", _self_test, "send an SMS and place a short call from one SIM to another, and measure both",
        more="Operators charge for both like for any other: one SMS and one minute. Quotas count them.",
        examples="  edge-agent self-test modem1 modem2\n  edge-agent self-test modem1 modem2 --no-call",
    )  # fmt: skip
    test.add_argument("sender", metavar="FROM", help=_NAME)
    test.add_argument("receiver", metavar="TO", help="the channel that receives")
    test.add_argument("--no-sms", action="store_true", help="only the call")
    test.add_argument("--no-call", action="store_true", help="only the SMS")
    sim = commands.add(
        "sim", _sim, "decide for the agent how far a SIM is trusted",
        more="hold: no outbound traffic until release; trust: as healthy, whatever it does; retire: for good; release: "
        "the agent judges again. Incoming calls and SMS are never stopped.",
        examples="  edge-agent sim modem1 hold --note 'operator asks for papers'\n  edge-agent sim modem1 release",
    )  # fmt: skip
    sim.add_argument("channel", metavar="CHANNEL", help=_NAME)
    sim.add_argument("what", choices=("hold", "trust", "retire", "release"))
    sim.add_argument("--note", default="", help="why, for those who look later")
    restart = commands.add("restart", _restart, "restart the radio of a modem; what it does ends")
    restart.add_argument("channel", metavar="CHANNEL", help=_NAME)
    sip = commands.add(
        "sip", _sip, "show where SIP is spoken, who else tried, and the last messages of one address",
        more="Numbers, names, passwords and texts are masked. For a line that does not register or a call that fails.",
        examples="  edge-agent sip\n  edge-agent sip 192.168.8.10",
    )  # fmt: skip
    sip.add_argument("address", metavar="ADDRESS", nargs="?", default="", help="of a gateway, trunk or stranger")
    for command in (ussd, balance, top_up, test, sim, restart, sip):
        config_option(command)
        command.add_argument("--data-dir", type=Path, metavar="DIR", help="of the running agent, without a config")
        command.add_argument("--json", action="store_true", help="the answer as JSON")


def ask_agent(options: argparse.Namespace, request: Request) -> Any:
    data_dir: Path = options.data_dir or load(options.config).data_dir
    return ask(data_dir, request)


def _ussd(options: argparse.Namespace) -> int:
    """A menu is answered from standard input; where that ends, the session stays open for another call."""
    code = options.code
    try:
        while True:
            said = ask_agent(options, Ussd(channel=options.channel, code=code))
            print(json.dumps(said) if options.json else said["text"] or f"({said['state'].replace('_', ' ')})")
            if said["state"] != "reply_wanted":
                return 0 if said["state"] in ("done", "released") else 1
            reply = _reply()
            if reply is None:
                return 0
            code = reply
            if not code:
                ask_agent(options, EndUssd(channel=options.channel))
                return 0
    except (KeyboardInterrupt, EOFError):
        ask_agent(options, EndUssd(channel=options.channel))
        raise


def _reply() -> str | None:
    """What a person types or a script pipes in; None: there is no more. Raises EOFError for a person's Ctrl-D."""
    if sys.stdin.isatty():
        return input("reply (empty: end the session): ")
    line = sys.stdin.readline()
    return line.strip() if line else None


def _balance(options: argparse.Namespace) -> int:
    answers = ask_agent(options, AskBalance(channel=options.channel))
    if options.json:
        print(json.dumps(answers, indent=2))
    else:
        for answer in answers:
            words = answer["error"] if "error" in answer else balance_words(answer["balance"])
            print(f"{answer['channel']}  {words}")
    return 0 if any("balance" in answer for answer in answers) else 1


def _top_up(options: argparse.Namespace) -> int:
    voucher = getpass.getpass("voucher (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    said = ask_agent(options, SpendVoucher(channel=options.channel, voucher=voucher.strip()))
    if options.json:
        print(json.dumps(said))
    else:
        hint = ": read the balance before trying anything again" if said["outcome"] == "unknown" else ""
        print(f"{said['outcome']}{hint}\nthe operator said: {said.get('said') or '(nothing)'}")
    return 0 if said["outcome"] == "done" else 1


def _self_test(options: argparse.Namespace) -> int:
    if options.no_sms and options.no_call:
        raise Failed("--no-sms and --no-call together leave nothing to test")
    request = TrySims(
        sender=options.sender, receiver=options.receiver, sms=not options.no_sms, call=not options.no_call
    )
    said = ask_agent(options, request)
    print(json.dumps(said) if options.json else f"{'passed' if said['passed'] else 'FAILED'}: {said['text']}")
    return 0 if said["passed"] else 1


def _sim(options: argparse.Namespace) -> int:
    status = ask_agent(options, HoldSim(channel=options.channel, what=options.what, note=options.note))
    health = status.get("health") or {}
    if options.json:
        print(json.dumps(status))
    else:
        print(f"{status['channel']}: {health.get('state', 'as told')}" + _reason(health))
    return 0


def _reason(health: dict[str, Any]) -> str:
    return f" ({health['reason']})" if health.get("reason") else ""


def _restart(options: argparse.Namespace) -> int:
    ask_agent(options, Restart(channel=options.channel))
    print(json.dumps(None) if options.json else "the radio was restarted; it will register again in a moment")
    return 0


def _sip(options: argparse.Namespace) -> int:
    said = ask_agent(options, LookAtSip(address=options.address))
    if options.json:
        print(json.dumps(said, indent=2))
        return 0
    if options.address:
        print("\n".join(said["trace"]) or f"nothing has come from {options.address} or gone to it")
        return 0
    counts = ", ".join(f"{name} {count}" for name, count in said["counts"].items() if count)
    away = "" if said["listening"] else ", in vain: edge-agent status says why"
    print(f"listening  {said['listen']}{away}\ncounted    {counts or 'nothing'}")
    for address, count in said["strangers"].items():
        print(f"stranger   {address}: {count} requests, none served; the last: {said['tried'].get(address, 'unknown')}")
    return 0
