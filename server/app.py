"""Makes the WSGI application: DICOMweb, pages, health.

Invariants: no answer carries a stack trace; cookies are HttpOnly and SameSite, and go to the path
of the public address only; pages may run only our own scripts and may not be framed.
Not here: what a route does (`dicomweb`, `viewer`); who may see what (`server.gate`); what proxies
say (`server.proxies`).
"""

from collections.abc import Callable
from hashlib import sha256

from flask import Flask, Response, request
from sqlalchemy import select

import viewer
from dicomweb import Direct, create_blueprint
from server.config import Address, Settings
from server.edge import Edge, edge_of
from server.gate import CASE, SHARE, UPLOAD, AccountGate
from server.logs import log_request
from server.metrics import Counted, install_metrics
from server.own_data import exports_of
from server.proxies import BehindProxies
from server.reach import reach_of
from server.report_limit import limit_reports
from server.services import Services, now
from server.settings_shown import settings_shown
from server.sign_in_limit import limit_sign_in
from server.site import site_of
from store.schema import study

__all__ = ["create_app"]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "connect-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
DICOMWEB_ROOT = "/dicomweb"
# An upload is a root of its own, for now by its number and for its owner only.
ROOTS = {
    "dicomweb": DICOMWEB_ROOT,
    "upload": f"/uploads/<{UPLOAD}>/dicomweb",
    "case_root": f"/cases/<{CASE}>/dicomweb",
    "share_root": f"/share/<{SHARE}>/dicomweb",
}
# Only these pages may be framed, by whom the setting names.
EMBED = "/embed/"
FORM_BYTES = 256 * 1024


def create_app(services: Services) -> Flask:
    """The application on these services."""
    settings = services.settings
    edge = edge_of(settings)
    app = Flask("viewer")
    app.config.update(_config(services, edge))
    watching = [install_metrics(app, services.database, now)]
    if settings.log_format == "json":
        watching.append(log_request)
    gate = AccountGate(
        services.database,
        viewer.signed_in_account,
        requests_a_minute=settings.rate_limit,
        share_key=share_key(services.secret),
    )
    for name, url_prefix in ROOTS.items():
        app.register_blueprint(
            create_blueprint(
                services.archive,
                services.ingest,
                gate,
                database=services.database,
                max_body_bytes=settings.max_body_bytes,
                public_base=edge.public_base,
                cors_origins=edge.origins,
                url_prefix=url_prefix,
                name=name,
            )
        )
    viewer.install(app, _pages(services, gate, edge))
    limit_sign_in(app)
    limit_reports(app)
    app.add_url_rule("/healthz", view_func=_health(services))
    app.after_request(_secure)
    app.after_request(_open_frames(settings.embed_ancestors))
    app.after_request(_tell_limit(settings.rate_limit))
    direct = Direct(
        app.wsgi_app,
        services.archive,
        services.ingest,
        gate,
        database=services.database,
        max_body_bytes=settings.max_body_bytes,
        public_base=edge.public_base,
        path=DICOMWEB_ROOT,
        headers=(HEADERS | _limit_of(settings.rate_limit)).items(),
    )
    counted = Counted(direct, *watching)
    app.wsgi_app = BehindProxies(counted, edge.trusted, edge.prefix)  # type: ignore[method-assign]
    return app


def _tell_limit(most: int) -> Callable[[Response], Response]:
    """Says in the headers of DICOMweb how often strangers may ask, and when they may again."""

    policy = _limit_of(most)

    def tell(response: Response) -> Response:
        if policy and DICOMWEB_ROOT in request.path:
            response.headers.update(policy)
            if response.status_code == 429:
                seconds = response.headers.get("Retry-After", "60")
                response.headers["RateLimit"] = f'"strangers";r=0;t={seconds}'
        return response

    return tell


def _limit_of(most: int) -> dict[str, str]:
    return {"RateLimit-Policy": f'"strangers";q={most};w=60'} if most else {}


def share_key(secret: bytes) -> bytes:
    """By what those who open share links are told apart; made of the server's secret."""
    return sha256(b"readingroom share links\0" + secret).digest()


def _config(services: Services, edge: Edge) -> dict[str, object]:
    return {
        "SECRET_KEY": sha256(b"readingroom sessions\0" + services.secret).digest(),
        "SESSION_COOKIE_NAME": "readingroom",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": edge.is_secure,
        "SESSION_COOKIE_PATH": f"{edge.prefix}/",
        # Forms are small; STOW-RS reads its stream itself and has its own limit.
        "MAX_FORM_MEMORY_SIZE": FORM_BYTES,
        "MAX_FORM_PARTS": 100,
        "WTF_CSRF_TIME_LIMIT": None,
    }


def _pages(services: Services, gate: AccountGate, edge: Edge) -> viewer.Pages:
    settings: Settings = services.settings
    return viewer.Pages(
        database=services.database,
        archive=services.archive,
        ingest=services.ingest,
        gate=gate,
        clock=now,
        dicomweb_root=DICOMWEB_ROOT,
        public_base=edge.public_base,
        ae_title=settings.ae_title,
        dimse_host=settings.dimse.host,
        dimse_port=settings.dimse.port,
        dimse_tls_port=Address.parse(settings.dimse_tls).port if settings.dimse_tls else None,
        reach=reach_of(settings),
        site=site_of(settings),
        settings=settings_shown(settings),
        share_key=share_key(services.secret),
        exports=exports_of(services),
    )


def _health(services: Services) -> Callable[[], tuple[str, int]]:
    def healthz() -> tuple[str, int]:
        """Ready to serve: the index answers."""
        with services.database.read() as connection:
            connection.execute(select(study.c.id).limit(1)).first()
        return "ok\n", 200

    return healthz


def _open_frames(ancestors: str) -> Callable[[Response], Response]:
    policy = CONTENT_SECURITY_POLICY.replace(
        "frame-ancestors 'none'", f"frame-ancestors {ancestors}"
    )

    def open_frames(response: Response) -> Response:
        # Also when there is nothing there: a frame that a browser refuses says nothing at all.
        if request.path.startswith(EMBED):
            response.headers["Content-Security-Policy"] = policy
        return response

    return open_frames


def _secure(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
