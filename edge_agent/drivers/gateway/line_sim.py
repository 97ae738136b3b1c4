"""The SIM of a line, at boxes that tell the IMSI more willingly than the ICCID."""

from __future__ import annotations

from telecore.ids import E164, Iccid, Imsi
from telecore.model import Sim
from telecore.subscriber import is_iccid, is_imsi, plmn_of


def sim_by(imsi: str, iccid: str = "", *, operator: str = "", number: E164 | None = None) -> Sim | None:
    """As far as the box tells it; None without any identity. An unknown ICCID is empty.

    These boxes tell the network's name but not its number: the operator is then the one that issued the SIM.
    """
    known = Iccid(iccid) if is_iccid(iccid) else Iccid("")
    if not is_imsi(imsi):
        return Sim(known, msisdn=number, operator_name=operator or None) if known else None
    return Sim(known, Imsi(imsi), number, plmn_of(imsi), operator or None)
