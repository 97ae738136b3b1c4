"""The servers that ``acceptance`` fires at, each pinned to the second core."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import yaml

from cloud.store import accounts, channels, edges, numbers
from cloud.store.database import Database
from cloud.store.records import AccountRecord
from telecore.ids import E164, ChannelId, EdgeId, Iccid
from telecore.model import ChannelState, ChannelStatus, Service, Sim
from tests.fakes.ports import free_port

NUMBER = E164("+85510000001")
BODY = "The river rises: 7.2 m at Stung Treng. Move to high ground."
CHANNEL, EDGE = ChannelId("site-1/modem1"), EdgeId("site-1")
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Server:
    """``form`` None: everything is in the URL."""

    name: str
    url: str
    form: dict[str, str] | None = None
    user: str = ""
    password: str = ""


async def seeded(folder: Path) -> AccountRecord:
    """A store with an account, its number, and the SIM of an edge that is away; and a copy of it for Starlette."""
    async with Database(f"sqlite:///{folder / 'ours' / 'data' / 'cloud.db'}") as db:
        account = await db.write(lambda conn: accounts.create(conn, "Bench"))
        await db.write(lambda conn: edges.create(conn, EDGE, account.sid))
        sim = Sim(Iccid("8985501234567890123"), msisdn=NUMBER)
        status = ChannelStatus(CHANNEL, ChannelState.REGISTERED, time.time(), frozenset(Service), sim)
        await db.write(lambda conn: channels.upsert(conn, EDGE, status))
        await db.write(lambda conn: numbers.create(conn, account.sid, NUMBER, channel=CHANNEL))
    shutil.copytree(folder / "ours", folder / "starlette")
    return account


def ours(folder: Path, account: AccountRecord, stack: ExitStack) -> Server:
    """The cloud as it is served."""
    web, tunnel = free_port(), free_port()
    config = {"data_dir": "data", "web": {"port": web}, "tunnel": {"port": tunnel}}
    path = folder / "ours" / "cloud.yaml"
    path.write_text(yaml.safe_dump(config))
    start([sys.executable, "-m", "cloud", "serve", "--config", str(path)], web, stack, folder / "ours.log")
    return rest("ours", web, account)


def starlette(folder: Path, account: AccountRecord, stack: ExitStack) -> Server | None:
    """The same handlers behind Starlette and uvicorn with httptools and uvloop; None where these are not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("starlette", "uvicorn", "httptools")):
        print("left out: .venv/bin/pip install starlette uvicorn httptools", file=sys.stderr)
        return None
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.acceptance_starlette", str(folder / "starlette"), str(port)]
    start(command, port, stack, folder / "starlette.log")
    return rest("starlette", port, account)


def kannel(folder: Path, stack: ExitStack, smsc_port: int) -> Server | None:
    """Kannel with the SMSC at this port behind it; None where it is not installed."""
    if shutil.which("bearerbox") is None:
        print("left out: sudo apt-get install kannel", file=sys.stderr)
        return None
    ports = {name: free_port() for name in ("admin", "box", "send")}
    (folder / "store").mkdir()
    conf = folder / "kannel.conf"
    conf.write_text(_KANNEL.format(store=folder / "store" / "kannel.store", smsc=smsc_port, **ports))
    start(["bearerbox", str(conf)], ports["box"], stack, folder / "bearerbox.log")
    start(["smsbox", str(conf)], ports["send"], stack, folder / "smsbox.log")
    asked = {"username": "me", "password": "me", "from": NUMBER, "text": BODY}
    return Server("kannel", f"http://127.0.0.1:{ports['send']}/cgi-bin/sendsms?{urlencode(asked)}")


_KANNEL = """
group = core
admin-port = {admin}
admin-password = x
smsbox-port = {box}
log-level = 4
dlr-storage = internal
store-type = file
store-location = {store}

group = smsc
smsc = smpp
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = bench
smsc-password = bench
system-type = ""
max-pending-submits = 10

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {send}
log-level = 4

group = sendsms-user
username = me
password = me
"""


def rest(name: str, port: int, account: AccountRecord) -> Server:
    url = f"http://127.0.0.1:{port}/2010-04-01/Accounts/{account.sid}/Messages.json"
    return Server(name, url, {"From": NUMBER, "Body": BODY}, account.sid, account.auth_token)


def start(command: list[str], port: int | None, stack: ExitStack, log: Path) -> None:
    """Run it on the second core until the stack ends; returns once it listens."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["taskset", "-c", "1", *command],
            stdout=out,
            stderr=out,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    stack.callback(process.wait)
    stack.callback(process.kill)
    for _ in range(200):
        if port is None:
            return
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{command[0]} does not listen: {log.read_text(errors='replace')[-2000:]}")
