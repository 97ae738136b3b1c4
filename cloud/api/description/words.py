"""Parameters and fields by kind."""

from __future__ import annotations

from cloud.api.description.model import SAME, Json, Param, Params, Standing, differs, impossible

MAX_URL = 4000
IGNORED = "ignored: it changes nothing that can be seen here"


def text(name: str, standing: Standing = SAME, *, upto: int = 0, needed: bool = False, pattern: str = "") -> Param:
    limit: Json = {"maxLength": upto} if upto else {}
    return Param(name, {"type": "string", **limit, **({"pattern": pattern} if pattern else {})}, standing, needed)


def whole(name: str, low: int, high: int, default: int | None = None, standing: Standing = SAME) -> Param:
    default_: Json = {} if default is None else {"default": default}
    return Param(name, {"type": "integer", "minimum": low, "maximum": high, **default_}, standing)


def flag(name: str, default: bool | None = False, standing: Standing = SAME) -> Param:
    return Param(name, {"type": "boolean", **({} if default is None else {"default": default})}, standing)


def word(name: str, *options: str, default: str = "", standing: Standing = SAME, needed: bool = False) -> Param:
    default_: Json = {"default": default} if default else {}
    return Param(name, {"type": "string", "enum": list(options), **default_}, standing, needed)


def words(name: str, *options: str, default: str = "", standing: Standing = SAME) -> Param:
    """A repeated key; one value may hold several words, separated by spaces."""
    default_: Json = {"default": [default]} if default else {}
    schema: Json = {"type": "array", "items": {"type": "string", "enum": list(options)}, **default_}
    return Param(name, schema, standing, repeated=True)


def url(name: str, standing: Standing = SAME, *, needed: bool = False) -> Param:
    return Param(name, {"type": "string", "format": "uri"}, standing, needed)


def method(name: str, standing: Standing = SAME) -> Param:
    return word(name, "GET", "POST", default="POST", standing=standing)


def hook(name: str, method_name: str = "") -> Params:
    """A URL and its method: ``hook("VoiceUrl", "VoiceMethod")``; the method's name is made up where it is not given."""
    return url(name), method(method_name or f"{name}Method")


def number(name: str, standing: Standing = SAME, *, needed: bool = False) -> Param:
    return Param(name, {"type": "string", "maxLength": 200}, standing, needed)


def sid(name: str, prefix: str, standing: Standing = SAME, *, needed: bool = False) -> Param:
    return Param(name, {"type": "string", "pattern": f"^{prefix}[0-9a-f]{{32}}$"}, standing, needed)


def moment(name: str, standing: Standing = SAME) -> Param:
    """A day, or a day and time, in ISO 8601."""
    either: Json = {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}
    return Param(name, either, standing)


def between(name: str) -> Params:
    """``Name`` that day, ``Name<`` before, ``Name>`` on or after."""
    return moment(name), moment(f"{name}<"), moment(f"{name}>")


def ignored(*names: str, how: str = IGNORED) -> Params:
    """What Twilio takes and nothing here asks for."""
    return tuple(Param(name, {}, differs(how), known=False) for name in names)


def refused(how: str, code: int, *names: str) -> Params:
    """What a SIM cannot do and is told so."""
    return tuple(Param(name, {}, impossible(how, code)) for name in names)


def not_offered(how: str, code: int, *names: str) -> Params:
    """What could be done, is not, and is told so."""
    return tuple(Param(name, {}, differs(f"{how} ({code})")) for name in names)


def _or_null(schema: Json, null: bool) -> Json:
    return {"anyOf": [schema, {"type": "null"}]} if null else schema


def a_text(null: bool = False) -> Json:
    return {"type": ["string", "null"]} if null else {"type": "string"}


def a_whole(null: bool = False) -> Json:
    return {"type": ["integer", "null"]} if null else {"type": "integer"}


def a_number(null: bool = False) -> Json:
    return {"type": ["number", "null"]} if null else {"type": "number"}


def a_flag(null: bool = False) -> Json:
    return {"type": ["boolean", "null"]} if null else {"type": "boolean"}


def a_sid(prefix: str, null: bool = False) -> Json:
    return _or_null({"type": "string", "pattern": f"^{prefix}[0-9a-f]{{32}}$"}, null)


def a_date(null: bool = False) -> Json:
    """RFC 2822 in UTC: ``Fri, 24 May 2019 17:44:46 +0000``."""
    pattern = r"^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \+0000$"
    return _or_null({"type": "string", "pattern": pattern}, null)


def an_iso(null: bool = False) -> Json:
    """ISO 8601 in UTC: ``2015-07-30T20:00:00Z``."""
    return _or_null({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"}, null)


def a_word(*options: str, null: bool = False) -> Json:
    return _or_null({"type": "string", "enum": list(options)}, null)


def digits(null: bool = False) -> Json:
    """A number as text."""
    return _or_null({"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}, null)


def a_uri() -> Json:
    """Relative, of this API."""
    return {"type": "string", "pattern": "^/"}


def a_map() -> Json:
    return {"type": "object"}


def nothing() -> Json:
    """A field that Twilio has and that is always null here."""
    return {"type": "null"}
