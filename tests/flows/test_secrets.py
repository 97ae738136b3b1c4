"""The main job with agent and cloud logging all they can: no secret in a log, nor in a file of the store.

Texts and numbers are in the database, which is what it is for; they are in no log.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pyotp
import pytest
import yaml
from twilio.base.exceptions import TwilioRestException

from cloud.store.backup.manifest import KEY_FILES
from cloud.web.two_factor import STEP_S
from scripts.labkit.lab import basic_auth
from tests.cloud.dashboard.browsing import Browser, browsing
from tests.fakes.customer_app import CustomerApp, twiml
from tests.flows.conftest import ROOT, LabProcess, World

pytestmark = pytest.mark.timeout(400)

OUT, IN, REPLY = "The gate of the upper dam opens", "Our well is dry since Tuesday", "A tanker comes to you"
SPOKEN, DIGITS = "Please key in the number of your household", "83920174"
HOOK_PASSWORD, HOOK_TOKEN = "hunter2pass", "hook-token-12345"
USSD_VOUCHER = "90817263544536"
CONFIG = {part: {"log": {"level": "debug"}} for part in ("cloud", "edge")}


@dataclass
class Kept:
    """What must not be found: ``credentials`` in no log and no file of the store, ``private`` in no log.

    ``codes`` are short, so they count where they stand by themselves.
    """

    credentials: dict[str, str] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    folder = tmp_path_factory.mktemp("telling")
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    made = LabProcess(
        folder / "lab", "--speed", "5", "--modems", "2", "--gateway-channels", "1", "--config", str(config)
    )
    yield made
    made.kill() if made._process.poll() is None else None


@pytest.fixture
async def world(lab: LabProcess) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        yield World(lab, http, app)


async def test_a_day_of_work_leaves_no_secret_where_it_does_not_belong(lab: LabProcess, world: World) -> None:
    kept, about = Kept(), lab.about
    data = Path(about["data_dir"])
    kept.credentials |= {"auth token": about["auth_token"], "operator's password": about["operator"]["password"]}
    kept.private |= {f"number {number}": number.lstrip("+") for number in world.numbers}
    kept.private |= {"text out": OUT, "text in": IN, "text back": REPLY, "text spoken": SPOKEN, "keys": DIGITS}
    kept.credentials |= _of_the_sites(about)

    await _tokens(world, kept)
    await _messages(world, kept)
    await _a_call(world, kept)
    await _verify(world, kept)
    await _ussd(world, kept)
    await _log_in(world, kept)
    await _trouble(world, kept)
    backup = data / "kept-copy"
    await asyncio.to_thread(_back_up, data, backup)

    store = [data / "cloud" / "data", backup]
    stored = _in_files(store, kept)
    status, _, _ = await asyncio.to_thread(lab.stop)
    assert status == 0
    stored += _in_files(store, kept)
    logs = [path for path in lab.logs.glob("*.log") if path.stem != "simulator"]
    assert {"cloud", *(edge["name"] for edge in about["edges"])} <= {path.stem for path in logs}
    logged = _in_logs(logs, kept)
    said = "".join(path.read_text(errors="replace") for path in logs)
    print({"secrets": len(kept.credentials) + len(kept.codes), "log lines": said.count("\n")})
    assert " DEBUG " in said
    planted = logs[0].with_name("planted")
    planted.write_text("\n".join([*kept.credentials.values(), *kept.private.values(), *kept.codes.values()]))
    assert len(_in_logs([planted], kept)) >= sum(map(len, (kept.credentials, kept.private, kept.codes)))
    assert _in_files(store[:1], Kept({"text": OUT, "number": world.numbers[0]})) != [], (
        "the database has what it is for"
    )
    assert logged == []
    assert stored == []
    at_the_sites = [data / edge["name"] / "data" for edge in about["edges"]]
    clouds_own = {name: kept.credentials[name] for name in ("auth token", "operator's password", "authenticator")}
    assert _in_files(at_the_sites, Kept(clouds_own)) == []


def _of_the_sites(about: dict[str, Any]) -> dict[str, str]:
    """The edge's private key, and the passwords of its gateway's lines."""
    found: dict[str, str] = {}
    for edge in about["edges"]:
        folder = Path(about["data_dir"]) / edge["name"]
        found[f"key of {edge['name']}"] = json.loads((folder / "data" / "identity.json").read_text())["seed"]
        for path in folder.glob("*-lines.yaml"):
            passwords = yaml.safe_load(path.read_text())
            found |= {f"password of {user}": str(password) for user, password in passwords.items()}
    assert len(found) > len(about["edges"])
    return found


async def _tokens(world: World, kept: Kept) -> None:
    """A second token, a key, a subaccount, a browser's token."""
    auth = basic_auth(world.about["account_sid"], world.token)
    base = world.about["base_url"]
    async with world._http.post(f"{base}/v1/AuthTokens/Secondary", headers=auth) as answer:
        kept.credentials["second token"] = (await answer.json())["secondary_auth_token"]
    key = await asyncio.to_thread(world.client.new_keys.create, friendly_name="k")
    kept.credentials["secret of a key"] = str(key.secret)
    sub = await asyncio.to_thread(world.client.api.accounts.create, friendly_name="sub")
    kept.credentials["token of a subaccount"] = str(sub.auth_token)
    async with world._http.post(f"{base}/simferry/v1/clients/ann/tokens", headers=auth) as answer:
        assert answer.status == 201, await answer.text()
        kept.credentials["access token"] = (await answer.json())["token"]


