"""GoIP's web pages as values, sans-I/O: XML that is none, HTML with scripts in it, messages without a year."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice

from edge_agent.drivers.gateway.box_values import integer, part_key, word
from telecore.errors import DeviceRefused
from telecore.model import ChannelState, LineCall
from telecore.reassembly import heal_surrogates

_ROOT = "/default/en_US"
STATUS, INBOX = f"{_ROOT}/status.xml", f"{_ROOT}/tools.html"
SEND_SMS, SEND_USSD, SEND_STATUS = f"{_ROOT}/sms_info.html", f"{_ROOT}/ussd_info.html", f"{_ROOT}/send_sms_status.xml"
MODULE, REBOOT = f"{_ROOT}/status.html", f"{_ROOT}/reboot.html"
_LINES = 64
_FACT = re.compile(r"<(/?)l([0-9]{1,2})_([a-z0-9_]{1,40})\s?>")
_BOX_FACT = re.compile(r"<(/?)()(sn|version|model)\s?>")
_JOB = re.compile(r"<(/?)(?=[a-z]{2,6}([0-9]{1,2}))(smskey|id|status|error)\2\s?>")
_TAG = re.compile(r"<[^>]{0,200}>")
_LIST = re.compile(r"\bsms\s*=\s*(?=\[)")
_LINE_OF_LIST = re.compile(r",\s*([0-9]{1,2})\s*\)")
_CMS_MAX = 511
_UP = frozenset({"Y", "YES", "LOGIN", "1"})

Form = tuple[tuple[str, str], ...]


_CALLS = {
    "IDLE": LineCall.IDLE, "DIALING": LineCall.DIALING, "ALERTING": LineCall.ALERTING,
    "CONNECTED": LineCall.CONNECTED, "RINGING": LineCall.INCOMING,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What the pages tell of one line, names as in their XML, values without tags."""

    facts: Mapping[str, str]

    def get(self, name: str) -> str:
        return word(self.facts.get(name, ""))

    @property
    def signal(self) -> int | None:
        """0 to 31 (27.007 §8.5), 99 unknown."""
        return integer(self.get("gsm_signal"))

    @property
    def state(self) -> tuple[ChannelState, str]:
        """And the reason."""
        if "module_status_gsm" in self.facts and not self._up("module_status_gsm"):
            return ChannelState.DISABLED, "its module is switched off in the box"
        if "gsm_sim" in self.facts and not self._up("gsm_sim"):
            return ChannelState.ABSENT, "no SIM"
        if self._up("gsm_status"):
            return ChannelState.REGISTERED, ""
        return ChannelState.SEARCHING, "not registered"

    @property
    def call(self) -> LineCall | None:
        """What it is doing, as ``line_state`` tells."""
        return _CALLS.get(self.get("line_state").upper())

    def _up(self, name: str) -> bool:
        return self.get(name).upper() in _UP


