"""Who stands between edge and cloud with a certificate that is believed, and pins."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud.store import accounts
from cloud.store.database import Database
from cloud.tunnel.doorkeeper import Doorkeeper
from edge_agent.config.cloud import CloudConfig
from edge_agent.health.checks.certificate_expiring import certificate_expiring
from edge_agent.health.conditions import Snapshot
from telecore.errors import RemoteProtocolError
from telecore.x509 import not_after, public_key
from tests.cloud.tunnel.test_doorkeeper import House
from tests.fakes.keys import cloud_keys
from tests.fakes.store import store_url
from tests.fakes.tunnel import running, until

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificates with openssl")


def make_certificate(folder: Path, name: str, days: int = 2) -> Path:
    """Certificate and key in one file."""
    path = folder / f"{name}.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-subj", "/CN=localhost"]
    words += ["-days", str(days), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path) + ".key"]
    subprocess.run(["openssl", *words, "-out", str(path)], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.key").read_text())
    return path


def der(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text().partition("-----BEGIN PRIVATE")[0])


def pin(path: Path) -> str:
    return base64.b64encode(hashlib.sha256(public_key(der(path))).digest()).decode()


def serving(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    own = await asyncio.to_thread(make_certificate, tmp_path, "own")
    async with Database(store_url(tmp_path)) as db:
        await db.write(lambda conn: accounts.create(conn, "Clinic"))
        made = House(db, tmp_path, await asyncio.to_thread(cloud_keys, tmp_path, 2e9))
        made.hub._tls = serving(own)
        shown = hashlib.sha256(der(own)).hexdigest()
        made.hub._entrance._keeper._certificates = (shown,)  # type: ignore[union-attr]
        async with running(made.hub.run()):
            await made.hub.ready()
            yield made


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@contextlib.asynccontextmanager
async def relay(certificate: Path, port: int) -> AsyncIterator[int]:
    """Ends TLS with a certificate of its own, and reads all that is said."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there = await asyncio.open_connection("127.0.0.1", port, ssl=blind)
            await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=serving(certificate))
    async with server:
        yield server.sockets[0].getsockname()[1]


def uplink(house: House, device: Path, port: int, *, ca: Path, pins: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
    made = house.uplink(device)
    made._url = f"wss://127.0.0.1:{port}/"
    made._cloud = CloudConfig(ca_file=str(ca), pin_sha256=pins)
    return made


async def test_a_relay_with_a_certificate_that_is_believed_is_found(house: House, tmp_path: Path) -> None:
    device = await house.enrol("box")
    rogue = await asyncio.to_thread(make_certificate, tmp_path, "rogue")
    honest = uplink(house, device, house.hub.port, ca=tmp_path / "own.pem")
    async with running(honest.run()):
        await until(lambda: honest.connected)
        await house.confirmed(device)
    async with relay(rogue, house.hub.port) as port, running(uplink(house, device, port, ca=rogue).run()):
        await until(lambda: house.refusals)
    assert "somebody stands between" in house.refusals[0]
    assert (await house.record()).shut_why == ""


async def test_behind_a_proxy_of_ones_own_the_certificate_is_its(house: House, tmp_path: Path) -> None:
    device = await house.enrol("box")
    keeper = house.hub._entrance._keeper
    assert isinstance(keeper, Doorkeeper)
    keeper._certificates = ()
    proxy = await asyncio.to_thread(make_certificate, tmp_path, "proxy")
    async with relay(proxy, house.hub.port) as port:
        made = uplink(house, device, port, ca=proxy)
        async with running(made.run()):
            await until(lambda: made.connected)


@pytest.mark.parametrize("whose", ["own", "other"])
async def test_only_a_pinned_key_is_spoken_to(house: House, tmp_path: Path, whose: str) -> None:
    device = await house.enrol("box")
    other = await asyncio.to_thread(make_certificate, tmp_path, "other")
    made = uplink(house, device, house.hub.port, ca=tmp_path / "own.pem", pins=(pin(tmp_path / f"{whose}.pem"),))
    async with running(made.run()):
        await until(lambda: made.connected or house.refusals)
    assert (house.refusals == []) is (whose == "own"), other
    if house.refusals:
        assert "not one that this site has pinned" in house.refusals[0]
        assert house.hub.refused() == {}


async def test_what_is_read_of_a_certificate(tmp_path: Path) -> None:
    path = await asyncio.to_thread(make_certificate, tmp_path, "read", 30)
    assert abs(not_after(der(path)) - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=5)
    asked = ["openssl", "x509", "-in", str(path), "-pubkey", "-noout"]
    said = await asyncio.to_thread(subprocess.run, asked, check=True, capture_output=True, text=True)
    assert public_key(der(path)) == base64.b64decode("".join(said.stdout.splitlines()[1:-1]))
    whole = der(path)
    for cut in (*range(0, 60), 100, 200):
        with pytest.raises(RemoteProtocolError):
            public_key(whole[:cut])


async def test_an_edge_warns_of_the_certificate_that_it_was_shown(house: House) -> None:
    device, own = await house.enrol("box"), house.folder / "own.pem"
    uplink = house.uplink(device)
    uplink._url = uplink._url.replace("ws:", "wss:")
    uplink._tls = ssl.create_default_context(cafile=own)
    assert uplink.certificate_ends is None
    async with running(uplink.run()):
        await until(lambda: uplink.connected)
        assert uplink.certificate_ends == not_after(der(own))
    now = datetime.now(UTC)
    (found,) = certificate_expiring(Snapshot(wall=now, certificate_ends=uplink.certificate_ends))
    assert (found.code, found.severity.value) == ("certificate_expiring", "warning")
    assert "in 1 days" in found.text
    (found,) = certificate_expiring(Snapshot(wall=now + timedelta(days=3), certificate_ends=uplink.certificate_ends))
    assert found.severity.value == "critical"
