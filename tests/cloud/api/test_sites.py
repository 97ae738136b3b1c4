"""Sites by the API: whose they are, who may touch them, what is told once."""

from __future__ import annotations

import aiohttp

from cloud.store import accounts, edges
from telecore.ids import EdgeId
from tests.fakes.api_site import Site, basic


async def ask(
    site: Site, method: str, path: str, who: dict[str, str] | None = None, **data: str
) -> tuple[int, dict[str, object]]:
    address = f"{site.url}/simferry/v1/edges{path}"
    headers = who or basic(site.account)
    async with aiohttp.ClientSession() as http, http.request(method, address, headers=headers, data=data) as answer:
        return answer.status, await answer.json()


async def test_a_token_enrols_and_a_revoked_site_is_shut_out(site: Site) -> None:
    status, made = await ask(site, "POST", "", name="site-7")
    assert (status, made["account"]) == (201, site.account.sid)
    token = str(made["token"])
    assert str(made["command"]).endswith(f"--cloud https://gw.example --token={token}")
    await site.db.write(lambda conn: edges.enrol(conn, token, "", public_key="ab" * 32))
    _, listed = await ask(site, "GET", "")
    found = {one["edge"]: one for one in listed["edges"]}  # type: ignore[attr-defined]
    assert (found["site-7"]["enrolled"], found["site-7"]["public_key"]) == (True, "ab" * 32)
    assert token.partition(".")[0] not in str(listed)
    assert (await ask(site, "POST", "/site-7/revoke"))[0] == 200
    assert await site.db.read(edges.shut) == {"site-7": "revoked"}
    assert (await ask(site, "POST", "/site-7/forgive"))[0] == 401


async def test_others_sites_are_as_if_there_were_none(site: Site) -> None:
    other = await site.db.write(lambda conn: accounts.create(conn, "Other"))
    await site.db.write(lambda conn: edges.create(conn, EdgeId("theirs"), other.sid))
    assert (await ask(site, "POST", "/theirs/revoke"))[0] == 404
    assert (await ask(site, "POST", "/theirs/forgive"))[0] == 404
    assert (await ask(site, "POST", "", name="theirs"))[0] == 400
    assert (await ask(site, "POST", "", name="mine", account=other.sid))[0] == 404
    assert (await ask(site, "POST", "", name="Not a name"))[0] == 400
    _, listed = await ask(site, "GET", "")
    assert "theirs" not in str(listed)
    assert await site.db.read(edges.shut) == {}


async def test_an_api_key_looks_at_sites_and_lets_nobody_in_nor_touches_caps(site: Site) -> None:
    key = await site.twilio(lambda c: c.new_keys.create(friendly_name="robot"))
    who = {"Authorization": aiohttp.encode_basic_auth(key.sid, key.secret)}
    status, listed = await ask(site, "GET", "", who)
    assert (status, [one["edge"] for one in listed["edges"]]) == (200, ["site-1"])  # type: ignore[attr-defined]
    for path, data in (("", {"name": "site-7"}), ("/site-1/revoke", {}), ("/site-1/forgive", {}), ("/../caps", {})):
        assert (await ask(site, "POST", path, who, **data))[0] == 401, path
    assert await site.db.read(edges.shut) == {}
