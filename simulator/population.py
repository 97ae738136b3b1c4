"""Who lives in the lab: the numbers and handsets that `lab.md` fixes."""

from __future__ import annotations

from dataclasses import replace

from simulator.identity import COUNTRY, PLMN, iccid, imsi, sim_number
from simulator.sim import Cell, Operator, Sim
from simulator.subscriber import Behaviour

OPERATOR = Operator("Simferry Mobile", "Simferry", PLMN, "+85510999999")
OTHER_OPERATOR = Operator("Mekong Tel", "Mekong", "45692", "+85515999999")
OPERATORS = (OPERATOR, OTHER_OPERATOR)
CELLS = (Cell("00C3", "1B9A", 7, 23), Cell("00C3", "1B9B", 2, 18))

NAMED = {
    "answers": Behaviour(),
    "busy": Behaviour(on_call="busy"),
    "no_answer": Behaviour(on_call="no_answer"),
    "unreachable": Behaviour(on_call="unreachable"),
    "sms_fails": Behaviour(on_sms="fail"),
}
FREE = 20
FIRST_FREE = 10


def handset_number(index: int) -> str:
    """+85512000001 and on."""
    return f"+{COUNTRY}12{index:06d}"


def link_numbers() -> tuple[str, ...]:
    """The numbers of the SMPP link, of a landline's look: no SIM has them."""
    return tuple(f"+{COUNTRY}23{index:06d}" for index in (1, 2))


def named_handsets() -> dict[str, str]:
    """Role → number, as the lab's line of JSON shows it."""
    return {role: handset_number(index) for index, role in enumerate(NAMED, 1)}


def free_handsets() -> list[str]:
    """The handsets nobody has a role for."""
    return [handset_number(FIRST_FREE + index) for index in range(FREE)]


def behaviours() -> dict[str, Behaviour]:
    """Number → how that handset behaves at the start."""
    named = {number: NAMED[role] for role, number in named_handsets().items()}
    return named | {number: replace(Behaviour()) for number in free_handsets()}


def new_sim(index: int, operators: int = 1, device: str = "") -> Sim:
    """The SIM number `index`, from 1, of a modem or of `device`; of several operators each has every second one."""
    operator = OPERATORS[(index - 1) % operators]
    return Sim(
        sim_number(index),
        iccid(index, operator.plmn),
        imsi(index, operator.plmn),
        operator,
        device=device or f"modem{index}",
    )
