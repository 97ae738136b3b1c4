"""All routes of the API."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from cloud.api.account_settings import AccountSettingsApi
from cloud.api.accounts import AccountsApi
from cloud.api.alerts import AlertsApi
from cloud.api.applications import ApplicationsApi
from cloud.api.audited import audited
from cloud.api.auth_tokens import AuthTokensApi
from cloud.api.available_phone_numbers import AvailableNumbersApi
from cloud.api.call_events import CallEventsApi
from cloud.api.calls import CallsApi
from cloud.api.caps import CapsApi
from cloud.api.clients import Browsers, ClientsApi
from cloud.api.conferences import ConferencesApi
from cloud.api.description.serving import DescriptionApi
from cloud.api.empty_lists import EmptyListsApi
from cloud.api.enrolment import Enrolment, EnrolmentApi
from cloud.api.fleet import FleetApi, Sites, Tasks
from cloud.api.incoming_phone_numbers import NumbersApi
from cloud.api.keys import KeysApi
from cloud.api.lookups import LookupsApi
from cloud.api.media_links import MediaLinksApi
from cloud.api.messages import MessagesApi
from cloud.api.messaging_absent import MessagingAbsentApi
from cloud.api.messaging_services import MessagingServicesApi
from cloud.api.notifications import NotificationsApi
from cloud.api.outgoing_caller_ids import CallerIdsApi
from cloud.api.queues import QueuesApi
from cloud.api.recordings import RecordingsApi, Renditions, Sound
from cloud.api.releases import ReleasesApi
from cloud.api.sites import SitesApi
from cloud.api.streams import StreamsApi
from cloud.api.transcriptions import TranscriptionsApi
from cloud.api.usage import UsageApi
from cloud.api.verifications import VerificationsApi, Verifying
from cloud.api.verify_limits import VerifyLimitsApi
from cloud.api.verify_services import VerifyServicesApi
from cloud.api.webhooks import WebhookReplays, WebhooksApi
from cloud.services.caps import CapKeeper
from cloud.services.conference_desk import ConferenceDesk
from cloud.services.edge_desk import EdgeDesk
from cloud.services.media_links import MediaLinks
from cloud.services.queue_desk import QueueDesk
from cloud.services.requests import Accounts, CallRecordings, Calls, Messages, Streams, Validations
from cloud.store.database import Database
from cloud.web.auth import Authenticator
from cloud.web.gate import Gate
from cloud.web.http import Request, Response, Route
from cloud.web.rate import RateLimit
from cloud.web.socket import Socket
from telecore.ids import EdgeId

ENROLMENTS_AT_ONCE, ENROLMENT_EVERY_S = 10, 6.0
OF_A_CALL = "/Calls/{"


@dataclass(frozen=True, slots=True)
class Backend:
    """What the API speaks for. ``public_url`` is how this cloud is reached from outside."""

    db: Database
    calls: Calls
    messages: Messages
    call_recordings: CallRecordings
    sound: Sound
    renditions: Renditions
    public_url: str
    enrolment: Enrolment
    fleet: Sites
    tasks: Tasks
    accounts: Accounts
    validations: Validations
    conferences: ConferenceDesk
    browsers: Browsers
    serve_browser: Callable[[Socket], Awaitable[None]]
    streams: Streams
    verify: Verifying
    queues: QueueDesk
    webhooks: WebhookReplays
    links: MediaLinks
    wake: Callable[[EdgeId], None]
    caps: CapKeeper
    gate: Gate = field(default_factory=Gate)


def api_routes(backend: Backend) -> list[Route]:
    db, auth = backend.db, Authenticator(backend.db, backend.gate)
    limit = RateLimit(ENROLMENTS_AT_ONCE, ENROLMENT_EVERY_S, time.monotonic)
    sound = RecordingsApi(
        db,
        auth,
        sound=backend.sound,
        renditions=backend.renditions,
        of_calls=backend.call_recordings,
        public_url=backend.public_url,
        wake=backend.wake,
    )
    routes = [
        *AccountsApi(db, auth, backend.accounts).routes(),
        *AuthTokensApi(db, auth, backend.public_url).routes(),
        *KeysApi(db, auth).routes(),
        *CallsApi(db, auth, backend.calls).routes(),
        *CallEventsApi(db, auth).routes(),
        *StreamsApi(db, auth, backend.streams).routes(),
        *MessagesApi(db, auth, backend.messages).routes(),
        *MessagingServicesApi(db, auth, backend.public_url).routes(),
        *MessagingAbsentApi(db, auth, backend.public_url).routes(),
        *ApplicationsApi(db, auth).routes(),
        *CallerIdsApi(db, auth, backend.validations).routes(),
        *AvailableNumbersApi(db, auth).routes(),
        *VerifyServicesApi(db, auth, backend.public_url).routes(),
        *VerificationsApi(db, auth, backend.verify, backend.public_url).routes(),
        *VerifyLimitsApi(db, auth, backend.public_url).routes(),
        *NumbersApi(db, auth).routes(),
        *ConferencesApi(db, auth, backend.conferences, backend.public_url).routes(),
        *QueuesApi(db, auth, backend.queues).routes(),
        *TranscriptionsApi(db, auth).routes(),
        *sound.routes(),
        *NotificationsApi(db, auth).routes(),
        *ClientsApi(auth, backend.browsers, backend.serve_browser, backend.public_url).routes(),
        *UsageApi(db, auth).routes(),
        *AlertsApi(db, auth, backend.public_url).routes(),
        *LookupsApi(auth, backend.public_url).routes(),
        *EmptyListsApi(auth).routes(),
        *AccountSettingsApi(db, auth, backend.links).routes(),
        *CapsApi(db, auth, backend.caps).routes(),
        *WebhooksApi(db, auth, backend.webhooks).routes(),
        *FleetApi(db, auth, backend.fleet, backend.tasks).routes(),
        *ReleasesApi(db, auth).routes(),
        *SitesApi(db, auth, EdgeDesk(db, backend.enrolment.keys, backend.public_url)).routes(),
        *EnrolmentApi(db, backend.enrolment, limit).routes(),
        *DescriptionApi(backend.public_url).routes(),
    ]
    kept = [audited(db, route) for route in routes]
    kept += MediaLinksApi(db, backend.gate, backend.links, sound).routes()
    return [_once_written(route, backend.calls) if OF_A_CALL in route.path else route for route in kept]


def _once_written(route: Route, calls: Calls) -> Route:
    """A call may be asked about by the application that is just being told of it."""

    async def handle(request: Request) -> Response:
        await calls.written(request.fields.get("call") or request.fields["sid"])
        return await route.handler(request)

    return replace(route, handler=handle)
