"""Conferences and queues without an edge: what is told to edges goes nowhere."""

from __future__ import annotations

from cloud.services.call_session import SessionTools
from cloud.services.callbacks import Callbacks
from cloud.services.conference_desk import ConferenceDesk
from cloud.services.debugger import Debugger
from cloud.services.documents import Documents
from cloud.services.files import Files
from cloud.services.pages import Pages
from cloud.services.requests import Calls
from cloud.services.sounds import Sounds
from cloud.services.speech import ClipCache, Speech
from cloud.services.stays import Stays, make_stays
from cloud.services.webhooks import WebhookClient
from cloud.store.database import Database
from telecore.ids import EdgeId
from telecore.model import Clip
from telecore.notices import Notice
from telecore.tunnel.link import MediaHandler
from tests.cloud.services.desk_site import Beeps


class NoLine:
    """A tunnel to nobody."""

    def notify(self, edge: EdgeId, notice: Notice) -> bool:
        return False

    def send_media(self, edge: EdgeId, stream: int, payload: bytes) -> bool:
        return False

    def on_media(self, edge: EdgeId, stream: int, handler: MediaHandler | None) -> None:
        return None


def stays_of(
    db: Database, files: Files, client: WebhookClient, queue: Callbacks, calls: Calls
) -> tuple[Stays, ConferenceDesk]:
    """What the API asks of them."""

    async def load(key: str) -> Clip | None:
        return None

    async def save(key: str, clip: Clip) -> None:
        return None

    cache = ClipCache(files, load, save)
    debugger = Debugger(db)
    pages = Pages(Speech((Beeps(),), cache), Sounds(client, cache))
    tools = SessionTools(
        db, Documents(client, debugger), pages, debugger, lambda edge, notice: False, lambda account, sid: sid
    )
    return make_stays(tools, queue, calls, NoLine())
