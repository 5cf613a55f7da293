"""The account page: AE titles of one's own, known senders, tokens of programs, and what is stored.

Invariants: people see and change what is their own, and cannot take what is another's; the secret
of a token is on the one answer to the press that made it, and nowhere else; every form carries the
protection against forged requests and works without script.
Not here: the rules (`accounts`), the fields (`viewer.account_forms`), profile, file and deletion
(`viewer.account_data`), sessions and passwords (`viewer.security`).
"""

import os
from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.ae_titles import add_ae_title, ae_titles_of, change_ae_title, remove_ae_title
from accounts.errors import (
    AccountError,
    HostNotAllowed,
    NoSuchAeTitle,
    NoSuchPeer,
    NoSuchToken,
)
from accounts.peers import add_peer, peers_of, remove_peer
from accounts.tokens import TokenScope, create_token, revoke_token, tokens_of
from viewer import account_forms, words
from viewer.account_data import add_own_data, own_data
from viewer.account_forms import ANYBODY, PeerForm, TitleForm, TokenForm
from viewer.blueprint import Pages, only_signed_in
from viewer.deeds import noted
from viewer.sign_in import ButtonForm

__all__ = ["create_account_blueprint"]

UNPROCESSABLE: Final = 422
TITLES, SENDERS, TOKENS = "titles", "senders", "tokens"


def create_account_blueprint(pages: Pages) -> Blueprint:
    """The account page and its forms, for people who are signed in."""
    blueprint = Blueprint("account", __name__, url_prefix="/account")
    blueprint.context_processor(lambda: {"words": words, "forms": account_forms})
    blueprint.before_request(only_signed_in)

    @blueprint.get("")
    def page() -> str:
        wanted = request.args.get("sender")
        chosen = [
            one for one in peers_of(pages.database, current_user.id) if one.ae_title == wanted
        ]
        return _draw(pages, peer_form=PeerForm.of(chosen[0])) if chosen else _draw(pages)

    add_own_data(blueprint, pages, _draw)
    _add_titles(blueprint, pages)
    _add_senders(blueprint, pages)
    _add_tokens(blueprint, pages)
    return blueprint


def _add_titles(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.post("/titles")
    def add_title() -> Response | tuple[str, int]:
        form = TitleForm()
        if form.validate_on_submit():
            try:
                made = add_ae_title(
                    pages.database,
                    form.title.data,
                    current_user.id,
                    own=pages.ae_title,
                    open=form.senders.data == ANYBODY,
                )
            except AccountError as error:
                form.title.errors = (str(error),)
            else:
                noted(pages, "add AE title", made.title)
                return _done(TITLES, f"{made.title} is yours. Type its line into the sender.")
        return _draw(pages, title_form=form), UNPROCESSABLE

    @blueprint.post("/titles/change")
    def change_title() -> Response:
        title, is_open = _pressed("title"), request.args.get("senders") == ANYBODY
        try:
            change_ae_title(pages.database, title, open=is_open, account_id=current_user.id)
        except NoSuchAeTitle:
            abort(404)
        noted(pages, "open AE title" if is_open else "close AE title", title)
        return _done(
            TITLES,
            f"Anybody may send to {title}." if is_open else f"Only known senders reach {title}.",
        )

    @blueprint.post("/titles/remove")
    def remove_title() -> Response:
        title = _pressed("title")
        try:
            remove_ae_title(pages.database, title, current_user.id)
        except NoSuchAeTitle:
            abort(404)
        noted(pages, "remove AE title", title)
        return _done(TITLES, f"{title} is removed. What was sent to it stays in your uploads.")


def _add_senders(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.post("/senders")
    def add_sender() -> Response | tuple[str, int]:
        form = PeerForm()
        if form.validate_on_submit():
            try:
                made = add_peer(
                    pages.database,
                    form.ae_title.data,
                    current_user.id,
                    form.host.data,
                    form.typed_port,
                    hosts=form.typed_hosts,
                    tls=form.tls.data,
                    may_take=False,
                    reach=pages.reach,
                )
            except HostNotAllowed as error:
                form.host.errors = (str(error),)
            except AccountError as error:
                form.ae_title.errors = (str(error),)
            else:
                noted(pages, "set peer", made.ae_title)
                return _done(SENDERS, f"{made.ae_title} is known. What it sends is yours.")
        return _draw(pages, peer_form=form), UNPROCESSABLE

    @blueprint.post("/senders/remove")
    def remove_sender() -> Response:
        title = _pressed("ae_title")
        try:
            remove_peer(pages.database, title, current_user.id)
        except NoSuchPeer:
            abort(404)
        noted(pages, "remove peer", title)
        return _done(SENDERS, f"{title} is removed. What it sent stays in your uploads.")


def _add_tokens(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.post("/tokens")
    def add_token() -> str | tuple[str, int]:
        form = TokenForm()
        if not form.validate_on_submit():
            return _draw(pages, token_form=form), UNPROCESSABLE
        secret = create_token(
            pages.database,
            current_user.id,
            random_bytes=os.urandom,
            clock=pages.clock,
            scopes=[TokenScope(scope) for scope in form.scopes.data],
            name=form.name.data,
            lifetime=form.lifetime,
        )
        number = max(one.id for one in tokens_of(pages.database, current_user.id))
        noted(pages, "make token", f"token {number}")
        # On this answer alone: a secret is not put into a cookie to be shown after a redirect.
        return _draw(pages, secret=secret, secret_of=form.name.data)

    @blueprint.post("/tokens/revoke")
    def revoke() -> Response:
        number = _pressed("token")
        try:
            revoke_token(pages.database, _number(number), current_user.id)
        except NoSuchToken:
            abort(404)
        noted(pages, "revoke token", f"token {number}")
        return _done(TOKENS, "The token is void. Programs that have it are refused from now on.")


def _draw(pages: Pages, **shown: Any) -> str:  # noqa: ANN401 - what the template is given
    for name, form in (("title", TitleForm), ("peer", PeerForm), ("token", TokenForm)):
        shown.setdefault(f"{name}_form", form(formdata=None))
    return render_template(
        "account.html",
        pages=pages,
        now=pages.clock(),
        titles=ae_titles_of(pages.database, current_user.id),
        peers=peers_of(pages.database, current_user.id),
        tokens=tokens_of(pages.database, current_user.id),
        **own_data(pages) | shown,
    )


def _pressed(field: str) -> str:
    """What a form of one button is about."""
    if not ButtonForm().validate_on_submit():
        abort(403)
    return request.form.get(field, "")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _done(section: str, sentence: str) -> Response:
    flash(sentence, section)
    return redirect(url_for("account.page", _anchor=section), 303)
