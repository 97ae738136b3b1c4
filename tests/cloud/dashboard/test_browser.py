"""The page in Chromium: logging in, seeing an edge, and news that appear without a reload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyotp
import pytest

from cloud.fleet.snapshot import Snapshot
from cloud.store import edges
from telecore.model import ChannelState
from tests.cloud.dashboard.conftest import PASSWORD, Desk
from tests.cloud.dashboard.test_releases_page import FARES, fared, fleet
from tests.fakes.browser import CHROMIUM, browser

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]

LOG_IN = """
document.querySelector('input[name=user]').value = 'ann';
document.querySelector('input[name=password]').value = '%s';
document.querySelector('button').click();
"""

CODE = """
document.querySelector('input[name=code]').value = '%s';
document.querySelector('input[name=code]').form.querySelector('button').click();
"""


async def test_an_operator_sees_the_fleet_live(desk: Desk, busy: Snapshot, tmp_path: Path) -> None:
    async with browser(tmp_path / "profile") as tab:
        await tab.go(f"{desk.url}/operator")
        await tab.screenshot(tmp_path / "login.png")
        await tab.evaluate(LOG_IN % PASSWORD)
        await tab.until("document.getElementById('link')?.textContent === 'live'")
        assert "No site is known yet" in await tab.text()
        await tab.evaluate("window.unchanged = true")

        desk.fleet.show(busy)
        await tab.until("document.body.innerText.includes('site-1/modem1')")
        text = await tab.text()
        for shown in (
            "connected",
            "offline",
            "+85510000001",
            "registered",
            "denied",
            "in-progress",
            "received",
            "30003",
        ):
            assert shown in text
        assert await tab.evaluate("window.unchanged") is True
        assert await tab.evaluate("document.title") == "Fleet · Simferry"
        assert await tab.evaluate("document.querySelectorAll('#channels .bars')[0].querySelectorAll('.on').length") == 3

        first = await tab.evaluate("document.querySelector('#calls time').textContent")
        await tab.until(f"document.querySelector('#calls time').textContent !== '{first}'")
        await tab.screenshot(tmp_path / "fleet.png")

        lost = replace(busy.channels[0].status, state=ChannelState.SEARCHING)
        desk.fleet.show(replace(busy, channels=(replace(busy.channels[0], status=lost),), calls=()))
        await tab.until("document.querySelector('#channels .pill').textContent === 'searching'")
        assert "Nobody is on the line" in await tab.text()
        assert await tab.evaluate("window.unchanged") is True
        assert tab.problems == []


async def test_a_wrong_password_is_said_so(desk: Desk, tmp_path: Path) -> None:
    async with browser(tmp_path / "profile") as tab:
        await tab.go(f"{desk.url}/operator")
        await tab.evaluate(LOG_IN % "wrong wrong")
        await tab.until("document.querySelector('[role=alert]') !== null")
        assert "do not belong together" in await tab.text()


async def test_a_channel_fits_a_phone_and_its_forms_work(desk: Desk, busy: Snapshot, tmp_path: Path) -> None:
    desk.fleet.show(busy)
    async with browser(tmp_path / "profile") as tab:
        await tab.go(f"{desk.url}/operator")
        await tab.evaluate(LOG_IN % PASSWORD)
        await tab.until("document.getElementById('link')?.textContent === 'live'")
        await tab.screenshot(tmp_path / "desktop.png")
        await tab.go(f"{desk.url}/operator/channels/site-1/modem1")
        await tab.until("document.querySelector('time[data-ago]').title !== ''")
        await tab.screenshot(tmp_path / "channel.png")
        size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        await tab.command("Emulation.setDeviceMetricsOverride", **size)
        for path, name in (("operator", "phone"), ("operator/channels/site-1/modem1", "channel-phone")):
            await tab.go(f"{desk.url}/{path}")
            assert await tab.evaluate("document.documentElement.scrollWidth") <= 390
            await tab.screenshot(tmp_path / f"{name}.png")
        labelled = "[...document.querySelectorAll('input:not([type=hidden]), select')].every((i) => i.labels.length)"
        assert await tab.evaluate(labelled) is True
        assert await tab.evaluate("document.title") == "site-1/modem1 · Simferry"
        assert tab.problems == []


async def test_an_operator_sets_up_a_second_factor(desk: Desk, tmp_path: Path) -> None:
    """From the picture to the recovery codes, and in again with a code; the log of it is whole."""
    async with browser(tmp_path / "profile") as tab:
        await tab.go(f"{desk.url}/operator")
        await tab.evaluate(LOG_IN % PASSWORD)
        await tab.until("document.getElementById('link')?.textContent === 'live'")
        await tab.go(f"{desk.url}/operator/me")
        await tab.until("document.querySelector('.qr svg path')?.getBoundingClientRect().width > 100")
        await tab.screenshot(tmp_path / "me.png")
        secret = str(await tab.evaluate("document.getElementById('secret').textContent")).replace(" ", "")
        await tab.evaluate(CODE % pyotp.TOTP(secret).now())
        await tab.until("document.getElementById('codes')?.textContent.trim().split(/\\s+/).length === 10")
        code = str(await tab.evaluate("document.getElementById('codes').textContent")).split()[0]
        await tab.go(f"{desk.url}/operator/audit?verify=1")
        await tab.until("document.body.innerText.includes('whole')")
        assert "set up second factor" in await tab.text()
        await tab.screenshot(tmp_path / "audit.png")
        await tab.go(f"{desk.url}/operator/me")
        await tab.until("document.querySelector('form[action$=logout] button') !== null")
        await tab.evaluate("document.querySelector('form[action$=logout] button').click()")
        await tab.until("document.querySelector('input[name=user]') !== null")
        await tab.evaluate(LOG_IN % PASSWORD)
        await tab.until("document.querySelector('form[action$=code]') !== null")
        await tab.evaluate(CODE % code)
        await tab.until("document.getElementById('link')?.textContent === 'live'")
        assert tab.problems == []


ENROL = """
document.querySelector('input[name=name]').value = '%s';
document.querySelector('form[action$=enrol] button').click();
"""


async def test_an_operator_makes_a_token_revokes_a_site_and_starts_a_release(desk: Desk, tmp_path: Path) -> None:
    """What shuts out is not done before the box is ticked; on a phone all of it fits."""
    await desk.db.write(fleet)
    async with browser(tmp_path / "profile") as tab:
        await tab.go(f"{desk.url}/operator")
        await tab.evaluate(LOG_IN % PASSWORD)
        await tab.until("document.getElementById('link')?.textContent === 'live'")
        await tab.go(f"{desk.url}/operator/sites")
        await tab.until("document.querySelectorAll('tbody tr').length === 6")
        await tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        await tab.evaluate("document.querySelector('form[action$=\"site-2/revoke\"] button').click()")
        await tab.screenshot(tmp_path / "sites.png")
        assert await desk.db.read(edges.shut) == {}
        await tab.evaluate("document.querySelector('form[action$=\"site-2/revoke\"] input[name=sure]').click()")
        await tab.evaluate("document.querySelector('form[action$=\"site-2/revoke\"] button').click()")
        await tab.until("document.body.innerText.includes('revoked')")
        assert await desk.db.read(edges.shut) == {"site-2": "revoked"}

        await tab.evaluate(ENROL % "site-2")
        await tab.until("document.getElementById('command') !== null")
        await tab.until("document.querySelector('.qr svg path').getBoundingClientRect().width > 100")
        await tab.until("document.querySelector('[data-copies]').hidden === false")
        await tab.evaluate("document.querySelector('[data-copies]').click()")
        await tab.until("document.getElementById('copied').textContent !== ''")
        await tab.screenshot(tmp_path / "token.png")

        await tab.go(f"{desk.url}/operator/releases")
        await tab.until("document.querySelector('form[action$=stage] button') !== null")
        await tab.evaluate("document.querySelector('input[name=percent]').value = '100'")
        await tab.evaluate("document.querySelector('form[action$=stage] button').click()")
        await tab.until("document.body.innerText.includes('not yet')")
        await desk.db.write(lambda conn: fared(conn, FARES))
        await tab.go(f"{desk.url}/operator/releases")
        await tab.until("document.body.innerText.includes('taken back')")
        await tab.screenshot(tmp_path / "releases.png")
        size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        await tab.command("Emulation.setDeviceMetricsOverride", **size)
        for name in ("sites", "releases"):
            await tab.go(f"{desk.url}/operator/{name}")
            assert await tab.evaluate("document.documentElement.scrollWidth") <= 390
            await tab.screenshot(tmp_path / f"{name}-phone.png")
        assert tab.problems == []
