"""Goal 9: many modems on one loop. CPU per SMS, SMS a second, threads, and what an idle modem costs.

The peers, python-gsmmodem-new and gammu-smsd, send to the same fake modems, each driver in turn, in processes of
their own. ``python -m benchmarks.edge_modems ours|gsmmodem COUNT FOLDER`` is one of those processes.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.labkit.processes import ROOT, environment

SMS_EACH = {1: 1500, 4: 600, 16: 250, 64: 100}
IDLE_S = {1: 0.0, 4: 20.0, 16: 0.0, 64: 20.0}
ROUNDS = 3
TEXT = "The river rises. Move to high ground now."
TO = "+85512000010"


@contextmanager
def fakes(count: int) -> Iterator[Path]:
    """So many fake modems in a process of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fake_modems", str(count), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment(),
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield folder
        finally:
            process.stdin.close()
            process.wait(10)


async def ours(count: int, folder: Path) -> dict[str, float]:
    """Our driver, as the agent opens it."""
    from edge_agent.contracts import OutboundSms, SubmitRef
    from edge_agent.devices.profiles import load_profiles
    from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
    from telecore.ids import ChannelId, DeviceId

    profiles = load_profiles()
    modems = [
        AtModem(ModemSettings(DeviceId(f"m{n}"), ChannelId(f"e/m{n}"), str(folder / f"fake{n}")), profiles.choose)
        for n in range(count)
    ]

    async def noted(ref: SubmitRef) -> None:
        del ref

    async def send(modem: AtModem) -> None:
        service = modem.channels[0].sms
        assert service is not None
        for number in range(SMS_EACH[count]):
            await service.submit(OutboundSms(TO, f"{number} {TEXT}"), 0, noted)

    await asyncio.gather(*(modem.open() for modem in modems))
    began, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(send(modem) for modem in modems))
    figures = spent(count, began, cpu)
    core = _Deaf()
    serving = [asyncio.ensure_future(modem.run(core)) for modem in modems]
    await asyncio.sleep(2)
    cpu = time.process_time()
    await asyncio.sleep(IDLE_S[count])
    figures["idle"] = idle(cpu, count)
    for task in serving:
        task.cancel()
    await asyncio.wait(serving)
    return figures


class _Deaf:
    """A Core that keeps nothing."""

    async def part(self, part: object) -> None: ...
    async def report(self, report: object) -> None: ...
    async def radio(self, channel: object, status: object) -> None: ...
    async def ussd(self, channel: object, reply: object) -> None: ...
    async def event(self, event: object) -> None: ...
    def stored(self, channel: object, level: object) -> None: ...
    def incoming(self, call: object) -> None: ...


def gsmmodem(count: int, folder: Path) -> dict[str, float]:
    """The peer, a thread of its user's for each modem."""
    warnings.simplefilter("ignore")
    from gsmmodem.modem import GsmModem

    modems = [GsmModem(str(folder / f"fake{n}"), 115200) for n in range(count)]
    for modem in modems:
        modem.connect()
        modem.smsTextMode = False

    def send(modem: GsmModem) -> None:
        for number in range(SMS_EACH[count]):
            modem.sendSms(TO, f"{number} {TEXT}")

    threads = [threading.Thread(target=send, args=(modem,)) for modem in modems]
    began, cpu = time.monotonic(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = spent(count, began, cpu)
    cpu = time.process_time()
    time.sleep(IDLE_S[count])
    figures["idle"] = idle(cpu, count)
    return figures


def idle(cpu: float, count: int) -> float:
    """Percent of a core that each modem cost; not measured for every count."""
    return (time.process_time() - cpu) / IDLE_S[count] / count * 100 if IDLE_S[count] else float("nan")


def spent(count: int, began: float, cpu: float) -> dict[str, float]:
    """CPU µs of one SMS, SMS a second, threads beside the main one."""
    sent = count * SMS_EACH[count]
    return {
        "us": (time.process_time() - cpu) / sent * 1e6,
        "rate": sent / (time.monotonic() - began),
        "threads": threading.active_count() - 1,
    }


def smsd(folder: Path, messages: int = 20) -> float | None:
    """SMS a second of one gammu-smsd as it comes; None where it is not installed."""
    if shutil.which("gammu-smsd") is None:
        return None
    for name in ("in", "out", "sent", "error"):
        (folder / name).mkdir()
    config = folder / "smsdrc"
    config.write_text(
        f"[gammu]\nport = {folder}/fake0\nconnection = at115200\n[smsd]\nservice = files\n"
        f"inboxpath = {folder}/in/\noutboxpath = {folder}/out/\nsentsmspath = {folder}/sent/\n"
        f"errorsmspath = {folder}/error/\n"
    )
    for number in range(messages):
        (folder / "out" / f"OUTA20260101_120000_{number:02d}_{TO}_sms.txt").write_text(TEXT)
    daemon = subprocess.Popen(["gammu-smsd", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        first, end = 0.0, time.monotonic() + 120
        while time.monotonic() < end:
            done = len(list((folder / "sent").iterdir()))
            first = first or (time.monotonic() if done else 0.0)
            if done >= messages:
                return (messages - 1) / (time.monotonic() - first)
            time.sleep(0.05)
        return 0.0
    finally:
        daemon.kill()
        daemon.wait()


def child(who: str, count: int) -> dict[str, float]:
    with fakes(count) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.edge_modems", who, str(count), str(folder)],
            capture_output=True, text=True, cwd=ROOT, env=environment(), check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(done.stderr)
        return {name: float(value) for name, value in json.loads(done.stdout).items()}


def main() -> None:
    if len(sys.argv) > 1:
        who, count, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
        print(json.dumps(asyncio.run(ours(count, folder)) if who == "ours" else gsmmodem(count, folder)))
        return
    print(f"{'modems':<10}{'':<22}{'CPU µs/SMS':>12}{'SMS/s':>10}{'threads':>9}{'idle % of a core, each':>24}")
    for count in SMS_EACH:
        rounds = [{who: child(who, count) for who in ("ours", "gsmmodem")} for _ in range(ROUNDS)]
        for who in ("ours", "gsmmodem"):
            middle = {name: statistics.median(entry[who][name] for entry in rounds) for name in rounds[0][who]}
            print(
                f"{count:<10}{who:<22}{middle['us']:>12.1f}{middle['rate']:>10.0f}{middle['threads']:>9.0f}"
                f"{middle['idle']:>24.4f}"
            )
        ratio = statistics.median(entry["ours"]["us"] / entry["gsmmodem"]["us"] for entry in rounds)
        print(f"{'':<10}ours : gsmmodem, CPU   {ratio:>12.2f}")
    with fakes(1) as folder:
        rate = smsd(folder)
    print("gammu-smsd is not installed" if rate is None else f"one gammu-smsd with its defaults: {rate:.1f} SMS/s")


if __name__ == "__main__":
    main()
