"""Digests: RFC examples, the dialects of gateways, replays."""

from __future__ import annotations

import hashlib
import random

import pytest

from edge_agent.drivers.sip.asking import Authorizer
from edge_agent.drivers.sip.auth import (
    Asked,
    Challenge,
    Challenger,
    Verdict,
    answer,
    best_challenge,
    read_challenge,
    read_fields,
)
from edge_agent.drivers.sip.message import Headers, Request, Response
from edge_agent.drivers.sip.settings import Credentials

MUFASA = Credentials("Mufasa", "Circle of Life")
INDEX = Asked("GET", "/dir/index.html")
ME = Credentials("goip01", "secret")
ASKED = Asked("REGISTER", "sip:10.0.0.1")


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_the_examples_of_rfc7616() -> None:
    nonce, cnonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    for algorithm, expected in (
        ("md5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("sha-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        challenge = Challenge("http-auth@example.org", nonce, algorithm, ("auth", "auth-int"), "FQhe/qaU925k")
        assert read_fields(answer(challenge, MUFASA, INDEX, 1, cnonce))["response"] == expected


def asks() -> tuple[Challenger, Challenge]:
    challenger = Challenger(random.Random(1), lambda: 1000.0)
    challenge = read_challenge(challenger.challenge("gw"))
    assert challenge is not None
    return challenger, challenge


def sums(nonce: str, middle: str = "", realm: str = "gw", password: str = "secret", uri: str = ASKED.uri) -> str:
    return md5(f"{md5(f'goip01:{realm}:{password}')}:{nonce}:{middle}{md5(f'REGISTER:{uri}')}")


HEAD = 'username="goip01", realm="gw", nonce="{n}", uri="sip:10.0.0.1", '
DIALECTS = [
    HEAD + 'response="{q}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"',
    HEAD + 'response="{q}", algorithm=md5, qop=auth, nc=00000001, cnonce="c"',
    HEAD + 'response="{q}", qop="auth", cnonce="c"',
    HEAD + 'response="{r}"',
    "username=goip01, realm=gw, nonce={n}, uri=sip:10.0.0.1, response={r}, algorithm=MD5",
    'username="goip01",realm="gw",nonce="{n}",response="{r}"',
    'username="goip01@10.0.0.1", realm="gw", nonce="{n}", uri="sip:10.0.0.1", response="{u}"',
    'USERNAME="goip01", Realm="gw", NONCE="{n}", Uri="sip:10.0.0.1", RESPONSE="{R}", qop="auth", nc="1", cnonce="c"',
    HEAD + 'response="{r}", opaque="", qop=""',
]


@pytest.mark.parametrize("dialect", DIALECTS, ids=range(len(DIALECTS)))
def test_the_dialects_of_gateways(dialect: str) -> None:
    challenger, challenge = asks()
    nonce = challenge.nonce
    with_host = md5(f"{md5('goip01@10.0.0.1:gw:secret')}:{nonce}:{md5('REGISTER:sip:10.0.0.1')}")
    qop, short = sums(nonce, "00000001:c:auth:"), sums(nonce, "1:c:auth:").upper()
    header = "Digest " + dialect.format(n=nonce, q=qop, r=sums(nonce), R=short, u=with_host)
    assert challenger.check(header, ME, ASKED) is Verdict.RIGHT
    wrong = Credentials("goip01", "other")
    assert challenger.check(header, wrong, ASKED) is Verdict.WRONG
    assert challenger.check(header, ME, ASKED) is Verdict.STALE  # the same again is a replay


def test_counts_must_rise_and_nonces_grow_old() -> None:
    now = 1000.0
    challenger = Challenger(random.Random(1), lambda: now)
    challenge = read_challenge(challenger.challenge("gw"))
    assert challenge is not None
    for count, verdict in (
        (1, Verdict.RIGHT),
        (2, Verdict.RIGHT),
        (2, Verdict.STALE),
        (9, Verdict.RIGHT),
        (5, Verdict.STALE),
    ):
        assert challenger.check(answer(challenge, ME, ASKED, count, "c"), ME, ASKED) is verdict
    now = 1301.0
    assert challenger.check(answer(challenge, ME, ASKED, 10, "c"), ME, ASKED) is Verdict.STALE
    forged = Challenge("gw", "f4240.000000000000." + "0" * 24, "md5", ("auth",))
    assert challenger.check(answer(forged, ME, ASKED, 1, "c"), ME, ASKED) is Verdict.STALE


@pytest.mark.parametrize("header", ["", "Digest", "Basic Zm9v", "Digest a", "Digest username=goip01", 'Digest username="goip01", response="x", algorithm=SHA-999', "Digest " + "," * 5000])  # fmt: skip  # noqa: E501
def test_what_is_no_proof(header: str) -> None:
    challenger, _ = asks()
    assert challenger.check(header, ME, ASKED) is Verdict.WRONG


def test_the_strongest_challenge_that_can_be_answered() -> None:
    headers = ['Digest realm="a", nonce="1", algorithm=SHA-512-256', 'Digest realm="a", nonce="2"', 'Digest realm="a", nonce="3", algorithm=SHA-256']  # fmt: skip  # noqa: E501
    chosen = best_challenge(headers)
    assert chosen is not None
    assert chosen.nonce == "3"
    assert best_challenge(["Basic realm=x", 'Digest nonce="1", algorithm=X']) is None


def test_sess_and_auth_int_both_ways() -> None:
    challenger = Challenger(random.Random(1), lambda: 5.0)
    nonce = read_fields(challenger.challenge("gw"))["nonce"]
    asked = Asked("INVITE", "sip:x", b"v=0")
    for count, (algorithm, qop) in enumerate(
        (("md5-sess", "auth"), ("sha-256-sess", "auth-int"), ("sha-256", "auth-int")), 1
    ):
        header = answer(Challenge("gw", nonce, algorithm, (qop,)), ME, asked, count, "c")
        assert challenger.check(header, ME, asked) is Verdict.RIGHT
        assert challenger.check(header, ME, Asked("INVITE", "sip:x", b"v=1")) in (Verdict.WRONG, Verdict.STALE)


def test_without_a_password_or_a_challenge_nothing_is_tried_again() -> None:
    challenge = Response(401, "x", Headers([("www-authenticate", 'Digest realm="r", nonce="n"')]))
    assert not Authorizer(None, random.Random(1)).learn(challenge, tried=False)
    authorizer = Authorizer(ME, random.Random(1))
    assert not authorizer.learn(Response(401, "x", Headers()), tried=False)
    assert not authorizer.learn(Response(403, "x", Headers()), tried=False)
    assert authorizer.learn(challenge, tried=False)
    signed = authorizer.sign(Request("BYE", "sip:x", Headers()))
    assert read_fields(signed.headers.get("authorization") or "")["nonce"] == "n"
    assert not authorizer.learn(challenge, tried=True)
    assert ME.password not in repr(ME)