async def _messages(world: World, kept: Kept) -> None:
    """Both ways by a modem and by the gateway, to an application whose URL has a login in it."""
    kept.private |= {"password in a URL": HOOK_PASSWORD, "token in a URL": HOOK_TOKEN}
    for line in (0, len(world.numbers) - 1):
        handset, number = world.free_handset(), world.numbers[line]
        kept.private[f"handset {handset}"] = handset.lstrip("+")
        sent = await asyncio.to_thread(world.client.messages.create, to=handset, from_=number, body=OUT)
        assert (await world.message_final(sent.sid)).status == "delivered"
        hook = world.app.answer(f"/sms{line}", twiml(f"<Message>{REPLY}</Message>"))
        secret = hook.replace("http://", f"http://user:{HOOK_PASSWORD}@") + f"?token={HOOK_TOKEN}"
        await world.hook(number, sms_url=secret)
        await world.network("POST", f"/subscribers/{handset}/messages", {"to": number, "body": IN})
        await world.app.wait_for(f"/sms{line}", within_s=30)

        async def answered(handset: str = handset) -> list[Any]:
            return [m for m in await world.inbox(handset) if m["body"] == REPLY]

        await world.until(answered)


async def _a_call(world: World, kept: Kept) -> None:
    """Keys, a recording, and a link that opens it."""
    handset = world.free_handset()
    kept.private[f"handset {handset}"] = handset.lstrip("+")
    press = [{"after_s": 2.0, "digits": f"{DIGITS}#"}]
    await world.network("PUT", f"/subscribers/{handset}", {"on_call": "answer", "press": press})
    world.app.answer("/gathered", twiml("<Say>Thank you</Say><Hangup/>"))
    inline = twiml(f'<Gather action="{world.app.url("/gathered")}"><Say>{SPOKEN}</Say></Gather>')
    call = await asyncio.to_thread(
        world.client.calls.create, to=handset, from_=world.numbers[0], twiml=inline, record=True
    )
    (gathered,) = await world.app.wait_for("/gathered", within_s=40)
    assert gathered.params["Digits"] == DIGITS
    assert (await world.call_final(call.sid)).status == "completed"
    found = await world.until(lambda: asyncio.to_thread(lambda: world.client.recordings.list(call_sid=call.sid)))
    auth = basic_auth(world.about["account_sid"], world.token)
    path = f"{world.about['base_url']}/simferry/v1/recordings/{found[0].sid}/links"

    async def opened() -> bool:
        async with world._http.post(path, headers=auth) as answer:
            url = (await answer.json())["url"]
        kept.credentials["link to a recording"] = url.rsplit("/", 2)[1]
        async with world._http.get(url) as answer:
            return answer.status == 200

    await world.until(opened)


async def _verify(world: World, kept: Kept) -> None:
    handset = world.free_handset()
    kept.private[f"handset {handset}"] = handset.lstrip("+")
    world.client.verify.base_url = world.about["base_url"]
    service = await asyncio.to_thread(world.client.verify.v2.services.create, friendly_name="Clinic")
    of = world.client.verify.v2.services(service.sid)
    await asyncio.to_thread(of.verifications.create, to=handset, channel="sms", locale="en")

    async def received() -> list[str]:
        return [m["body"] for m in await world.inbox(handset)]

    (body,) = await world.until(received)
    (code,) = re.findall(r"[0-9]{6}", body)
    kept.codes["code of Verify"], kept.credentials["text with the code"] = code, body
    wrong = "000000" if code != "000000" else "000001"
    await asyncio.to_thread(of.verification_checks.create, to=handset, code=wrong)
    assert (await asyncio.to_thread(of.verification_checks.create, to=handset, code=code)).status == "approved"


async def _ussd(world: World, kept: Kept) -> None:
    """A voucher, as people type it."""
    kept.credentials["voucher"] = USSD_VOUCHER
    auth, base = basic_auth(world.about["account_sid"], world.token), world.about["base_url"]
    async with world._http.get(f"{base}/simferry/v1/channels", headers=auth) as answer:
        (channel,) = [c["channel"] for c in (await answer.json())["channels"] if c["channel"].endswith("modem1")]
    form = {"code": f"*123*{USSD_VOUCHER}#"}
    async with world._http.post(f"{base}/simferry/v1/channels/{channel}/ussd", data=form, headers=auth) as answer:
        assert answer.status < 300, await answer.text()
        task = (await answer.json())["sid"]

    async def over() -> bool:
        async with world._http.get(f"{base}/simferry/v1/tasks/{task}", headers=auth) as answer:
            return str((await answer.json())["status"]) != "queued"

    await world.until(over)