@dataclass(frozen=True, slots=True)
class Job:
    """What a line did last: an SMS or a USSD code. ``error``: why not, or the answer to the code."""

    key: str
    done: bool
    error: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One message of the inbox. ``stamp``: ``MM-DD HH:MM:SS``."""

    line: int
    stamp: str
    sender: str
    text: str

    @property
    def key(self) -> str:
        return part_key("goip-http", self.stamp, self.sender, self.text)

    def sent_at(self, now: datetime, zone: tzinfo | None) -> datetime | None:
        """In the last year before tomorrow that has such a day."""
        for year in (now.year + 1, now.year, now.year - 1, now.year - 2):
            try:
                local = datetime.strptime(f"{year}-{self.stamp}", "%Y-%m-%d %H:%M:%S")
                moment = (local.replace(tzinfo=zone) if zone is not None else local.astimezone()).astimezone(UTC)
            except (ValueError, OverflowError):
                continue
            if moment <= now + timedelta(days=1):
                return moment
        return None


def sms_form(line: int, key: str, to: str, text: str) -> Form:
    return ((f"line{line}", "1"), ("smskey", key), ("action", "SMS"), ("telnum", to), ("smscontent", text), _SEND)


def ussd_form(line: int, key: str, code: str) -> Form:
    return ((f"line{line}", "1"), ("smskey", key), ("action", "USSD"), ("telnum", code), _SEND)


_SEND = ("send", "Send")


def module_query(line: int, *, on: bool) -> Form:
    return (("type", "list"), ("down", "0" if on else "1"), ("line", str(line)))


def read_lines(page: str) -> dict[int, LineFacts]:
    """Of ``status.xml``, whatever its ``type``."""
    return {line: LineFacts(facts) for line, facts in _elements(_FACT, page).items()}


def joined(*pages: Mapping[int, LineFacts]) -> dict[int, LineFacts]:
    """What several pages tell of the same lines."""
    lines = {line for page in pages for line in page}
    return {
        line: LineFacts({name: value for page in pages if line in page for name, value in page[line].facts.items()})
        for line in lines
    }


def read_box(page: str) -> dict[str, str]:
    """``sn``, ``version``, ``model``, as far as ``status.xml?type=base`` tells them."""
    return {name: word(value) for name, value in _elements(_BOX_FACT, page).get(0, {}).items()}


def read_jobs(page: str) -> dict[int, Job]:
    """Of ``send_sms_status.xml``."""
    return {
        line: Job(job.get("smskey") or job.get("id", ""), job.get("status", "").upper() == "DONE", job.get("error", ""))
        for line, job in _elements(_JOB, page).items()
    }


def read_inbox(page: str) -> tuple[Listed, ...]:
    """Of ``tools.html?type=sms_inbox``: a script with one list for each line."""
    decoder = json.JSONDecoder(strict=False)
    found: list[Listed] = []
    for order, match in enumerate(islice(_LIST.finditer(page), _LINES), 1):
        try:
            entries, end = decoder.raw_decode(page, match.end())
        except (ValueError, RecursionError):
            continue
        named = _LINE_OF_LIST.search(page, end, end + 120)
        line = int(named[1]) if named is not None else order
        found += [listed for entry in entries if (listed := _listed(line, entry)) is not None]
    return tuple(found)


def refusal(error: str) -> DeviceRefused:
    """Why an SMS did not go: a number is one of +CMS ERROR where it can be."""
    code = integer(error)
    if code is not None and 1 <= code <= _CMS_MAX:
        return DeviceRefused("cms", code, "the box could not send it")
    return DeviceRefused("error", None, f"the box could not send it: {error[:100]}")


def _elements(tag: re.Pattern[str], page: str) -> dict[int, dict[str, str]]:
    """What stands between an opening tag and its closing one, by number of the line and name; in one pass."""
    found: dict[int, dict[str, str]] = {}
    opened: tuple[str, str, int] | None = None
    for match in tag.finditer(page):
        slash, number, name = match.groups()
        if not slash:
            opened = (number, name, match.end())
        elif opened is not None and opened[:2] == (number, name):
            line = int(number or 0)
            if line <= _LINES and (line > 0 or not number):
                found.setdefault(line, {})[name] = _plain(page[opened[2] : match.start()])
            opened = None
    return found


def _listed(line: int, entry: object) -> Listed | None:
    if not isinstance(entry, str) or not 1 <= line <= _LINES:
        return None
    stamp, _, rest = entry.strip("\r\n").partition(",")
    sender, comma, text = rest.partition(",")
    if not comma or not stamp.strip():
        return None
    return Listed(line, stamp.strip()[:32], heal_surrogates(sender.strip()[:64]), heal_surrogates(text))


def _plain(value: str) -> str:
    """Some values come coloured, with the tags escaped."""
    text = html.unescape(value)
    return html.unescape(_TAG.sub("", text)).replace("\xa0", " ").strip()
