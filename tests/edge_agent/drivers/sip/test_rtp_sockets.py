"""The connected socket beside the open one: who gets what, and when it comes and goes."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator

import pytest

from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.rtp_latch import LOCK_PACKETS
from edge_agent.drivers.sip.rtp_session import RtpSession
from edge_agent.drivers.sip.rtp_sockets import connected
from edge_agent.drivers.sip.settings import SipSettings
from edge_agent.media.source import SILENCE
from tests.fakes.rtp_end import RtpEnd, bound, here, until

LOW = 26_600
CODES = bytes(range(0x10, 0x60)) * 2


@pytest.fixture
async def ports() -> AsyncIterator[RtpPorts]:
    made = RtpPorts(SipSettings(rtp_low=LOW, rtp_high=LOW + 199))
    yield made
    made.close()


async def locked(session: RtpSession, far: RtpEnd) -> None:
    session.plan(far.plan())
    for _ in range(LOCK_PACKETS):
        far.rtp.send(far.sound(CODES), here(session))
    await until(lambda: session._direct is not None)


def test_the_connected_socket_gets_its_peer_and_the_open_one_all_others() -> None:
    with bound() as ours, bound() as peer, bound("127.0.0.2") as other:
        ours.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)
        near = connected(ours, peer.getsockname())
        assert near is not None
        with near:
            assert near.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 0xB8
            peer.sendto(b"peer", ours.getsockname())
            other.sendto(b"other", ours.getsockname())
            assert near.recv(99) == b"peer"
            assert ours.recv(99) == b"other"
            near.send(b"back")
            assert peer.recvfrom(99) == (b"back", ours.getsockname())
        peer.sendto(b"again", ours.getsockname())
        assert ours.recv(99) == b"again"


@pytest.mark.parametrize("option", [None, socket.SO_REUSEADDR])
def test_no_third_shares_the_port(option: int | None) -> None:
    with bound() as ours, bound() as peer, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as third:
        near = connected(ours, peer.getsockname())
        assert near is not None
        if option is not None:
            third.setsockopt(socket.SOL_SOCKET, option, 1)
        with near, pytest.raises(OSError, match="in use") as refused:
            third.bind(ours.getsockname())
        assert refused.value.errno == errno.EADDRINUSE


def test_where_it_cannot_be_connected_there_is_none() -> None:
    with bound() as ours:
        assert connected(ours, ("::1", 5000)) is None
        assert connected(ours, ("255.255.255.255", 5000)) is None
        with bound() as peer:
            peer.sendto(b"still", ours.getsockname())
            assert ours.recv(99) == b"still"


async def test_a_locked_session_is_connected_until_the_signalling_speaks(ports: RtpPorts) -> None:
    with RtpEnd() as far, RtpEnd() as next_far:
        session = await ports.open()
        await locked(session, far)
        before = session.stats().received
        far.rtp.send(far.sound(CODES), here(session))
        await until(lambda: session.stats().received == before + 1)
        session.plan(next_far.plan())
        assert session._direct is None
        session.send(SILENCE)
        await until(lambda: next_far.came)
        await locked(session, next_far)


async def test_a_far_end_that_does_not_listen_any_more_is_borne(ports: RtpPorts) -> None:
    """Its system says so to a connected socket, which is an error of the next call on it."""
    with RtpEnd() as far:
        session = await ports.open()
        await locked(session, far)
    for _ in range(6):
        session.send(SILENCE)
    assert session.refused.unsent
    with RtpEnd() as back:
        session.plan(back.plan())
        session.send(SILENCE)
        await until(lambda: back.came)


async def test_a_session_without_a_second_socket_carries_sound_all_the_same(
    ports: RtpPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.drivers.sip.rtp_session.connected", lambda bound, to: None)
    with RtpEnd() as far:
        session = await ports.open()
        session.plan(far.plan())
        for number in range(LOCK_PACKETS + 3):
            far.rtp.send(far.sound(CODES), here(session))
            await until(lambda: session.stats().received > number)  # noqa: B023
        assert session._direct is None
        before = len(far.came)
        session.send(SILENCE)
        await until(lambda: len(far.came) > before)


async def test_nothing_is_left_of_a_closed_session(ports: RtpPorts) -> None:
    with RtpEnd() as far:
        session = await ports.open()
        await locked(session, far)
        session.close()
        assert session._direct is None
        with bound(port=session.port):
            pass
