"""Writes docs/devices.md from the profiles: ``python -m edge_agent.devices.catalogue > docs/devices.md``."""

from __future__ import annotations

from edge_agent.devices.profiles import Entry, load_profiles

_HEAD = "# Devices\n\nMade by `python -m edge_agent.devices.catalogue` from `firmware_profiles/`; do not edit.\n"


def catalogue() -> str:
    """All shipped profiles but the simulator's, as Markdown."""
    profiles = load_profiles()
    names = [name for name in profiles.names if not name.startswith("simferry/")]
    return "\n".join([_HEAD, *(_section(profiles.entry(name)) for name in names)])


def _section(entry: Entry) -> str:
    profile = entry.profile
    rows = [
        f"## {profile.name}\n\n{' '.join(entry.header.description.split())}\n",
        f"* Confirmed on hardware: {'yes' if profile.confirmed else 'no'}",
        f"* Services: {', '.join(sorted(profile.services))}",
        f"* Sound: {profile.audio.kind}" + (f"; sound card: {profile.sound_card.kind}" if profile.sound_card else ""),
    ]
    for usb in profile.usb:
        sound = "" if usb.audio is None else f", sound {usb.audio}"
        rows.append(f"* USB {usb.vid}:{usb.pid}: interface {usb.at} is AT{sound}")
    rows += [f"* USB {disk.vid}:{disk.pid}: shows only its disk, wants a mode switch" for disk in profile.usb_storage]
    rows += [f"* Do not use revision `{note.match}`: {note.because}" for note in entry.firmware]
    rows += [f"* {name}: {because}" for name, because in profile.quirks.items()]
    rows += [f"* Unconfirmed: {claim}" for claim in profile.unconfirmed]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(catalogue(), end="")
