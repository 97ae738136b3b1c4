"""The web server of simulated boxes, by another program: digest and basic logins, stale nonces, wrong passwords."""

import asyncio
import json
import shutil

import pytest

from simulator.gateway.digest import DigestLogin
from simulator.gateway.dinstar import DinstarBox
from simulator.gateway.goip_http import GoipPages
from simulator.gateway.synway import SynwayBox
from tests.fakes.tongues import Towers

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


async def curl(url, *more):
    """Status and body."""
    command = ["curl", "-s", "--noproxy", "*", "-m", "5", "-w", "\n%{http_code}", *more, url]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    body, _, status = out.decode().rpartition("\n")
    return int(status), body


async def served(kind, **options):
    towers = Towers()
    box = kind(towers.lines, towers.timers, **options)
    await box.start()
    await towers.on()
    return box


async def test_a_dinstar_by_digest():
    box = await served(DinstarBox)
    url = f"{box.web.url}/api/get_port_info"
    asked = "?port=0%2C1&info_type=reg%2Csignal"
    status, body = await curl(url + asked, "--digest", "-u", "admin:admin")
    assert (status, [row["reg"] for row in json.loads(body)["info"]]) == (200, ["REGISTER_OK"] * 2)
    assert (await curl(url + asked, "--digest", "-u", "admin:wrong"))[0] == 401
    assert (await curl(url + asked, "-u", "admin:admin"))[0] == 401
    bare = asked.replace("%2C", ",")
    assert (await curl(url + bare, "--digest", "-u", "admin:admin"))[0] == 401, "as a real one does"
    sms = '{"text":"hi","port":[0],"param":[{"number":"+85512000001","user_id":1}],"encoding":"gsm-7bit"}'
    status, body = await curl(f"{box.web.url}/api/send_sms", "--digest", "-u", "admin:admin", "-d", sms)
    assert (status, json.loads(body)["error_code"]) == (200, 202)
    await box.stop()


async def test_a_synway_and_a_goip_by_basic():
    box = await served(SynwayBox)
    asked = ("-d", '{"event":"getportinfo"}')
    assert (await curl(f"{box.web.url}/API/QueryInfo", *asked))[0] == 401
    status, body = await curl(f"{box.web.url}/API/QueryInfo", "-u", "ApiUserAdmin:admin", *asked)
    assert (status, json.loads(body)) == (200, {"result": "ok", "content": "total:2;portstate:0,0;"})
    await box.stop()
    box = await served(GoipPages)
    status, body = await curl(f"{box.web.url}/default/en_US/status.xml?type=list", "-u", "admin:admin")
    assert status == 200
    assert "<l1_gsm_sim>Y</l1_gsm_sim>" in body
    await box.stop()


def test_a_nonce_is_good_for_so_many_requests_and_a_count_is_used_once():
    login = DigestLogin("box", "u", "p", uses=2)

    def header(nonce, count):
        given = {"nonce": nonce, "nc": f"{count:08x}", "cnonce": "c", "qop": "auth", "uri": "/x"}
        response = login._expected("GET", given)
        pairs = ", ".join(
            f'{name}="{value}"' for name, value in {**given, "username": "u", "response": response}.items()
        )
        return f"Digest {pairs}"

    nonce = login.challenge(stale=False).partition('nonce="')[2].partition('"')[0]
    assert login.accepts("GET", "/x", header(nonce, 1)) is True
    assert login.accepts("GET", "/x", header(nonce, 1)) is None
    assert login.accepts("GET", "/x", header(nonce, 2)) is True
    assert login.accepts("GET", "/x", header(nonce, 3)) is None
    assert login.accepts("POST", "/x", header(nonce, 2)) is False
    assert login.accepts("GET", "/y", header(nonce, 2)) is False
    assert login.accepts("GET", "/x", "Basic dTpw") is False
    assert "stale=true" in login.challenge(stale=True)
