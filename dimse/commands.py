"""Command sets of DIMSE requests, and the responses to them, as bytes.

pynetdicom decodes a command set into a pydicom data set, element by element, and warns about odd
values by quoting them. Storage needs five elements, so they are read from the bytes directly: it
costs a fiftieth of the time and nothing of a command can reach a log.

Standard: PS3.7 section 6.3.1 (Implicit VR Little Endian always), 9.3.1 (C-STORE), 9.3.5 (C-ECHO),
Annex E (registry of command elements); PS3.8 section 9.3.5 and Annex E (P-DATA-TF, PDVs).
Invariants: a response echoes the UIDs of its request byte for byte.
Not here: which status is answered (`dimse.statuses`).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dimse.errors import ProtocolViolation
from dimse.statuses import Status

C_STORE_RQ = 0x0001
C_ECHO_RQ = 0x0030
C_CANCEL_RQ = 0x0FFF
RESPONSE = 0x8000
NO_DATA_SET = 0x0101

_AFFECTED_SOP_CLASS_UID = 0x0002
_REQUESTED_SOP_CLASS_UID = 0x0003
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
_COMMAND_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_ERROR_COMMENT = 0x0902
_AFFECTED_SOP_INSTANCE_UID = 0x1000

_ELEMENT = struct.Struct("<HHL")
_US = struct.Struct("<H")
_PDU = struct.Struct(">BxLLBB")
_LAST_COMMAND_FRAGMENT = 0x03
_COMMAND_FRAGMENT = 0x01


@dataclass(frozen=True)
class Request:
    """What a request's command set says, as far as it matters here."""

    field: int
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    has_data_set: bool

    @property
    def is_store(self) -> bool:
        """Whether this is a C-STORE-RQ."""
        return self.field == C_STORE_RQ


def parse(command: bytes | bytearray) -> Request:
    """Read a command set.

    Raises:
        ProtocolViolation: it is not a request's command set.
    """
    elements = dict(_elements(command))
    field = _number(elements, _COMMAND_FIELD)
    if field & RESPONSE:
        raise ProtocolViolation("a response came although nothing was requested")
    answers_to = _MESSAGE_ID_BEING_RESPONDED_TO if field == C_CANCEL_RQ else _MESSAGE_ID
    sop_class = elements.get(_AFFECTED_SOP_CLASS_UID) or elements.get(_REQUESTED_SOP_CLASS_UID, b"")
    return Request(
        field=field,
        message_id=_number(elements, answers_to),
        sop_class_uid=_uid(sop_class),
        sop_instance_uid=_uid(elements.get(_AFFECTED_SOP_INSTANCE_UID, b"")),
        has_data_set=_number(elements, _COMMAND_DATA_SET_TYPE) != NO_DATA_SET,
    )


def response(request: Request, status: Status) -> bytes:
    """Encode the command set that answers a request."""
    elements = [
        (_AFFECTED_SOP_CLASS_UID, _padded(request.sop_class_uid, b"\0")),
        (_COMMAND_FIELD, _US.pack(request.field | RESPONSE)),
        (_MESSAGE_ID_BEING_RESPONDED_TO, _US.pack(request.message_id)),
        (_COMMAND_DATA_SET_TYPE, _US.pack(NO_DATA_SET)),
        (_STATUS, _US.pack(status.code)),
    ]
    if status.comment:
        elements.append((_ERROR_COMMENT, _padded(status.comment, b" ")))
    if request.is_store:
        elements.append((_AFFECTED_SOP_INSTANCE_UID, _padded(request.sop_instance_uid, b"\0")))
    body = b"".join(_ELEMENT.pack(0, element, len(value)) + value for element, value in elements)
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<L", len(body)) + body


def pdus(command: bytes, context_id: int, maximum_length: int) -> bytes:
    """Wrap a command set in as many P-DATA-TF PDUs as the peer's maximum length asks for.

    Args:
        command: the encoded command set.
        context_id: of the presentation context.
        maximum_length: what the peer is ready to take in a PDU, 0 for no limit.
    """
    room = max(maximum_length - 6, 2) if maximum_length else len(command)
    parts = []
    for at in range(0, len(command), room):
        part = command[at : at + room]
        last = at + room >= len(command)
        control = _LAST_COMMAND_FRAGMENT if last else _COMMAND_FRAGMENT
        parts.append(_PDU.pack(4, len(part) + 6, len(part) + 2, context_id, control) + part)
    return b"".join(parts)


def _elements(command: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(command):
        if at + _ELEMENT.size > len(command):
            raise ProtocolViolation("a command set ends in the middle of an element")
        group, element, length = _ELEMENT.unpack_from(command, at)
        at += _ELEMENT.size
        if group != 0 or at + length > len(command):
            raise ProtocolViolation("a command set is not encoded as one")
        yield element, bytes(command[at : at + length])
        at += length


def _number(elements: dict[int, bytes], element: int) -> int:
    value = elements.get(element, b"")
    if len(value) < _US.size:
        raise ProtocolViolation(f"a command set lacks (0000,{element:04X})")
    number: int = _US.unpack_from(value)[0]
    return number


def _uid(value: bytes) -> str:
    # Latin-1 keeps every byte, so that the answer repeats even a malformed UID as it came.
    return value.rstrip(b"\0 ").decode("latin-1")


def _padded(text: str, pad: bytes) -> bytes:
    value = text.encode("latin-1")
    return value + pad if len(value) % 2 else value
