"""Writes docs/devices.md from the profiles: ``python -m edge_agent.devices.catalogue > docs/devices.md``."""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.devices.profiles import Entry, Firmware, GatewayEntry, load_profiles
from edge_agent.drivers.at_modem.profile import AtProfile, AudioKind, AudioProfile, CallProfile, EnableAt, Pacing
from edge_agent.drivers.sip.settings import Registers
from telecore.model import Service

_HEAD = """\
# Devices

Made by `python -m edge_agent.devices.catalogue` from `firmware_profiles/`; do not edit.

Where these facts come from: makers' documents and the sources, issues and reports that each profile names in a comment
or as its `because`. Nothing here was seen on hardware unless it says so; what a profile claims and nobody has seen is
listed under it, and the agent logs the same when it finds such a modem.
"""
_GATEWAYS = """\
# Gateways and trunks

What to set in the boxes' own pages, and what works with each, is in [gateways.md](gateways.md).
"""
_REGISTERS = {
    Registers.WITH_US: "each line registers with us",
    Registers.WITH_THEM: "we register with it",
    Registers.NOBODY: "a peer known by its address",
}
_SOUNDS = {
    AudioKind.NONE: "none",
    AudioKind.SERIAL: "on a serial port of the modem",
    AudioKind.USB: "the modem's own sound card",
    AudioKind.ANALOG: "a sound card wired to its microphone and loudspeaker pins",
}
_AT = {
    EnableAt.BEFORE: "before dialling or answering",
    EnableAt.DIALLED: "right after dialling or answering",
    EnableAt.CONNECTED: "when the far end has answered",
}


def catalogue() -> str:
    """All shipped profiles but the simulator's, as Markdown."""
    profiles = load_profiles()
    entries = [profiles.entry(name) for name in profiles.names if not name.startswith("simferry/")]
    boxes = [profiles.gateway(name) for name in profiles.gateway_names if not name.startswith("simferry/")]
    gateways = [_GATEWAYS, *(_gateway(entry) for entry in boxes)]
    return "\n".join([_HEAD, _advice(entries), *(_section(entry) for entry in entries), *gateways])


def _advice(entries: list[Entry]) -> str:
    calls = [entry for entry in entries if _carries_calls(entry.profile)]
    cards = [entry for entry in entries if not _carries_calls(entry.profile) and _with_card(entry.profile)]
    texts = [entry for entry in entries if entry not in calls and entry not in cards]
    rows = [
        "## What to buy, and what to avoid\n",
        f"* For calls, SMS and USSD: {_names(calls)}.",
        f"* For calls with a sound card of your own: {_names(cards)}.",
        f"* For SMS and USSD only: {_names(texts)}.",
        "* Before you pay: that the modem does voice in your operator's network (many LTE modems do data only), and how"
        " long 2G and 3G last there.",
        "* One modem of a kind first; `edge-agent probe PORT` tells what the agent makes of it.",
    ]
    rows += [f"* Avoid {name} with revision `{note.match}`: {note.because}." for name, note in _bad(entries)]
    rows += [
        f"* {entry.profile.name} may come as a disk and want a mode switch first."
        for entry in entries
        if entry.profile.usb_storage
    ]
    return "\n".join(rows) + "\n"


def _bad(entries: list[Entry]) -> Iterator[tuple[str, Firmware]]:
    seen: set[Firmware] = set()
    for entry in entries:
        for note in entry.header.firmware:
            if note not in seen:
                seen.add(note)
                yield entry.profile.name, note


def _carries_calls(profile: AtProfile) -> bool:
    return Service.VOICE in profile.services and profile.audio.kind is not AudioKind.NONE


def _with_card(profile: AtProfile) -> bool:
    return Service.VOICE in profile.services and profile.sound_card is not None


def _names(entries: list[Entry]) -> str:
    return ", ".join(entry.profile.name for entry in entries) or "none"


