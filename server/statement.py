"""Writes the DICOM Conformance Statement: ``python -m server.statement TEMPLATE FILE``.

Standard: PS3.2 (Conformance), Annex N (its order).
Invariants: every table is made of what the server runs by: contexts, statuses, resources, search
keys, settings, profile; the template has prose only. The same code gives the same text.
Not here: whether it is true (`conformance`, which asks a running server).
"""

import argparse
from collections.abc import Iterable
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Final

from pydicom.datadict import dictionary_description, keyword_for_tag
from pydicom.uid import UID

from deid.profile import Held, default_profile
from deid.values import MEANINGS
from dicomweb.errors import OUTCOMES
from dicomweb.service import RESOURCES
from dicomweb.stow_report import COERCION
from dicomweb.syntaxes import frame_offers, instance_offers
from dimse import implementation, listener, query_statuses, statuses
from dimse.contexts import STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES
from dimse.models import MODELS
from server.config import Settings
from store.search_keys import INSTANCE, SERIES, STUDY

__all__ = ["main", "statement"]

_NAMES: Final = {
    "1.2.840.10008.1.2.1.98": "Encapsulated Uncompressed Explicit VR Little Endian",
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
}
_STORED_TYPES: Final = "/studies"
_WITHOUT_COMMENT: Final = {0x0000: "success", 0xFF00: "pending"}


def statement(template: str) -> str:
    """Return the statement, of the prose that this template has."""
    profile = default_profile()
    return template.format(
        version=version("readingroom"),
        sop_class_count=len(STORAGE_SOP_CLASSES),
        syntax_count=len(TRANSFER_SYNTAXES),
        dimse_settings=_dimse_settings(),
        transfer_syntaxes=_table(("UID", "name"), ((uid, _name(uid)) for uid in TRANSFER_SYNTAXES)),
        dimse_statuses=_dimse_statuses(),
        query_sop_classes=_table(("UID", "name"), ((uid, _name(uid)) for uid in MODELS)),
        query_statuses=_query_statuses(),
        resources=_resources(),
        stored_types=_table(
            ("media type of a request",),
            ((f"`{kind}`",) for kind in RESOURCES[_STORED_TYPES]["POST"].takes),
        ),
        coercion=f"{COERCION:04X}",
        failures=_failures(),
        retrieve_types=_retrieve_types(),
        search_keys=_search_keys(),
        settings=_settings(),
        implementation_class_uid=implementation.CLASS_UID,
        implementation_version_name=implementation.VERSION_NAME,
        file_implementation_class_uid=profile.implementation_class_uid,
        deidentification=_table(
            ("what", "value"),
            (
                ("profile", f"{profile.name}, version {profile.version}"),
                ("SHA-256", f"`{profile.sha256}`"),
                ("De-identification Method Code Sequence", _methods(profile.codes)),
                ("rows of single attributes", str(len(profile.rows))),
            ),
        ),
        held=_held(profile.held),
        sop_classes=_table(("UID", "name"), ((uid, _name(uid)) for uid in STORAGE_SOP_CLASSES)),
    )


