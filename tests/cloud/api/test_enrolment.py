"""A token becomes a key, once."""

from __future__ import annotations

import aiohttp
import pytest

from cloud import signing
from cloud.store import edges
from telecore.tunnel.proof import signed_enrolled, signed_enrolment
from tests.fakes.api_site import Site

KEY = "ab" * 32


async def post(site: Site, body: object) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as session, session.post(f"{site.url}/edges/enrol", json=body) as answer:
        return answer.status, await answer.json()


async def test_a_token_enrols_once(site: Site) -> None:
    status, body = await post(site, {"token": site.edge_token, "key_sha256": KEY})
    nothing = {"cloud_key": "", "state": "", "signature": ""}
    assert (status, body) == (200, {"edge": "site-1", "tunnel_url": "wss://gw.example:8443", **nothing})
    stored = await site.db.read(lambda conn: edges.get(conn, "site-1"))
    assert stored is not None
    assert stored.key_sha256 == KEY
    status, body = await post(site, {"token": site.edge_token, "key_sha256": "cd" * 32})
    assert (status, body["code"]) == (401, 20003)
    assert (await site.db.read(lambda conn: edges.get(conn, "site-1"))) == stored


async def test_a_key_pair_is_taken_from_its_owner_only_and_the_cloud_proves_itself(site: Site) -> None:
    seed = signing.new_seed()
    public = signing.public_of(seed)
    body = {"token": site.edge_token, "key_sha256": KEY, "public_key": public}
    for signature in ("", "ab" * 64, signing.sign(signing.new_seed(), signed_enrolment(site.edge_token, public, KEY))):
        status, answer = await post(site, {**body, "signature": signature})
        assert (status, answer["status"]) == (400, 400)
    signature = signing.sign(seed, signed_enrolment(site.edge_token, public, KEY))
    status, answer = await post(site, {**body, "signature": signature})
    assert status == 200
    said = [str(answer[name]) for name in ("edge", "tunnel_url", "state", "cloud_key", "signature")]
    edge, url, state, cloud_key, signed = said
    assert signing.verify(cloud_key, signed_enrolled(edge, public, url, state, cloud_key), signed)
    stored = await site.db.read(lambda conn: edges.get(conn, "site-1"))
    assert stored is not None
    assert (stored.public_key, stored.key_sha256, stored.join_offered) == (public, "", state)


async def test_refused_tokens_are_told_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        assert (await post(site, {"token": "guess", "key_sha256": KEY}))[0] == 401
    assert caplog.text.count("was refused") == 1


async def test_nonsense_is_refused(site: Site) -> None:
    for body in ({}, {"token": site.edge_token, "key_sha256": "xyz"}, [], "text"):
        status, answer = await post(site, body)
        assert (status, answer["status"]) == (400, 400)
    assert (await post(site, {"token": site.edge_token, "key_sha256": KEY}))[0] == 200


async def test_guessing_is_slowed_down(site: Site) -> None:
    answers = [await post(site, {"token": "guess", "key_sha256": KEY}) for _ in range(12)]
    assert [status for status, _ in answers] == [401] * 10 + [429] * 2
    assert answers[-1][1]["code"] == 20429
