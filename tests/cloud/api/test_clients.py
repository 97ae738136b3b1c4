"""Access tokens of browsers."""

from __future__ import annotations

import time

import aiohttp
import pytest

from cloud.services import access_token
from cloud.store.records import Hook
from telecore.errors import NotAllowed
from tests.fakes.api_site import Site, basic


async def ask(site: Site, path: str, **fields: str) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession(headers=basic(site.account)) as http:
        method = "POST" if path.endswith("tokens") else "GET"
        async with http.request(method, f"{site.url}/simferry/v1/clients{path}", data=fields or None) as answer:
            return answer.status, await answer.json()


async def test_a_token_says_who_and_what(site: Site) -> None:
    status, told = await ask(site, "/alice/tokens", voice_url="https://app.example/v", voice_method="GET", ttl="120")
    assert status == 201
    token = str(told["token"])
    assert told["page"] == f"https://gw.example/client#{token}"
    grant = access_token.read(token, (site.account.auth_token,), now=time.time())
    assert (grant.account, grant.identity, grant.incoming) == (site.account.sid, "alice", True)
    assert grant.voice == Hook("https://app.example/v", "GET")
    assert 100 < grant.expires - time.time() <= 120
    with pytest.raises(NotAllowed):
        access_token.read(token, ("0" * 32,), now=time.time())
    with pytest.raises(NotAllowed):
        access_token.read(token[:-4] + "AAAA", (site.account.auth_token,), now=time.time())


async def test_a_token_of_twilios_own_helper_is_taken(site: Site) -> None:
    from twilio.jwt.access_token import AccessToken
    from twilio.jwt.access_token.grants import VoiceGrant

    made = AccessToken(site.account.sid, site.account.sid, site.account.auth_token, identity="bob")
    made.add_grant(VoiceGrant(outgoing_application_sid="AP" + "1" * 32, incoming_allow=True))
    grant = access_token.read(made.to_jwt(), (site.account.auth_token,), now=time.time())
    assert (grant.identity, grant.incoming, grant.application) == ("bob", True, "AP" + "1" * 32)


@pytest.mark.parametrize(
    ("path", "fields", "field"),
    [
        ("/a%20b/tokens", {}, "identity"),
        ("/" + "a" * 122 + "/tokens", {}, "identity"),
        ("/alice/tokens", {"ttl": "59"}, "ttl"),
        ("/alice/tokens", {"ttl": "86401"}, "ttl"),
        ("/alice/tokens", {"voice_url": "ftp://x"}, "voice_url"),
        ("/alice/tokens", {"voice_method": "PUT"}, "voice_method"),
        ("/alice/tokens", {"incoming": "perhaps"}, "incoming"),
        ("/alice/tokens", {"application_sid": "AP1"}, "application_sid"),
    ],
)
async def test_a_token_that_cannot_be_made(site: Site, path: str, fields: dict[str, str], field: str) -> None:
    status, told = await ask(site, path, **fields)
    assert (status, told["code"]) == (400, 21218 if field == "application_sid" else 20001)
    assert f"'{field}'" in str(told["message"])


async def test_nobody_is_on_the_line(site: Site) -> None:
    assert await ask(site, "") == (200, {"clients": []})


async def test_a_token_needs_credentials(site: Site) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{site.url}/simferry/v1/clients/a/tokens") as answer:
        assert answer.status == 401
