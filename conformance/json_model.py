"""Checks of the DICOM JSON model, in everything that comes in it.

Standard: PS3.18 Annex F.
Not here: the rules (`conformance.model`).
"""

import json
from collections.abc import Callable
from typing import Any, Final

from conformance.errors import Fault, NotApplicable
from conformance.model import RULES, SECTIONS
from conformance.multipart import written
from conformance.search import results
from conformance.server import DICOM_JSON, Server
from conformance.storing import file
from conformance.suite import check

DataSets = list[dict[str, Any]]


def _metadata(server: Server) -> DataSets:
    names = ("main", "every-vr", "odd-values", "unicode", "report", "waveform", "segmentation")
    found = [server.main.metadata]
    for name in names:
        try:
            found.append(server.stored(name).first.metadata)
        except NotApplicable:
            continue
    return found


def _searches(server: Server) -> DataSets:
    server.stored("odd-values")
    first = server.main
    paths = ("/studies?limit=20", "/series?limit=20", f"{first.series_path}/instances",
             f"{first.series_path}/instances?includefield=all")  # fmt: skip
    return [each for path in paths for each in results(server, path)]


def _store(server: Server) -> DataSets:
    module = json.loads(server.post(written([file(), file(), b"no DICOM"])).content)
    return module if isinstance(module, list) else [module]


SOURCES: Final[dict[str, Callable[[Server], DataSets]]] = {
    "metadata": _metadata,
    "search results": _searches,
    "store answers": _store,
}


def _data(server: Server, source: str) -> DataSets:
    if source not in server.remembered:
        server.remembered[source] = SOURCES[source](server)
    found: DataSets = server.remembered[source]
    return found


ROWS = [
    (f"{source} {rule}", source, (RULES[rule].__doc__ or "").rstrip("."), SECTIONS[rule], rule)
    for source in SOURCES
    for rule in RULES
]


@check("{3}", rows=ROWS)
def rule(server: Server, _: str, source: str, said: str, section: str, rule: str) -> None:
    """In {1}: {2}"""
    data = _data(server, source)
    if not data:
        raise Fault("there is nothing to look at")
    broken = [tag for each in data for tag in RULES[rule](each)]
    if broken:
        raise Fault(f"not in {', '.join(sorted(set(broken))[:4])}")


@check("F.2.3", rows=[("metadata",), ("search",)])
def no_nan(server: Server, source: str) -> None:
    """What is no number in a data set is not written as NaN or Infinity: {0}"""
    first = server.stored("odd-values").first
    path = f"{first.path}/metadata"
    if source == "search":
        path = f"{first.series_path}/instances?includefield=all"
    text = server.get(path, DICOM_JSON).content

    def refuse(word: str) -> None:
        raise Fault(f"{word} in the text")

    json.loads(text, parse_constant=refuse)


@check("F.2.1")
def utf8(server: Server) -> None:
    """JSON is written in UTF-8"""
    answer = server.get(f"{server.stored('unicode').first.path}/metadata", DICOM_JSON)
    answer.content.decode("utf-8")
    json.loads(answer.content.decode("utf-8"))


NAMES = [
    ("unicode", "Alphabetic", "Ærø^Ståle"),
    ("unicode", "Ideographic", "山田^太郎"),
    ("unicode", "Phonetic", "やまだ^たろう"),
    ("latin", "Alphabetic", "Müller^Zoë"),
]


@check("F.2.2", "conditional", rows=[(f"{s} {g}", s, g, n) for s, g, n in NAMES])
def names(server: Server, _: str, sample: str, group: str, name: str) -> None:
    """The {2} group of a name is decoded from its character set ({1}), where the name is kept"""
    kept = server.stored(sample).first.metadata["00100010"].get("Value", [{}])[0]
    plain = kept.get("Alphabetic", "")
    if plain.isascii() and plain != name:
        raise NotApplicable("the server does not keep the name")
    if kept.get(group) != name:
        raise Fault(f"{kept.get(group)!r}")


KINDS = [
    ("FD", "00720074", [1.5, -2.25]),
    ("FL", "00720076", [0.5]),
    ("SL", "0072007C", [-70000, 5]),
    ("SS", "0072007E", [-3]),
    ("UL", "00720078", [4294967295]),
    ("US", "0072007A", [65535, 0]),
    ("DS", "00720072", [1.5, -2.0]),
    ("IS", "00720064", [7, 12]),
    ("SV", "00720082", [-(2**62)]),
    ("UV", "00720083", [2**63]),
    ("AT", "00720060", ["00080005", "0020000D"]),
]


@check("F.2.3", "conditional", rows=KINDS)
def values(server: Server, vr: str, tag: str, sent: list[Any]) -> None:
    """Values of {0} are given as they were sent, where they are kept"""
    attribute = server.stored("every-vr").first.metadata.get(tag, {})
    kept = attribute.get("Value")
    if kept is None:
        raise NotApplicable("the server does not keep the attribute")
    if vr == "AT":
        same = [str(each).upper() for each in kept] == sent
    else:
        same = [float(each) for each in kept] == [float(each) for each in sent]
    if not same or attribute.get("vr") != vr:
        raise Fault(f"{attribute.get('vr')} {kept}")


@check("F.2.4", "conditional")
def empty_member(server: Server) -> None:
    """An empty value between others is null, where the attribute is kept"""
    kept = server.stored("every-vr").first.metadata.get("00720062", {}).get("Value")
    if kept is None:
        raise NotApplicable("the server does not keep the attribute")
    if kept != ["ONE", None, "THREE"]:
        raise Fault(str(kept))


@check("F.2.4", "conditional")
def empty_item(server: Server) -> None:
    """An empty item of a sequence is an empty object, where the sequence is kept"""
    kept = server.stored("every-vr").first.metadata.get("00082218", {}).get("Value")
    if kept is None:
        raise NotApplicable("the server does not keep the sequence")
    if kept[-1] != {}:
        raise Fault(str(kept[-1]))