def main() -> None:
    """Write the statement."""
    parser = argparse.ArgumentParser(prog="python -m server.statement", description=main.__doc__)
    parser.add_argument("template", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    arguments.file.write_text(statement(arguments.template.read_text("utf-8")), "utf-8")


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = tuple(heads)
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _name(uid: str) -> str:
    return _NAMES.get(uid) or UID(uid).name.replace("|", "/")


def _hexadecimal(code: int) -> str:
    return f"{code:04X}"


def _dimse_settings() -> str:
    options, settings = listener.Options(), Settings()
    rows = (
        ("AE title", f"`{settings.ae_title}` (setting)"),
        ("port", f"{settings.dimse.port} (setting)"),
        ("called AE title", "any; one of an account leads to that account"),
        (
            "calling AE title",
            "that of a known peer, from its hosts; any at an open AE title of an account; "
            "on loopback, any that is no peer's",
        ),
        ("associations at the same time", str(options.maximum_associations)),
        ("maximum PDU size", str(options.maximum_pdu_size or "unlimited (0)")),
        ("time to ask for an association", f"{options.association_timeout:g} s"),
        ("time without any message", f"{options.idle_timeout:g} s"),
        ("pause in the middle of a message", f"{options.stall_timeout:g} s"),
    )
    return _table(("association policy", "value"), rows)


def _dimse_statuses() -> str:
    own = [value for value in vars(statuses).values() if isinstance(value, statuses.Status)]
    unique = {(each.code, each.comment) for each in (*own, *statuses.BY_ERROR.values())}
    rows = ((_hexadecimal(code), comment or "success") for code, comment in sorted(unique))
    return _table(("status", "Error Comment (0000,0902)"), rows)


def _query_statuses() -> str:
    own = {value for value in vars(query_statuses).values() if isinstance(value, statuses.Status)}
    rows = (
        (_hexadecimal(each.code), each.comment or _WITHOUT_COMMENT[each.code])
        for each in sorted(own, key=lambda each: (each.code, each.comment))
    )
    return _table(("status", "Error Comment (0000,0902)"), rows)


def _resources() -> str:
    rows = []
    for rule, operations in RESOURCES.items():
        path = rule.replace("<path:path>", "{path}").replace("<", "{").replace(">", "}")
        for method, operation in operations.items():
            gives = "<br>".join(f"`{kind}`" for kind in operation.gives) or "no body"
            named = ", ".join(f"`{name}`" for name in operation.parameters)
            rows.append((f"`{method} {path}`", operation.name, gives, named))
    return _table(("resource", "transaction", "media types", "parameters"), rows)


def _failures() -> str:
    rows = {
        (_hexadecimal(outcome.failure_reason), str(outcome.status), outcome.sentence)
        for outcome in OUTCOMES.values()
        if outcome.sentence
    }
    return _table(("Failure Reason (0008,1197)", "HTTP status", "meaning"), sorted(rows))


def _retrieve_types() -> str:
    rows = []
    for syntax in TRANSFER_SYNTAXES:
        files = dict.fromkeys(o.transfer_syntax or "" for o in instance_offers(syntax, alone=False))
        frames = dict.fromkeys(
            f"`{offer.media_type}` {_short(offer.transfer_syntax or '')}".strip()
            for offer in frame_offers(syntax, alone=False)
        )
        rows.append((_name(syntax), ", ".join(map(_short, files)), ", ".join(frames)))
    return _table(("stored as", "instances in", "frames as"), rows)


def _short(uid: str) -> str:
    return uid.removeprefix("1.2.840.10008.1.2.")


def _search_keys() -> str:
    rows = []
    for key in (*STUDY, *SERIES, *INSTANCE):
        returned = "R" if key.required else "K" if key.known else "A"
        tag = f"({key.tag >> 16:04X},{key.tag & 0xFFFF:04X})"
        name = f"{dictionary_description(key.tag)}, `{keyword_for_tag(key.tag)}`"
        rows.append((key.level, tag, name, key.vr, returned))
    return _table(("level", "tag", "attribute", "VR", "returned"), rows)


def _settings() -> str:
    rows = []
    for each in fields(Settings):
        default = "" if each.metadata["secret"] else str(getattr(Settings(), each.name))
        rows.append((f"`{each.name}`", f"`{default}`" if default else "", each.metadata["help"]))
    return _table(("setting", "default", "meaning"), rows)


def _methods(values: Iterable[str]) -> str:
    return "; ".join(f"{value} DCM, {MEANINGS[value]}" for value in values)


def _held(held: Held) -> str:
    rows = (
        ("modalities", ", ".join(sorted(_text(each) for each in held.modalities))),
        ("conversion types", ", ".join(sorted(_text(each) for each in held.conversion_types))),
        *(
            (words, ", ".join(sorted(_name(uid) for uid in uids)))
            for words, uids in (
                ("secondary capture", held.secondary_capture),
                ("documents", held.documents),
                ("video", held.video),
            )
        ),
    )
    return _table(("held because of", "values"), rows)


def _text(value: bytes) -> str:
    return value.decode()


if __name__ == "__main__":
    main()
