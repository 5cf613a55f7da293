"""Retrieve Capabilities: the description is true, in both forms."""

import json
import re
from xml.etree import ElementTree

import pytest
from flask import Flask

from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import make_file

WADL = "application/vnd.sun.wadl+xml"
NAME = "{http://wadl.dev.java.net/2009/02}"


@pytest.mark.parametrize("path", ["/dicomweb", "/dicomweb/"])
@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, WADL),
        ("*/*", WADL),
        (WADL, WADL),
        ("application/json", "application/json"),
        ("application/dicom+json", "application/dicom+json"),
        (f"{WADL};q=0.5, application/json", "application/json"),
    ],
)
def test_anybody_may_ask_what_there_is(
    caller: Caller, path: str, accept: str | None, media_type: str
) -> None:
    response = caller.client.options(path, headers={"Accept": accept} if accept else {})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == media_type
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert "Accept" in response.headers["Vary"]


def test_a_form_that_there_is_not_is_refused(caller: Caller) -> None:
    response = caller.client.options("/dicomweb/", headers={"Accept": "text/html"})
    assert response.status_code == 406
    assert response.get_json()["error"].endswith(".")


def test_both_forms_name_every_route_and_method(app: Flask, caller: Caller) -> None:
    routes = set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/dicomweb") and "_rest" not in rule.arguments:
            path = re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/dicomweb"))
            values = dict.fromkeys(rule.arguments, "1")
            url = app.url_map.bind("localhost").build(rule.endpoint, values)
            allowed = caller.client.options(url, headers={"Access-Control-Request-Method": "GET"})
            assert allowed.status_code == 204
            methods = caller.client.open(url, method="PATCH").headers["Allow"].split(", ")
            routes |= {(path, method) for method in methods} - {(path, "HEAD")}
    routes = {(path, method) for path, method in routes if method != "OPTIONS" or path == "/"}

    answer = caller.client.options("/dicomweb/", headers={"Accept": "application/json"})
    document = json.loads(answer.data)
    named = {(r["path"], m["name"]) for r in document["resources"] for m in r["methods"]}
    assert named == routes
    assert document["base"] == "http://localhost/dicomweb"

    root = ElementTree.fromstring(caller.client.options("/dicomweb/").data)
    resources = root.find(f"{NAME}resources")
    assert resources is not None
    assert resources.attrib["base"] == "http://localhost/dicomweb/"
    drawn = {
        (f"/{resource.attrib['path']}", method.attrib["name"])
        for resource in resources
        for method in resource.findall(f"{NAME}method")
    }
    assert drawn == routes
    ids = [each.attrib["id"] for each in resources.iter(f"{NAME}method")]
    assert len(set(ids)) == len(ids)


def test_what_is_said_to_be_given_can_be_had(caller: Caller) -> None:
    """Of an image: each media type is accepted by the resource that names it."""
    path = caller.stored([make_file(1)])[0]
    _, _, study, _, series, _, instance = path.split("/")
    values = {"study": study, "series": series, "instance": instance, "frames": "1"}
    values["path"] = "7FE00010"
    answer = caller.client.options("/dicomweb/", headers={"Accept": "application/json"})
    refused = []
    for resource in json.loads(answer.data)["resources"]:
        for method in resource["methods"]:
            if method["name"] != "GET" or "RetrieveURI" in method["id"]:
                continue
            for kind in method["gives"]:
                response = caller.get(resource["path"].format(**values), Accept=kind)
                # What is made of other objects than images, of films, and of 8-bit images.
                elsewhere = kind in ("video/mp4", "text/html", "text/plain", "application/pdf")
                elsewhere |= ".4.5" in kind
                if response.status_code not in ((200, 406) if elsewhere else (200,)):
                    refused.append((resource["path"], kind, response.status_code))
    assert refused == []


def test_a_root_with_values_describes_itself(caller: Caller) -> None:
    answer = caller.client.options("/share/abc/dicomweb/", headers={"Accept": "application/json"})
    assert answer.get_json()["base"] == "http://localhost/share/abc/dicomweb"