async def _log_in(world: World, kept: Kept) -> None:
    """With a wrong password, with a second factor set up, with a code of it, and with a recovery code."""
    user, password = world.about["operator"]["user"], world.about["operator"]["password"]
    url = world.about["base_url"]
    async with browsing(url) as browser:
        await browser.log_in(user, "wrong horse battery staple")
        kept.credentials["a wrong password"] = "wrong horse battery staple"
        await browser.log_in(user, password)
        await browser.get("/operator/me")
        secret = browser.found(r'id="secret">([A-Z2-7 ]+)<').replace(" ", "")
        totp = pyotp.TOTP(secret)
        kept.credentials["authenticator"] = secret
        kept.codes["first code"] = totp.now()
        assert await browser.post("/operator/me/two-factor", code=kept.codes["first code"]) == 200
        recovery = browser.found(r'id="codes">(.*?)</pre>').split()
        kept.credentials |= {f"recovery code {n}": code for n, code in enumerate(recovery)}
        _cookies(kept, browser, "setting up")
    async with browsing(url) as browser:
        await browser.log_in(user, password)
        kept.codes["second code"] = totp.generate_otp(int(time.time()) // STEP_S + 1)
        assert await browser.post("/operator/login/code", code=kept.codes["second code"]) == 200
        assert "Log out" in browser.page
        _cookies(kept, browser, "by code")
    async with browsing(url) as browser:
        await browser.log_in(user, password)
        assert await browser.post("/operator/login/code", code=recovery[0]) == 200
        _cookies(kept, browser, "by recovery code")


async def _trouble(world: World, kept: Kept) -> None:
    """What is logged of failures: an application that is gone, one that says nonsense, a modem that does."""
    handset, number = world.free_handset(), world.numbers[0]
    kept.private[f"handset {handset}"] = handset.lstrip("+")
    gone = f"http://user:{HOOK_PASSWORD}@127.0.0.1:9/sms?token={HOOK_TOKEN}"
    await world.hook(number, sms_url=gone, voice_url=world.app.answer("/nonsense", twiml(f"<Sya>{SPOKEN}</Sya>")))
    await world.network("POST", f"/subscribers/{handset}/messages", {"to": number, "body": IN})
    await world.network("POST", f"/subscribers/{handset}/calls", {"to": number})
    await world.app.wait_for("/nonsense", within_s=30)
    failing = await world.network("POST", "/faults", {"kind": "cms_error", "target": "modem1", "code": 331, "for_s": 5})
    refused = await asyncio.to_thread(world.client.messages.create, to=handset, from_=number, body=OUT)
    garbage = await world.network("POST", "/faults", {"kind": "modem_garbage", "target": "modem2", "for_s": 5})
    assert failing["id"] != garbage["id"]
    await asyncio.to_thread(world.client.messages.create, to=handset, from_=world.numbers[1], body=OUT)
    await world.message_final(refused.sid)
    for wrong in ("+1", "nonsense"):
        with pytest.raises(TwilioRestException):
            await asyncio.to_thread(world.client.messages.create, to=wrong, from_=number, body=OUT)
    await asyncio.sleep(5)


def _cookies(kept: Kept, browser: Browser, when: str) -> None:
    kept.credentials |= {f"cookie {one.key} {when}": one.value for one in browser.http.cookie_jar if len(one.value) > 8}


def _back_up(data: Path, target: Path) -> None:
    command = [sys.executable, "-m", "cloud", "backup", "--config", str(data / "cloud" / "cloud.yaml"), str(target)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, timeout=120)


def _in_files(folders: list[Path], kept: Kept) -> list[str]:
    """Where a credential stands in a file of the store; the files of keys are what they are sealed with."""
    found, looked = [], 0
    for path in [path for folder in folders for path in folder.rglob("*") if path.is_file()]:
        if path.name in KEY_FILES or path.name == "identity.json":
            continue
        content = path.read_bytes()
        looked += 1
        found += [f"{name} in {path}" for name, secret in kept.credentials.items() if secret.encode() in content]
        found += [f"{name} in {path}" for name, code in kept.codes.items() if _alone(code).search(content)]
    assert looked >= len(folders)
    return found


def _alone(code: str) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![0-9A-Za-z])%s(?![0-9A-Za-z])" % code.encode())


def _in_logs(logs: list[Path], kept: Kept) -> list[str]:
    found = []
    for path in logs:
        for line in path.read_text(errors="replace").splitlines():
            whole = {**kept.credentials, **kept.private}
            found += [f"{name} in {path.name}: {line}" for name, secret in whole.items() if secret in line]
            found += [
                f"{name} in {path.name}: {line}"
                for name, code in kept.codes.items()
                if _alone(code).search(line.encode())
            ]
    return found
