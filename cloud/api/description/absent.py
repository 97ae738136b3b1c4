"""What Twilio's clients can ask for and is not served, and why. Where a path is served after all, its row is to go."""

from __future__ import annotations

from dataclasses import dataclass

from cloud.api.description.model import Standing, differs, impossible


@dataclass(frozen=True, slots=True)
class Absent:
    """``requests``: methods and paths, a ``*`` for anything, ``{}`` for a piece. Asked for all the same: 404, 20404."""

    requests: str
    standing: Standing


_NOT_OFFERED = differs("not offered")
_ONE = "/2010-04-01/Accounts/{}"
_OTHER_KINDS = differs("numbers are local, mobile or toll-free here")
_OF_MM = impossible("MMS")
_OF_REGISTRIES = impossible("registries and fees of networks in the USA")
_OF_OTHERS = impossible("other channels than SMS and voice")

ABSENT: tuple[Absent, ...] = (
    Absent(f"POST {_ONE}/Addresses.json", _NOT_OFFERED),
    Absent(f"* {_ONE}/Addresses/*", _NOT_OFFERED),
    Absent(f"* {_ONE}/AuthorizedConnectApps*", _NOT_OFFERED),
    Absent(f"* {_ONE}/ConnectApps*", _NOT_OFFERED),
    Absent(f"* {_ONE}/AvailablePhoneNumbers/{{}}/MachineToMachine.json", _OTHER_KINDS),
    Absent(f"* {_ONE}/AvailablePhoneNumbers/{{}}/National.json", _OTHER_KINDS),
    Absent(f"* {_ONE}/AvailablePhoneNumbers/{{}}/SharedCost.json", _OTHER_KINDS),
    Absent(f"* {_ONE}/AvailablePhoneNumbers/{{}}/Voip.json", _OTHER_KINDS),
    Absent(f"* {_ONE}/Balance.json", impossible("balances are each SIM's own: /simferry/v1/channels")),
    Absent(f"* {_ONE}/Calls/{{}}/Payments*", impossible("payment cards, which need a certified processor")),
    Absent(f"* {_ONE}/Calls/{{}}/Siprec*", _NOT_OFFERED),
    Absent(f"* {_ONE}/Calls/{{}}/Transcriptions*", _NOT_OFFERED),
    Absent(f"* {_ONE}/Calls/{{}}/UserDefinedMessage*", _NOT_OFFERED),
    Absent(f"POST {_ONE}/Conferences/{{}}/Recordings/{{}}.json", _NOT_OFFERED),
    Absent(f"* {_ONE}/IncomingPhoneNumbers/{{}}/AssignedAddOns*", differs("no add-ons")),
    Absent(f"* {_ONE}/Messages/{{}}/Media/{{}}.json", _OF_MM),
    Absent(f"* {_ONE}/Recordings/{{}}/AddOnResults*", differs("no add-ons")),
    Absent(f"* {_ONE}/SIP/*", differs("no SIP domains; trunks are set up at the edge")),
    Absent(f"* {_ONE}/SMS/ShortCodes/*", impossible("short codes are networks' to give")),
    Absent(f"* {_ONE}/Tokens.json", differs("no TURN servers")),
    Absent("* /v1/Consents/*", _NOT_OFFERED),
    Absent("* /v1/Contacts/*", _NOT_OFFERED),
    Absent("* /v1/Credentials/*", _NOT_OFFERED),
    Absent("* /v1/Messaging/GeoPermissions", _NOT_OFFERED),
    Absent("* /v1/SafeList/*", _NOT_OFFERED),
    Absent("* /v2/PhoneNumbers/{}/Overrides*", _NOT_OFFERED),
    Absent("* /v2/RateLimits*", _NOT_OFFERED),
    Absent("* /v2/batch/query", _NOT_OFFERED),
    Absent("* /v1/Deactivations", _OF_REGISTRIES),
    Absent("* /v1/LinkShortening/*", differs("no short links")),
    Absent("* /v2/LinkShortening/*", differs("no short links")),
    Absent("* /v1/Services/{}/ShortCodes/{}", impossible("short codes are networks' to give")),
    Absent("* /v1/Services/{}/AlphaSenders/{}", impossible("a SIM sends by its own number only")),
    Absent("* /v1/Services/{}/DestinationAlphaSenders*", _NOT_OFFERED),
    Absent("* /v1/Services/{}/ChannelSenders*", _OF_OTHERS),
    Absent("* /v1/Services/{}/Compliance/*", _OF_REGISTRIES),
    Absent("* /v1/Services/PreregisteredUsa2p", _OF_REGISTRIES),
    Absent("* /v1/Tollfree/*", _OF_REGISTRIES),
    Absent("* /v1/a2p/*", _OF_REGISTRIES),
    Absent("* /v2/Channels/*", _OF_OTHERS),
    Absent("* /v*/Indicators/*", _OF_OTHERS),
    Absent(f"* {_ONE}/Usage/Triggers*", _NOT_OFFERED),
    Absent("* /v1/Events*", differs("who changed what is not kept")),
    Absent("* /v2/Forms/*", _OF_OTHERS),
    Absent("* /v2/SafeList/*", _NOT_OFFERED),
    Absent("* /v2/Services/{}/AccessTokens*", _OF_OTHERS),
    Absent("* /v2/Services/{}/Entities*", _OF_OTHERS),
    Absent("* /v2/Services/{}/MessagingConfigurations*", _NOT_OFFERED),
    Absent("* /v2/Services/{}/Passkeys/*", _OF_OTHERS),
    Absent("* /v2/Services/{}/Webhooks*", _NOT_OFFERED),
    Absent("* /v2/Templates", _NOT_OFFERED),
)
