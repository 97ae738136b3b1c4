"""Reading webhooks' requests: whole, in pieces, and nonsense."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.gateway.http_request import BODY_LIMIT, HttpRequestReader, response
from telecore.errors import RemoteProtocolError

PLAIN = b'POST /dinstar HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
CHUNKED = b'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\nTrailer: t\r\n\r\n'
BARE = b'PUT / HTTP/1.0\nContent-Length:7\n\n{"a":1}'


def read(data, *, step=0):
    reader, found = HttpRequestReader(), []
    for at in range(0, len(data), step or len(data)):
        reader.feed(data[at : at + (step or len(data))])
        while (request := reader.next()) is not None:
            found.append(request)
    return found


@pytest.mark.parametrize("data", [PLAIN, CHUNKED, BARE, b"\r\n" + PLAIN], ids=["plain", "chunked", "bare", "blank"])
@pytest.mark.parametrize("step", [0, 1, 3, 7])
def test_a_request_is_read_however_it_is_cut(data, step):
    (request,) = read(data, step=step)
    assert request.body == b'{"a":1}'


@pytest.mark.parametrize("step", [0, 1, 5])
def test_requests_follow_one_another(step):
    found = read(PLAIN + CHUNKED + PLAIN, step=step)
    assert [request.target for request in found] == ["/dinstar", "/", "/dinstar"]


@pytest.mark.parametrize(
    ("head", "keep"),
    [
        (b"POST / HTTP/1.1\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nConnection: Close\r\n\r\n", False),
        (b"POST / HTTP/1.0\r\n\r\n", False),
        (b"POST / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_whether_more_may_come(head, keep):
    assert read(head)[0].keep is keep


def test_a_client_that_waits_before_its_body_is_noticed_once():
    reader = HttpRequestReader()
    reader.feed(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert reader.next() is None
    assert [reader.wants_continue, reader.wants_continue] == [True, False]
    reader.feed(b"{}")
    assert reader.next().body == b"{}"


@pytest.mark.parametrize(
    "data",
    [
        b"HELLO\r\n\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/2.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\n folded: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1),
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 300,
        b"POST / HTTP/1.1\r\nX: " + b"y" * 9000,
    ],
)
def test_nonsense_is_one_error(data):
    with pytest.raises(RemoteProtocolError):
        read(data)


def test_memory_is_bounded():
    reader = HttpRequestReader(body_limit=1000)
    for _ in range(9):
        reader.feed(b"x" * 1000)
    with pytest.raises(RemoteProtocolError):
        reader.feed(b"x" * 1000)


@given(st.binary(max_size=400), st.sampled_from([PLAIN, CHUNKED, b"", b"POST / HTTP/1.1\r\n"]), st.integers(0, 100))
def test_random_octets_give_requests_or_one_error(noise, data, at):
    with suppress(RemoteProtocolError):
        read(data[:at] + noise + data[at:], step=7)


def test_answers():
    assert response(200, "OK").startswith(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close")
    assert response(100, "").endswith(b"\r\n\r\n")
