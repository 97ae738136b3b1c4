"""What is on this serial port? A report for ``edge-agent probe PORT``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_agent.contracts import RadioStatus
from edge_agent.drivers.at_modem.modem import AtModem, ChooseProfile, ModemSettings, TapPort
from edge_agent.drivers.at_modem.profile import AtProfile
from telecore.errors import DeviceRefused, RemoteProtocolError, TimedOut
from telecore.ids import ChannelId, DeviceId, Iccid
from telecore.model import ChannelState, DeviceIdentity, Service

CAPABILITIES = (
    "AT+CSMS?", "AT+CMGF=?", "AT+CPMS=?", "AT+CNMI=?", "AT+CSCS=?", "AT+CUSD=?", "AT+CLIP=?", "AT+CCWA=?", "AT+VTS=?",
    "AT+CFUN=?", "AT+CPINR=?", "AT^CVOICE?", "AT^DDSETEX=?", "AT+CPCMREG=?", "AT+QPCMV=?", "AT+DDET=?", "AT+QTONEDET=?",
)  # fmt: skip
"""What tells a profile's writer most; all of them only ask."""


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """``refused`` are init commands the modem does not take, ``doubts`` what the profile leaves unconfirmed.

    ``capabilities`` are its answers to test commands, None where it refuses one.
    """

    identity: DeviceIdentity
    profile: AtProfile
    radio: RadioStatus | None
    refused: tuple[str, ...] = ()
    doubts: tuple[str, ...] = field(default=())
    capabilities: Mapping[str, str | None] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The report for a person."""
        identity, sim = self.identity, self.radio.sim if self.radio else None
        rows = [
            ("port", identity.port or ""),
            ("modem", f"{identity.manufacturer} {identity.model}, revision {identity.revision or 'not told'}"),
            ("IMEI", identity.imei or "not told"),
            ("profile", self.profile.name),
            ("services", ", ".join(sorted(self.profile.services)) or "none"),
        ]
        if self.radio is not None:
            rows.append(("state", " ".join(filter(None, (self.radio.state.value, _in_brackets(self.radio.reason))))))
        if sim is not None:
            rows += [
                ("SIM", f"ICCID {sim.iccid or 'not told'}, IMSI {sim.imsi or 'not told'}"),
                ("number", sim.msisdn or "not told by the SIM: give it in the configuration"),
                ("operator", f"{sim.operator_name or '?'} {_in_brackets(sim.operator or '')}".strip()),
            ]
        if self.radio is not None and self.radio.signal is not None:
            rows.append(("signal", f"{self.radio.signal.dbm} dBm"))
        rows += [("can", said) for said in self.capabilities.values() if said is not None]
        if cannot := [command for command, said in self.capabilities.items() if said is None]:
            rows.append(("cannot", ", ".join(cannot)))
        rows += [("refused", command) for command in self.refused]
        rows += [("doubt", doubt) for doubt in self.doubts]
        return [f"{name:<9} {value}" for name, value in rows]


async def probe(
    port: str,
    *,
    choose: ChooseProfile,
    baud: int = 115200,
    audio_port: str | None = None,
    pins: Mapping[Iccid, str] | None = None,
    tap: TapPort = lambda port: port,
) -> ProbeReport:
    """Open the port, ask, close it. Raises DeviceLost when no modem answers there."""
    settings = ModemSettings(DeviceId("probe"), ChannelId("probe/probe"), port, audio_port, baud, pins=pins or {})
    modem = AtModem(settings, choose, tap)
    await modem.open()
    try:
        try:
            radio = await modem.radio_status()
        except (DeviceRefused, TimedOut, RemoteProtocolError) as error:
            radio = RadioStatus(ChannelState.FAULTY, None, None, str(error))
        said = {command: await modem.ask(command) for command in CAPABILITIES}
        doubts = _doubts(modem, audio_port)
        return ProbeReport(modem.identity, modem.profile, radio, tuple(modem.refused), doubts, said)
    finally:
        await modem.close()


def _doubts(modem: AtModem, audio_port: str | None) -> tuple[str, ...]:
    doubts = []
    if not modem.profile.confirmed:
        doubts.append(f"profile {modem.profile.name} is not confirmed on hardware")
        doubts += [f"unconfirmed: {claim}" for claim in modem.profile.unconfirmed]
    if Service.VOICE in modem.profile.services and audio_port is None:
        doubts.append("no audio port given: calls are not possible")
    doubts += [f"quirk {name}: {because}" for name, because in modem.profile.quirks.items()]
    return tuple(doubts)


def _in_brackets(text: str) -> str:
    return f"({text})" if text else ""
