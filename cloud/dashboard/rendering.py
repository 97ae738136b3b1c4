"""Templates and static files. The only user of Jinja2; everything that goes into a template is escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cloud.web.http import Response
from telecore.errors import NotFound

_HERE = Path(__file__).parent
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def _utc(seconds: float) -> str:
    """What a moment reads without JavaScript, which makes an age of it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


@cache
def all_pages() -> Pages:
    """Those of this process: compiling them takes a quarter of a second."""
    return Pages()


class Pages:
    """Reads every template and static file once."""

    def __init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters["utc"] = _utc
        environment.filters["many"] = "{:,}".format
        self._templates = {name: environment.get_template(name) for name in environment.list_templates()}
        self._static = {path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir()) if path.is_file()}

    def html(self, template: str, **values: object) -> str:
        return self._templates[template].render(**values)

    def page(self, template: str, *, status: int = 200, cookie: str | None = None, **values: object) -> Response:
        """A whole page with the headers that keep it safe."""
        body = self.html(template, **values).encode("utf-8", "replace")
        return Response(status, body, "text/html; charset=utf-8", HEADERS, cookies=(cookie,) if cookie else ())

    def static(self, name: str) -> Response:
        """Raises NotFound."""
        data, kind = self._static.get(name), _TYPES.get(Path(name).suffix)
        if data is None or kind is None:
            raise NotFound(f"The requested resource {name[:60]} was not found")
        return Response(200, data, kind, {**HEADERS, "Cache-Control": "no-cache"})
