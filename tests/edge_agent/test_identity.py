from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent import signing
from edge_agent.config.cloud import CloudConfig
from edge_agent.enrolment import enrol
from edge_agent.identity import Identity, load_identity
from telecore.errors import InvalidRequest, NotAllowed, RemoteProtocolError, TelecoreError, TimedOut, TunnelDown
from telecore.ids import EdgeId
from telecore.tunnel.proof import signed_enrolled, signed_enrolment
from tests.fakes.certificate import certificate
from tests.fakes.connect_proxy import ConnectProxy

WHO = Identity(EdgeId("site-1"), "ab" * 32, "wss://cloud.example.org/tunnel")


def test_it_comes_back_as_it_was_saved_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    old = os.umask(0)
    try:
        WHO.save(path)
        Identity(EdgeId("site-2"), "cd" * 32, WHO.url).save(path)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_identity(path).edge == "site-2"
    assert list(tmp_path.iterdir()) == [path]


def test_one_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    WHO.save(path)
    path.chmod(0o640)
    with pytest.raises(NotAllowed, match="0640.*chmod 600"):
        load_identity(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("{}", "edge: is missing"),
        ('{"edge":"site-1","key":5,"url":""}', "key"),
        ('{"edge":"Site 1","key":"k","url":""}', "names no edge"),
        ('{"edge":"site-1","key":"","url":""}', "no key"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "identity.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InvalidRequest, match=says) as caught:
        load_identity(path)
    assert str(path) in str(caught.value)


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "identity.json"
    WHO.save(path)

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        Identity(EdgeId("site-2"), "cd" * 32, WHO.url).save(path)
    assert load_identity(path) == WHO
    assert list(tmp_path.iterdir()) == [path]


def test_the_key_is_not_shown() -> None:
    assert WHO.key not in repr(WHO)


@contextlib.asynccontextmanager
async def cloud(
    answer: bytes, requests: list[bytes], delay_s: float = 0.0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """A web server that answers the same to everybody."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        requests.append(head + await reader.readexactly(length))
        await asyncio.sleep(delay_s)
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def http(status: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", body]
    return "\r\n".join(lines).encode()


async def test_enrolment_sends_the_hash_of_a_new_key_and_keeps_the_key() -> None:
    requests: list[bytes] = []
    answer = http("200 OK", json.dumps({"edge": "site-1", "tunnel_url": "ws://127.0.0.1:9/"}))
    async with cloud(answer, requests) as url:
        first = (await enrol(url + "/", "token-1")).identity
        second = (await enrol(url, "token-1")).identity
    assert first.edge == "site-1"
    assert first.url == "ws://127.0.0.1:9/"
    assert len(bytes.fromhex(first.key)) == 32
    assert first.key != second.key
    head, body = requests[0].split(b"\r\n\r\n")
    assert head.startswith(b"POST /edges/enrol ")
    sent = json.loads(body)
    assert (sent["token"], sent["key_sha256"]) == ("token-1", hashlib.sha256(first.key.encode()).hexdigest())
    signed = signed_enrolment("token-1", sent["public_key"], sent["key_sha256"])
    assert signing.verify(sent["public_key"], signed, sent["signature"])
    assert first.key.encode() not in requests[0]


def answer_of(cloud_seed: str, public: str, **changes: str) -> bytes:
    """What a cloud with this key says to whoever enrols with that public key."""
    said = {"edge": "site-1", "tunnel_url": "ws://127.0.0.1:9/", "cloud_key": signing.public_of(cloud_seed)}
    said["state"] = "1.ab.cd"
    message = signed_enrolled(said["edge"], public, said["tunnel_url"], said["state"], said["cloud_key"])
    return http("200 OK", json.dumps({**said, "signature": signing.sign(cloud_seed, message), **changes}))


@pytest.mark.parametrize("named", ["", "right", "wrong"])
async def test_the_cloud_that_made_the_token_is_pinned_and_no_other(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed, cloud_seed = signing.new_seed(), signing.new_seed()
    monkeypatch.setattr(signing, "new_seed", lambda: seed)
    name = {"right": signing.public_of(cloud_seed)[:32], "wrong": "ab" * 16}.get(named, "")
    requests: list[bytes] = []
    async with cloud(answer_of(cloud_seed, signing.public_of(seed)), requests) as url:
        if named == "wrong":
            with pytest.raises(NotAllowed, match="not the cloud that made the token"):
                await enrol(url, f"token.{name}")
            return
        enrolled = await enrol(url, f"token.{name}" if name else "token")
    assert enrolled.identity.cloud_keys == (signing.public_of(cloud_seed),)
    assert (enrolled.identity.key, enrolled.states.states) == ("", ("1.ab.cd",))
    assert seed.encode() not in requests[0]


async def test_an_answer_that_the_cloud_did_not_sign_is_not_believed() -> None:
    async with cloud(answer_of(signing.new_seed(), "ab" * 32), []) as url:
        with pytest.raises(RemoteProtocolError, match="not signed"):
            await enrol(url, "token")


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (http("401 Unauthorized", '{"message":"this token was used"}'), NotAllowed, "this token was used"),
        (http("404 Not Found", "<html>"), NotAllowed, "answered 404"),
        (http("400 Bad Request", "[]"), NotAllowed, "answered 400"),
        (http("503 Unavailable", ""), TunnelDown, "answered 503"),
        (http("429 Slow down", ""), TunnelDown, "answered 429"),
        (http("302 Found", "", "Location: http://127.0.0.1:1/"), TunnelDown, "answered 302"),
        (http("200 OK", "<html>"), RemoteProtocolError, "is it the cloud controller"),
        (http("200 OK", "[]"), RemoteProtocolError, "is it the cloud controller"),
        (http("200 OK", '{"edge":"../x","tunnel_url":"ws://x"}'), RemoteProtocolError, "is it the cloud controller"),
        (b"220 mail ESMTP\r\n", TunnelDown, "cannot be reached"),
        (b"", TunnelDown, "cannot be reached"),
    ],
)
async def test_a_refusal_is_one_sentence(answer: bytes, error: type[TelecoreError], says: str) -> None:
    async with cloud(answer, []) as url:
        with pytest.raises(error, match=says) as caught:
            await enrol(url, "token-1")
    assert "\n" not in str(caught.value)
    assert "token-1" not in str(caught.value)


async def test_a_silent_cloud_is_given_up() -> None:
    async with cloud(b"", [], delay_s=0.5) as url:
        with pytest.raises(TimedOut, match="did not answer within 0.2 s"):
            await enrol(url, "token-1", within_s=0.2)
        await asyncio.sleep(0.4)


async def test_no_cloud_and_no_address() -> None:
    with pytest.raises(TunnelDown, match="cannot be reached"):
        await enrol("http://127.0.0.1:1", "token-1")
    with pytest.raises(InvalidRequest, match="must begin with"):
        await enrol("ftp://cloud.example.org", "token-1")


@pytest.mark.parametrize(
    ("tunnel", "error", "says"),
    [
        ("ws://cloud.example.org:8081/", NotAllowed, "ws://cloud.example.org:8081/, without TLS"),
        ("ws://192.0.2.7/", NotAllowed, "without TLS"),
        ("http://cloud.example.org/", RemoteProtocolError, "no address of a tunnel"),
        ("wss:///", RemoteProtocolError, "no address of a tunnel"),
        ("wss://[::1/", RemoteProtocolError, "no address of a tunnel"),
    ],
)
async def test_a_tunnel_that_would_not_be_used_is_no_enrolment(tunnel: str, error: type[Exception], says: str) -> None:
    answer = http("200 OK", json.dumps({"edge": "site-1", "tunnel_url": tunnel}))
    async with cloud(answer, []) as url:
        with pytest.raises(error, match=says):
            await enrol(url, "token-1")
        if error is NotAllowed:
            assert (await enrol(url, "token-1", cloud=CloudConfig(insecure=True))).identity.url == tunnel


async def test_a_token_is_not_said_without_tls_beyond_this_machine() -> None:
    with pytest.raises(InvalidRequest, match="http://192.0.2.7 has no TLS"):
        await enrol("http://192.0.2.7", "token-1", within_s=5)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
async def test_enrolment_goes_by_the_sites_proxy_which_sees_neither_token_nor_key(tmp_path: Path) -> None:
    requests: list[bytes] = []
    answer = http("200 OK", json.dumps({"edge": "site-1", "tunnel_url": "wss://cloud.example.org/"}))
    server, client = await certificate(tmp_path)
    async with cloud(answer, requests, tls=server) as url, ConnectProxy(("clinic", "s:cret")) as proxy:
        section = CloudConfig(proxy=f"http://127.0.0.1:{proxy.port}", proxy_user="clinic", proxy_password="s:cret")
        enrolled = await enrol(url, "token-1", tls=client, cloud=section)
        assert enrolled.identity.edge == "site-1"
        assert proxy.targets == [url.removeprefix("https://")]
        assert b"proxy-authorization" not in requests[0].lower()
        with pytest.raises(TunnelDown, match="407"):
            await enrol(url, "token-1", tls=client, cloud=replace(section, proxy_password="wrong"))
        await enrol(url, "token-1", tls=client, cloud=CloudConfig(proxy="none"))
    assert len(proxy.targets) == 1
    assert len(requests) == 2


async def test_a_proxy_that_is_none_is_named() -> None:
    with pytest.raises(InvalidRequest, match="the proxy of this site") as caught:
        await enrol("https://cloud.example.org", "token-1", cloud=CloudConfig(proxy="http://"))
    assert caught.value.field == "cloud.proxy"
