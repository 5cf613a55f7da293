"""Tells what a root can do: each resource, its methods, parameters and media types.

Standard: PS3.18 8.9 (Retrieve Capabilities) and annex H, WADL (W3C submission of 2009).
Invariants: the description is made of the table that the routes are made of, so it names what there
is and nothing else; anybody may ask.
Not here: the table (`dicomweb.service`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from dicomweb.answers import Answer, Asked
from dicomweb.errors import NotAcceptable
from dicomweb.negotiation import Offer, ranked
from dicomweb.service import RESOURCES, Operation

__all__ = ["answer_capabilities"]

WADL: Final = "application/vnd.sun.wadl+xml"
NAMESPACE: Final = "http://wadl.dev.java.net/2009/02"

_OFFERS: Final = tuple(
    Offer(kind) for kind in (WADL, "application/json", "application/dicom+json", "application/xml")
)
_VALUE: Final = re.compile(r"<(?:[a-z]+:)?([a-z]+)>")


def answer_capabilities(asked: Asked, allowed: str) -> Answer:
    """Describe the root.

    Args:
        asked: the request.
        allowed: the methods of the root itself.

    Raises:
        NotAcceptable: no description fits the Accept header.
    """
    offers = ranked(asked.accept, None, _OFFERS)
    if not offers:
        raise NotAcceptable(f"Capabilities are given as {WADL} and application/json.")
    media_type = offers[0].media_type
    description = list(_described())
    if media_type.endswith("json"):
        document = {"base": asked.root, "resources": description}
        body = json.dumps(document, indent=1).encode()
    else:
        body = _wadl(asked.root, description)
    headers = [("Content-Type", media_type), ("Allow", allowed), ("Cache-Control", "no-cache")]
    return Answer(200, [*headers, ("Vary", "Accept"), ("Content-Length", str(len(body)))], [body])


def _described() -> Iterator[dict[str, Any]]:
    for rule, operations in RESOURCES.items():
        methods = [_method(method, operation) for method, operation in operations.items()]
        if rule == "/":
            methods.append({"name": "OPTIONS", "id": "RetrieveCapabilities", "gives": [WADL]})
        yield {
            "path": _VALUE.sub(r"{\1}", rule),
            "values": _VALUE.findall(rule),
            "methods": methods,
        }


def _method(method: str, operation: Operation) -> dict[str, Any]:
    said: Mapping[str, Any] = {
        "parameters": list(operation.parameters),
        "takes": list(operation.takes),
        "gives": list(operation.gives),
    }
    return {"name": method, "id": operation.name} | {
        key: value for key, value in said.items() if value
    }


def _wadl(root: str, description: list[dict[str, Any]]) -> bytes:
    application = Element("application", {"xmlns": NAMESPACE})
    resources = SubElement(application, "resources", {"base": f"{root}/"})
    for described in description:
        resource = SubElement(resources, "resource", {"path": described["path"].lstrip("/")})
        for name in described["values"]:
            _param(resource, name, "template", required="true")
        for said in described["methods"]:
            method = SubElement(resource, "method", {"name": said["name"], "id": said["id"]})
            request = SubElement(method, "request")
            for name in said.get("parameters", ()):
                _param(request, name, "query")
            if given := said.get("gives"):
                accept = _param(request, "Accept", "header", default=given[0])
                for kind in given:
                    SubElement(accept, "option", {"value": kind})
            for kind in said.get("takes", ()):
                SubElement(request, "representation", {"mediaType": kind})
            response = SubElement(method, "response", {"status": "200" if given else "204"})
            for kind in given or ():
                SubElement(response, "representation", {"mediaType": kind})
    indent(application)
    text: bytes = tostring(application, "utf-8", xml_declaration=True)
    return text


def _param(parent: Element, name: str, style: str, **more: str) -> Element:
    return SubElement(parent, "param", {"name": name, "style": style, **more})
