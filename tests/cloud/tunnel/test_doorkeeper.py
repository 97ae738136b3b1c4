"""Edges with key pairs over real WebSockets and a real store: proofs, copies of a key, rotation, revocation."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from cloud.store import accounts, edges, warnings
from cloud.store.backup import making, restoring
from cloud.store.database import Database
from cloud.tunnel.cloud_keys import FILE, CloudKeys
from cloud.tunnel.doorkeeper import Doorkeeper, NotLetIn
from cloud.tunnel.hub import Hub, HubTimes
from edge_agent import signing
from edge_agent.identity import Identity, JoinStates, states_path
from edge_agent.joining import Joining
from edge_agent.uplink import Uplink
from telecore.ids import EdgeId
from telecore.schema import read
from telecore.tunnel.frames import Hello, Side, encode
from telecore.tunnel.proof import NONCE, PINNED, Proof, Welcome, encode_proof, read_cloud_side
from tests.fakes.keys import cloud_keys
from tests.fakes.store import store_url
from tests.fakes.streets import BatchIn, Blobs, In, Out
from tests.fakes.tunnel import QUICK, QUICK_HUB, running, until

EDGE = EdgeId("site-1")
BEARER = "5e" * 32


def write(path: Path, value: Identity | JoinStates) -> None:
    path.write_text(json.dumps(asdict(value)))
    path.chmod(0o600)


def identity_in(device: Path) -> Identity:
    return read(Identity, json.loads((device / "identity.json").read_text()))


def states_in(device: Path) -> JoinStates:
    path = states_path(device)
    return read(JoinStates, json.loads(path.read_text())) if path.exists() else JoinStates()


class House:
    """A cloud with a store, and devices in folders."""

    def __init__(self, db: Database, folder: Path, keys: CloudKeys) -> None:
        self.db, self.folder, self.keys = db, folder, keys
        self.links: list[bool] = []
        self.refusals: list[str] = []
        self.hub = self._hub()

    def _hub(self, port: int = 0) -> Hub:
        return Hub(
            "127.0.0.1",
            port,
            keeper=Doorkeeper(self.db, self.keys, known=lambda record: None),
            outgoing=lambda edge: Out("down"),
            incoming=lambda edge: BatchIn(),
            blobs=Blobs(),
            on_notice=lambda edge, notice: None,
            on_link=lambda edge, up: self.links.append(up),
            times=replace(QUICK_HUB, look=0.05, proof=HubTimes().proof),
        )

    async def enrol(self, name: str) -> Path:
        """A device that is this edge from now on; the folder it keeps its keys in."""
        seed = signing.new_seed()
        account = (await self.db.read(accounts.roots))[0]
        token = await self.db.write(lambda conn: edges.create(conn, EDGE, account.sid))
        state = self.keys.new_state(EDGE, 1)
        await self.db.write(
            lambda conn: (
                edges.enrol(conn, token, "0" * 64, public_key=signing.public_of(seed)),
                edges.offer_join(conn, EDGE, "", state, ""),
            )
        )
        device = self.folder / name
        device.mkdir()
        write(device / "identity.json", Identity(EDGE, "", "", seed=seed, cloud_keys=self.keys.public, made_at=0.0))
        write(states_path(device), JoinStates((state,)))
        return device

    async def enrol_another(self, name: str) -> None:
        """An edge that has a key and has never joined."""
        self.seed_of_another = seed = signing.new_seed()
        account = (await self.db.read(accounts.roots))[0]
        token = await self.db.write(lambda conn: edges.create(conn, EdgeId(name), account.sid))
        await self.db.write(lambda conn: edges.enrol(conn, token, "", public_key=signing.public_of(seed)))

    def uplink(self, device: Path, *, now: float = 0.0, lasts_s: float = 1e9) -> Uplink:
        identity = identity_in(device)
        return Uplink(
            f"ws://127.0.0.1:{self.hub.port}/",
            Joining(identity, device, states_in(device), now=lambda: now, lasts_s=lasts_s),
            Out("up"),
            In(),
            Blobs(),
            on_notice=lambda notice: None,
            greeting=lambda: [],
            on_link=lambda up: None,
            on_refused=self.refusals.append,
            times=QUICK,
        )

    @contextlib.asynccontextmanager
    async def connected(self, device: Path, **options: float) -> AsyncIterator[Uplink]:
        uplink = self.uplink(device, **options)
        async with running(uplink.run()):
            await until(lambda: uplink.connected and self.hub.connected(EDGE))
            await self.confirmed(device)
            yield uplink
        await until(lambda: not self.hub.connected(EDGE))

    async def confirmed(self, device: Path) -> None:
        async with asyncio.timeout(5):
            while (await self.record()).join_accepted != states_in(device).states[0]:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def record(self):
        record = await self.db.read(lambda conn: edges.get(conn, EDGE))
        assert record is not None
        return record


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with Database(store_url(tmp_path)) as db:
        await db.write(lambda conn: accounts.create(conn, "Clinic"))
        made = House(db, tmp_path, await asyncio.to_thread(cloud_keys, tmp_path, 2e9))
        async with running(made.hub.run()):
            await made.hub.ready()
            yield made


async def test_edge_and_cloud_prove_themselves_at_every_connection(house: House) -> None:
    device = await house.enrol("box")
    shown = []
    for _ in range(3):
        async with house.connected(device):
            shown.append(states_in(device).states[0])
    assert len(set(shown)) == 3
    assert house.refusals == []
    assert (await house.record()).key_sha256 == ""
    assert {path.stat().st_mode & 0o777 for path in device.iterdir()} == {0o600}


async def test_a_cloud_without_the_pinned_key_hears_nothing_of_us(house: House, tmp_path: Path) -> None:
    device = await house.enrol("box")
    identity = identity_in(device)
    stranger = signing.public_of(signing.new_seed())
    write(device / "identity.json", replace(identity, cloud_keys=(stranger,)))
    async with running(house.uplink(device).run()):
        await until(lambda: house.refusals)
    assert "has not the key that was pinned" in house.refusals[0]
    assert house.links == []


@contextlib.asynccontextmanager
async def knocking(house: House, device: Path, nonce: str = "ab" * 32) -> AsyncIterator[ClientConnection]:
    """A WebSocket of somebody who says to be the edge."""
    pinned = ",".join(identity_in(device).cloud_keys)
    headers = {"Authorization": f"Proof {EDGE}", NONCE: nonce, PINNED: pinned}
    url = f"ws://127.0.0.1:{house.hub.port}/"
    async with connect(url, additional_headers=headers, compression=None, max_size=None) as socket:
        yield socket


async def last_words(socket: ClientConnection) -> dict[str, object]:
    said = {}
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(5):
            while True:
                said = json.loads(await socket.recv())
    return said


def proof_for(device: Path, socket: ClientConnection, nonce: str = "ab" * 32, seed: str = "") -> str:
    assert socket.response is not None
    side, _ = read_cloud_side(EDGE, nonce, socket.response.headers)
    seed = seed or identity_in(device).seed
    proof = Proof(signing.public_of(seed), "", states_in(device).states, "")
    return encode_proof(replace(proof, signature=signing.sign(seed, proof.signed(side))))


async def test_a_recorded_handshake_is_worth_nothing(house: House) -> None:
    device = await house.enrol("box")
    async with knocking(house, device) as socket:
        recorded = proof_for(device, socket)
        await socket.send(recorded)
        assert json.loads(await socket.recv())["type"] == "welcome"
    async with knocking(house, device) as socket:
        await socket.send(recorded)
        said = await last_words(socket)
    assert (said["type"], said["code"]) == ("bye", "refused")
    assert house.hub.refused() == {"wrong_proof": 1}
    assert house.hub._crowd._entering == {}, "nobody waits behind it"
    async with house.connected(device):
        pass


async def test_forged_and_garbled_proofs_are_refused_and_counted(house: House) -> None:
    device = await house.enrol("box")
    async with knocking(house, device) as socket:
        await socket.send(proof_for(device, socket, seed=signing.new_seed()))
        assert (await last_words(socket))["code"] == "refused"
    hello = encode(Hello(Side.EDGE, EDGE, "i", "s", 0))
    for garbled in (hello, "{", "[" * 4000, "x" * 5000, b"\x01\x02"):
        async with knocking(house, device) as socket:
            await socket.send(garbled)
            await last_words(socket)
            assert socket.close_code in (1000, 1009)
    assert house.hub.refused() == {"wrong_key": 1, "nonsense": 4}
    assert house.links == []


async def test_who_asks_to_prove_itself_and_does_not_is_sent_away(house: House) -> None:
    house.hub._times = replace(house.hub._times, proof=0.5)
    async with knocking(house, await house.enrol("box")) as socket:
        assert "no proof within 0.5 s" in str((await last_words(socket))["reason"])
    assert house.hub.refused() == {"silent": 1}
    assert house.links == []


async def test_who_is_not_enrolled_or_says_no_nonce_gets_401(house: House) -> None:
    await house.enrol("box")
    url = f"ws://127.0.0.1:{house.hub.port}/"
    for headers in ({"Authorization": "Proof site-9", NONCE: "ab" * 32}, {"Authorization": f"Proof {EDGE}"}):
        with pytest.raises(InvalidStatus) as caught:
            async with connect(url, additional_headers=headers):
                pass
        assert caught.value.response.status_code == 401
    assert house.hub.refused() == {"unknown": 1, "no_nonce": 1}


async def test_a_copy_of_the_card_locks_both_until_the_right_one_enrols_again(house: House) -> None:
    device = await house.enrol("box")
    async with house.connected(device):
        pass
    copy = house.folder / "copy"
    shutil.copytree(device, copy)
    async with house.connected(device) as uplink:
        async with running(house.uplink(copy).run()):
            await until(lambda: house.refusals)
            await until(lambda: not uplink.connected)
        assert "two devices use this edge's key" in house.refusals[0]
        record = await house.record()
        assert record.shut_why == "cloned"
        (warning,) = await house.db.read(warnings.list_)
        assert (warning.edge, warning.code, warning.severity) == (EDGE, "edge_cloned", "critical")
    fresh = await house.enrol("fresh")
    assert await house.db.read(warnings.list_) == []
    async with house.connected(fresh):
        house.refusals.clear()
        async with running(house.uplink(copy).run()):
            await until(lambda: house.refusals)
        assert house.hub.connected(EDGE)


async def test_a_proof_that_comes_when_its_edge_is_in_by_another_line_is_no_copy(house: House) -> None:
    """It lay in the network by which the edge came first; a copy that shows the same at a new line is found."""
    device = await house.enrol("box")
    async with knocking(house, device) as slow:
        late = proof_for(device, slow)
        async with house.connected(device):
            await slow.send(late)
            assert "another connection" in str((await last_words(slow))["reason"])
            assert (await house.record()).shut_why == ""
            assert house.hub.connected(EDGE)
            old = house.folder / "old"
            shutil.copytree(device, old)
            write(states_path(old), JoinStates(tuple(json.loads(late)["states"])))
            async with knocking(house, old) as copy:
                await copy.send(proof_for(old, copy))
                await last_words(copy)
    assert house.hub.refused()["overtaken"] == 1
    assert (await house.record()).shut_why == "cloned"


async def test_a_copy_that_comes_first_is_found_when_the_owner_comes(house: House) -> None:
    device = await house.enrol("box")
    async with house.connected(device):
        pass
    copy = house.folder / "copy"
    shutil.copytree(device, copy)
    async with house.connected(copy):
        pass
    async with running(house.uplink(device).run()):
        await until(lambda: house.refusals)
    assert (await house.record()).shut_why == "cloned"


async def test_an_edge_that_was_locked_can_be_forgiven_once(house: House) -> None:
    device = await house.enrol("box")
    old = (device / "join.json").read_bytes()
    for _ in range(3):
        async with house.connected(device):
            pass
    (device / "join.json").write_bytes(old)
    async with running(house.uplink(device).run()):
        await until(lambda: house.refusals)
        await house.db.write(lambda conn: edges.forgive(conn, EDGE))
        await until(lambda: house.hub.connected(EDGE))
        await house.confirmed(device)
    assert not (await house.record()).forgiven
    assert await house.db.read(warnings.list_) == []
    async with house.connected(device):
        pass


@pytest.mark.parametrize("cut", ["before the edge stored it", "before the cloud heard of it"])
async def test_a_cut_between_the_two_writes_is_no_copy(house: House, cut: str) -> None:
    """The edge is killed with and without what it was offered on its disk, again and again."""
    device = await house.enrol("box")
    for _ in range(5):
        async with knocking(house, device) as socket:
            await socket.send(proof_for(device, socket))
            state = json.loads(await socket.recv())["state"]
        if cut == "before the cloud heard of it":
            write(states_path(device), JoinStates((state, *states_in(device).states[:1])))
    async with house.connected(device):
        pass
    assert house.refusals == []


async def test_a_database_from_yesterday_locks_nobody_out(house: House, caplog: pytest.LogCaptureFixture) -> None:
    device = await house.enrol("box")
    yesterday = await house.record()
    for _ in range(4):
        async with house.connected(device):
            pass
    back = {"join_accepted": yesterday.join_accepted, "join_offered": yesterday.join_offered}
    await house.db.write(lambda conn: edges.update(conn, EDGE, **back))
    async with house.connected(device):
        pass
    assert house.refusals == []
    assert "restored from an older copy" in caplog.text


async def test_a_state_that_the_cloud_never_gave_is_not_believed(house: House) -> None:
    device = await house.enrol("box")
    async with house.connected(device):
        pass
    write(states_path(device), JoinStates((f"999.{'ab' * 16}.{'cd' * 64}",)))
    async with running(house.uplink(device).run()):
        await until(lambda: house.refusals)
    assert (await house.record()).shut_why == "cloned"


async def test_the_key_of_an_edge_is_replaced_by_itself(house: House) -> None:
    device = await house.enrol("box")
    first = identity_in(device).seed
    late = {"now": 100.0, "lasts_s": 50.0}
    async with house.connected(device, **late):
        waiting = identity_in(device)
        assert (waiting.seed, bool(waiting.next_seed)) == (first, True)
    uplink = house.uplink(device, **late)
    async with running(uplink.run()):
        await until(lambda: uplink.connected)
        await house.confirmed(device)
        uplink._session._line._transport.abort()  # type: ignore[union-attr]
        await until(lambda: identity_in(device).seed == waiting.next_seed)
        await until(lambda: uplink.connected)
        await house.confirmed(device)
    record = await house.record()
    assert (record.public_key, record.next_key) == (signing.public_of(waiting.next_seed), "")
    assert house.refusals == []
    async with house.connected(device, now=100.0):
        pass


async def test_a_cloud_that_has_forgotten_the_new_key_of_an_edge_is_shown_the_old_one(house: House) -> None:
    """Its database was put back while the edge ran; what the edge proves is refused when the line is open already."""
    device = await house.enrol("box")
    async with house.connected(device):
        pass
    yesterday = await house.record()
    uplink = house.uplink(device, now=100.0, lasts_s=50.0)
    async with running(uplink.run()):
        await until(lambda: uplink.connected)
        await house.confirmed(device)
        assert (await house.record()).next_key
        names = ("public_key", "next_key", "join_accepted", "join_offered")
        back = {name: getattr(yesterday, name) for name in names}
        await house.db.write(lambda conn: edges.update(conn, EDGE, **back))
        uplink._session._line._transport.abort()  # type: ignore[union-attr]
        await until(lambda: house.refusals)
        await until(lambda: uplink.connected)
        await house.confirmed(device)
    assert set(house.refusals) == {"this edge is not enrolled, or this is not its key"}


async def test_the_cloud_gets_a_new_key_and_edges_follow(house: House) -> None:
    device = await house.enrol("box")
    away = house.folder / "away"
    old = house.keys.public
    await asyncio.to_thread(house.keys.rotate, 2e9 + 1)
    async with house.connected(device):
        pass
    assert identity_in(device).cloud_keys == house.keys.public
    assert house.keys.public[1:] == old
    assert await asyncio.to_thread(house.keys.drop_old) == 1
    async with house.connected(device):
        pass
    shutil.copytree(device, away)
    write(away / "identity.json", replace(identity_in(away), cloud_keys=old))
    async with running(house.uplink(away).run()):
        await until(lambda: house.refusals)
    assert "not the key that was pinned" in house.refusals[0]
    assert (await house.record()).shut_why == ""


async def test_a_revoked_edge_is_cut_at_once_and_not_let_in_again(house: House) -> None:
    device = await house.enrol("box")
    async with house.connected(device) as uplink:
        await house.db.write(lambda conn: edges.revoke(conn, EDGE))
        await until(lambda: not uplink.connected and len(house.refusals) >= 2, 3)
    assert set(house.refusals) == {"this edge was revoked", "the cloud answers 401: this edge was revoked"}
    assert house.hub.refused()["revoked"] >= 1
    again = await house.enrol("replacement")
    async with house.connected(again):
        pass


async def test_who_is_forgiven_while_the_cloud_looks_who_is_shut_out_is_not_cut(house: House) -> None:
    device = await house.enrol("box")
    keeper = house.hub._keeper
    assert keeper is not None
    shut, read, told = keeper.shut, asyncio.Event(), asyncio.Event()

    async def slowly() -> dict[EdgeId, str]:
        found = await shut()
        if found:
            read.set()
            await told.wait()
        return found

    async with house.connected(device):
        pass
    await house.db.write(lambda conn: edges.shut_out(conn, EDGE, "cloned"))
    await house.enrol_another("site-2")
    house.hub._guests[EdgeId("site-2")] = Mock()  # somebody is here, so that the cloud looks
    keeper.shut = slowly  # type: ignore[method-assign]
    async with asyncio.timeout(5):
        await read.wait()
    await house.db.write(lambda conn: edges.forgive(conn, EDGE))
    async with house.connected(device):
        looked = asyncio.Event()
        keeper.tend_keys = AsyncMock(side_effect=looked.set)  # type: ignore[method-assign]
        told.set()
        async with asyncio.timeout(5):
            await looked.wait()
        assert house.hub.connected(EDGE)
        del house.hub._guests[EdgeId("site-2")]
    assert house.refusals == []


async def test_a_device_that_is_replaced_between_its_proof_and_its_hello_does_not_get_in(house: House) -> None:
    """Nobody would cut it any more, and the one that replaces it would be refused as a second agent."""
    house.hub._times = replace(house.hub._times, greeting=HubTimes().greeting)
    old = await house.enrol("old")
    async with knocking(house, old) as socket:
        await socket.send(proof_for(old, socket))
        assert json.loads(await socket.recv())["type"] == "welcome"
        new = await house.enrol("new")
        house.hub.shut_out(EDGE, "another device has enrolled as this edge")
        async with house.connected(new):
            await socket.send(encode(Hello(Side.EDGE, EDGE, "old", "s", 0)))
            said = await last_words(socket)
            assert (said["type"], said["code"]) == ("bye", "refused")
            assert house.hub.connected(EDGE)
    assert house.links == [True, False]
    assert house.hub._crowd._entering == {}, "nobody waits behind it"


async def test_a_device_that_is_replaced_while_its_hello_is_weighed_does_not_get_in(house: House) -> None:
    house.hub._times = replace(house.hub._times, greeting=HubTimes().greeting)
    first, second = await house.enrol("first"), house.folder / "second"
    async with house.connected(first):
        shutil.copytree(first, second)
        asked, answer = asyncio.Event(), asyncio.Event()
        session = house.hub._guests[EDGE].session

        async def answers(within_s: float) -> bool:
            asked.set()
            await answer.wait()
            return False

        session.answers = answers  # type: ignore[method-assign]
        async with knocking(house, second) as socket:
            await socket.send(proof_for(second, socket))
            await socket.send(encode(Hello(Side.EDGE, EDGE, "second", "s", 0)))
            async with asyncio.timeout(5):
                await asked.wait()
            house.hub.shut_out(EDGE, "another device has enrolled as this edge")
            answer.set()
            assert (await last_words(socket))["code"] == "refused"


async def test_an_edge_with_a_bearer_key_gets_a_pair_by_itself(house: House) -> None:
    account = (await house.db.read(accounts.roots))[0]
    token = await house.db.write(lambda conn: edges.create(conn, EDGE, account.sid))
    hashed = hashlib.sha256(BEARER.encode()).hexdigest()
    await house.db.write(lambda conn: edges.enrol(conn, token, hashed))
    device = house.folder / "old"
    device.mkdir()
    (device / "identity.json").write_text(json.dumps({"edge": EDGE, "key": BEARER, "url": ""}))
    (device / "identity.json").chmod(0o600)
    uplink = house.uplink(device)
    async with running(uplink.run()):
        await until(lambda: uplink.connected)
        assert identity_in(device).keyed
        assert (await house.record()).key_sha256 == hashed
        await until(lambda: uplink.connected and uplink._session is not None)
        ended = uplink._session
        ended._line._transport.abort()  # type: ignore[union-attr]
        await until(lambda: uplink.connected and uplink._session is not ended)
        await house.confirmed(device)
    assert (await house.record()).key_sha256 == ""
    assert house.refusals == []
    with pytest.raises(InvalidStatus):
        async with connect(
            f"ws://127.0.0.1:{house.hub.port}/", additional_headers={"Authorization": f"Bearer {EDGE}:{BEARER}"}
        ):
            pass


async def test_an_agent_of_the_version_before_is_served(house: House) -> None:
    """It shows its bearer key, offers nothing, and says Hello when it likes."""
    account = (await house.db.read(accounts.roots))[0]
    token = await house.db.write(lambda conn: edges.create(conn, EDGE, account.sid))
    await house.db.write(lambda conn: edges.enrol(conn, token, hashlib.sha256(BEARER.encode()).hexdigest()))
    for _ in range(2):
        async with connect(
            f"ws://127.0.0.1:{house.hub.port}/", additional_headers={"Authorization": f"Bearer {EDGE}:{BEARER}"}
        ) as socket:
            await socket.send(encode(Hello(Side.EDGE, EDGE, "old", "up", 0)))
            stream = json.loads(await socket.recv())["stream"]
            await socket.send(json.dumps({"type": "resume", "stream": stream, "applied": 0}))
            await until(lambda: house.hub.connected(EDGE))
        await until(lambda: not house.hub.connected(EDGE))


async def test_after_a_backup_of_store_and_keys_is_put_back_the_edge_comes_in_unforgiven(house: House) -> None:
    device = await house.enrol("box")
    async with house.connected(device):
        pass
    data, kept = house.folder, house.folder / "kept"
    made = await asyncio.to_thread(making.make, data, kept)
    assert FILE in made.files
    for _ in range(3):  # the cloud of the backup knows none of these
        async with house.connected(device):
            pass
    back = house.folder / "back"
    await asyncio.to_thread(restoring.restore, kept, back)
    assert (back / FILE).read_bytes() == (data / FILE).read_bytes()
    assert (back / FILE).stat().st_mode & 0o777 == 0o600
    async with Database(f"sqlite:///{back / 'cloud.db'}") as db:
        restored = House(db, back, await asyncio.to_thread(cloud_keys, back, 2e9))
        async with running(restored.hub.run()):
            await restored.hub.ready()
            async with restored.connected(device):
                assert (await restored.record()).shut_why == ""
        assert restored.refusals == []


async def test_a_store_put_back_without_its_keys_lets_nobody_in_and_locks_nobody(house: House) -> None:
    device = await house.enrol("box")
    async with house.connected(device):
        pass
    kept, back = house.folder / "kept", house.folder / "back"
    await asyncio.to_thread(making.make, house.folder, kept)
    await asyncio.to_thread(restoring.restore, kept, back)
    (back / FILE).unlink()
    async with Database(f"sqlite:///{back / 'cloud.db'}") as db:
        restored = House(db, back, await asyncio.to_thread(cloud_keys, back, 2e9))
        async with running(restored.hub.run()):
            await restored.hub.ready()
            async with running(restored.uplink(device).run()):
                await until(lambda: restored.refusals)
        assert "has not the key that was pinned" in restored.refusals[0]
        assert (await restored.record()).shut_why == ""


async def test_two_that_show_the_same_in_one_transaction_are_weighed_one_after_the_other(house: House) -> None:
    device = await house.enrol("card")
    state = states_in(device).states[0]
    await house.enrol_another("site-2")
    keeper = Doorkeeper(house.db, house.keys, known=lambda record: None)
    seed = identity_in(device).seed

    async def join(name: str, seed: str, states: tuple[str, ...]) -> str:
        headers = {NONCE: "0" * 64}
        challenge = await keeper.challenge(EdgeId(name), headers)
        proof = Proof(signing.public_of(seed), "", states, "")
        signature = signing.sign(seed, proof.signed(challenge.side))
        try:
            return (await keeper.admit(challenge, replace(proof, signature=signature))).state
        except NotLetIn as error:
            return error.why

    first = await join(EDGE, seed, (state,))
    # Who has been given a new state does not show the old one without it, unless there are two of him.
    await keeper.confirmed(EDGE, Welcome(first, house.keys.public, ""), signing.public_of(seed))
    told = await asyncio.gather(
        join("site-2", house.seed_of_another, ()),
        join(EDGE, seed, (first,)),
        join(EDGE, seed, (first,)),
        join(EDGE, seed, (state,)),
        join(EDGE, seed, (first,)),
    )
    assert [one.partition(".")[0] for one in told] == ["1", "3", "4", "cloned", "cloned"]
    assert (await house.record()).shut_why == "cloned"
