"""The section of messages: what was mailed, and what waits where nothing sends mail.

Not here: the outbox (`accounts.messages`).
"""

from flask import Blueprint, abort, render_template

from accounts.errors import NoSuchMessage
from accounts.messages import count_of_messages, message_by_id, messages_of, with_links
from viewer.admin.guard import SIZE, Page
from viewer.blueprint import Pages

__all__ = ["add_messages"]


def add_messages(blueprint: Blueprint, pages: Pages) -> None:
    """Add the section."""

    @blueprint.get("/messages")
    def messages() -> str:
        page = Page.asked()
        rows = messages_of(pages.database, SIZE, page.offset)
        return render_template(
            "admin_messages.html",
            pages=pages,
            now=pages.clock(),
            messages=rows,
            page=Page(page.number, count_of_messages(pages.database)),
        )

    @blueprint.get("/messages/<int:number>")
    def message(number: int) -> str:
        try:
            found = message_by_id(pages.database, number)
        except NoSuchMessage:
            abort(404)
        return render_template(
            "admin_message.html",
            pages=pages,
            message=found,
            body=with_links(found.body, pages.base()),
        )
