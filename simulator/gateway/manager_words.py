"""What manager ports write of their lines, word by word as TG200, TG800 and VoxStack were seen to."""

from __future__ import annotations

import time
from urllib.parse import quote_plus

from simulator.gateway.contracts import GatewayLine, Received
from simulator.modem.core import Registration

_NETWORK = {
    Registration.IDLE: "Not registered",
    Registration.HOME: "Registered (Home network)",
    Registration.SEARCHING: "Searching",
    Registration.DENIED: "Registration denied",
    Registration.ROAMING: "Registered (Roaming)",
}


def status_of(line: GatewayLine) -> str:
    """`Power on, Provisioned, Up, Active,Standard`."""
    if not line.enabled:
        return "Power off, Provisioned, Down, Active,Standard"
    if not line.has_sim:
        return "Power on, Provisioned, Undetected SIM Card, Active,Standard"
    up = "Up" if line.registration in (Registration.HOME, Registration.ROAMING) else "Down"
    return f"Power on, Provisioned, {up}, Active,Standard"


def show_spans(span: int, line: GatewayLine) -> str:
    """One line of `gsm show spans`."""
    return f"GSM span {span}: {status_of(line)}"


def show_span(span: int, line: GatewayLine) -> list[str]:
    """`gsm show span N`; a span without a SIM says little."""
    head = [f"D-channel: {span}", f"Status: {status_of(line)}", "Type: CPE", "Manufacturer: SIMCOM_Ltd"]
    if not (line.has_sim and line.enabled):
        return head
    registered = line.registration in (Registration.HOME, Registration.ROAMING)
    return [
        *head,
        "Model Name: SIMCOM_SIM800",
        f"Model IMEI: {line.imei}",
        "Revision: 1308B05SIM800M32",
        f"Network Name: {line.sim.operator.name if registered else ''}",
        f"Network Status: {_NETWORK[line.registration]}",
        f"Signal Quality (0,31): {line.rssi}",
        f"SIM IMSI: {line.sim.imsi}",
        f"SIM SMS Center Number: {line.sim.operator.smsc}",
        "Send SMS Center Number: Undefined",
        "Last event: D-Channel Up",
        "State: READY",
        "Last send AT: AT+CREG?\\r\\n",
    ]


def received_event(received: Received, span: int, text: str, *, ident: str, index: int, total: int) -> str:
    """An SMS, or a part of one."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(received.stamp))
    return (
        f"Event: ReceivedSMS\r\nPrivilege: all,smscommand\r\nID: {ident}\r\nGsmSpan: {span}\r\n"
        f"Sender: {received.sender}\r\nRecvtime: {at}\r\nIndex: {index}\r\nTotal: {total}\r\n"
        f"Smsc: {received.smsc}\r\nContent: {quote_plus(text)}\r\n--END SMS EVENT--\r\n\r\n"
    )


def update_event(ident: str, smsc: str, *, sent: bool) -> str:
    """How a submit went."""
    return (
        f"Event: UpdateSMSSend\r\nPrivilege: all,smscommand\r\nID: {ident}\r\nSmsc: {smsc}\r\n"
        f"Status: {1 if sent else 0}\r\n--END SMS EVENT--\r\n\r\n"
    )


def crsm_of(iccid: str) -> str:
    """`AT+CRSM=176,12258,0,0,10`: EF-ICCID, nibbles swapped, padded by F (31.102 §4.2.14)."""
    digits = iccid.ljust(20, "F")
    swapped = "".join(digits[at + 1] + digits[at] for at in range(0, 20, 2))
    return f'+CRSM: 144,0,"{swapped}"'