def _section(entry: Entry) -> str:
    profile = entry.profile
    rows = [
        f"## {profile.name}\n\n{' '.join(entry.header.description.split())}\n",
        f"* Confirmed on hardware: {'yes' if profile.confirmed else 'no'}",
        f"* Services: {', '.join(sorted(profile.services))}",
        *_messages(profile),
    ]
    if Service.VOICE in profile.services:
        rows += [*_calls(profile.call), *_sound("Sound", profile.audio)]
        rows += _sound("Sound where the site names a card", profile.sound_card) if profile.sound_card else []
    for usb in profile.usb:
        sound = "" if usb.audio is None else f", sound {usb.audio}"
        rows.append(f"* USB {usb.vid}:{usb.pid}: interface {usb.at} is AT{sound}")
    rows += [f"* USB {disk.vid}:{disk.pid}: shows only its disk, wants a mode switch" for disk in profile.usb_storage]
    resets = dict.fromkeys((profile.radio.soft_reset, profile.radio.restart))
    rows += [f"* Resets: {'; then '.join(map(_commands, resets))}"]
    rows += [f"* Do not use revision `{note.match}`: {note.because}" for note in entry.firmware]
    rows += [f"* {name}: {because}" for name, because in profile.quirks.items()]
    rows += [f"* Unconfirmed: {claim}" for claim in profile.unconfirmed]
    return "\n".join(rows) + "\n"


def _gateway(entry: GatewayEntry) -> str:
    profile, sip = entry.profile, entry.profile.sip
    rows = [
        f"## {profile.name}\n\n{' '.join(entry.header.description.split())}\n",
        f"* Confirmed on hardware: {'yes' if profile.confirmed else 'no'}",
        f"* Services: {', '.join(sorted(profile.services))}",
        f"* SIP: {_REGISTERS[profile.registers]}; lines told by {sip.to_line}; {' or '.join(sip.codecs)},"
        f" {sip.ptime_ms} ms; keys by {sip.digits}",
    ]
    if profile.management.tongue:
        rows.append(f"* Its own tongue: `{profile.management.tongue}`; line {{n}} is `{profile.line_name}` there")
    rows += [f"* {name}: {' '.join(because.split())}" for name, because in profile.because.items()]
    rows += [f"* Unconfirmed: {' '.join(claim.split())}" for claim in profile.unconfirmed]
    return "\n".join(rows) + "\n"


def _messages(profile: AtProfile) -> Iterator[str]:
    sms, ussd = profile.sms, profile.ussd
    way = f"written to {sms.send_from} and sent from there" if sms.send_from else "sent at once"
    stored = f"stored on {' and '.join(sms.stores)}, arriving on {sms.arrivals}"
    yield f"* SMS: {stored}, listed every {sms.poll_s:g} s; {way}"
    written = " or ".join(encoding.replace("_", " ") for encoding in ussd.encodings)
    yield f"* USSD: written {written}" + ("" if ussd.in_call else "; not during a call")
    yield f"* SIM: ICCID by {_commands(profile.sim.iccid)}; tries of the PIN by {_commands(profile.sim.retries)}"


def _calls(call: CallProfile) -> Iterator[str]:
    keys = "told by the modem" if call.detects_dtmf else "heard in the sound"
    yield f"* Calls: hung up by {_commands(call.hang_up)}; keys sent by `{call.digit}`, {keys}"
    if call.dial_ok_means_answered:
        yield "* Calls: dialling has no result before the far end answers"


def _sound(title: str, audio: AudioProfile) -> Iterator[str]:
    words = [_SOUNDS[audio.kind]]
    if audio.kind is AudioKind.SERIAL:
        pace = "as it is read" if audio.pacing is Pacing.READ else f"{20 * audio.write_frames} ms at a time"
        words.append(f"{audio.rate} Hz, written {pace}")
    if audio.enable:
        words.append(f"on by {_commands(audio.enable)} {_AT[audio.at]}, tried for {audio.give_up_s:g} s")
    if audio.recover:
        words.append(f"mended by {_commands(audio.recover)}")
    yield f"* {title}: {'; '.join(words)}"


def _commands(commands: tuple[str, ...]) -> str:
    return ", ".join(f"`{command}`" for command in commands)


if __name__ == "__main__":
    print(catalogue(), end="")
