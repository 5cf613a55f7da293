"""A form as a browser without script has it: its fields with what is in them, sent by a button."""

from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

__all__ = ["Fields", "fields_of", "send"]

Fields = MultiDict[str, str]


class _Form(HTMLParser):
    """What is in the fields of the form that has the id, or else the nth one."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted = wanted
        self.inside = False
        self.fields: Fields = MultiDict()
        self.text: str | None = None
        self.select: str | None = None
        self.first_option = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = self.wanted in (has.get("id"), has.get("action"))
        if not self.inside or "disabled" in has:
            return
        if tag == "input" and "name" in has:
            if has.get("type") not in ("checkbox", "radio") or "checked" in has:
                self.fields.add(has["name"], has.get("value", "on"))
        elif tag == "textarea":
            self.text = has["name"]
            self.fields.add(self.text, "")
        elif tag == "select":
            self.select, self.first_option = has["name"], True
        elif tag == "option" and self.select and (self.first_option or "selected" in has):
            self.fields[self.select] = has.get("value", "")
            self.first_option = False

    def handle_data(self, data: str) -> None:
        if self.text:
            # The line right after the tag is none of the text.
            self.fields[self.text] += data if self.fields[self.text] else data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.text = None
        elif tag == "select":
            self.select = None
        elif tag == "form":
            self.inside = False


def fields_of(html: str, form: str) -> Fields:
    """The fields of the form with this id or action."""
    parser = _Form(form)
    parser.feed(html)
    assert parser.fields, f"the page has no form {form}"
    return parser.fields


def send(client: FlaskClient, to: str, fields: Fields) -> TestResponse:
    """Send a form, as the browser that the client is."""
    return client.post(to, data=fields.to_dict(flat=False))
