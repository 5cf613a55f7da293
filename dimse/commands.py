"""Command sets of DIMSE requests, and the responses to them, as bytes.

pynetdicom decodes a command set into a pydicom data set, element by element, and warns about odd
values by quoting them. Storage needs five elements, so they are read from the bytes directly: it
costs a fiftieth of the time and nothing of a command can reach a log.

Standard: PS3.7 section 6.3.1 (Implicit VR Little Endian always), 9.3 (the messages), 10.3 (those
of normalised services), Annex E (registry of command elements); PS3.8 section 9.3.5 and Annex E
(P-DATA-TF, PDVs).
Invariants: a response echoes the UIDs of its request byte for byte.
Not here: which status is answered (`dimse.statuses`), our own requests (`dimse.requests`).
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from dimse.errors import ProtocolViolation
from dimse.statuses import Status

C_STORE_RQ = 0x0001
C_STORE_RSP = 0x8001
C_GET_RQ = 0x0010
C_FIND_RQ = 0x0020
C_MOVE_RQ = 0x0021
C_ECHO_RQ = 0x0030
C_CANCEL_RQ = 0x0FFF
N_EVENT_REPORT_RQ = 0x0100
N_ACTION_RQ = 0x0130
RESPONSE = 0x8000
NO_DATA_SET = 0x0101

# Further elements that services ask for or answer with.
MOVE_DESTINATION = 0x0600
PRIORITY = 0x0700
OFFENDING_ELEMENT = 0x0901
REQUESTED_SOP_INSTANCE_UID = 0x1001
EVENT_TYPE_ID = 0x1002
ACTION_TYPE_ID = 0x1008
REMAINING = 0x1020
COMPLETED = 0x1021
FAILED = 0x1022
WARNING = 0x1023

_AFFECTED_SOP_CLASS_UID = 0x0002
_REQUESTED_SOP_CLASS_UID = 0x0003
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
_COMMAND_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_ERROR_COMMENT = 0x0902
AFFECTED_SOP_INSTANCE_UID = 0x1000

_ELEMENT = struct.Struct("<HHL")
_US = struct.Struct("<H")
_PDU = struct.Struct(">BxLLBB")
_COMMAND_FRAGMENT = 0x01
_LAST_FRAGMENT = 0x02


@dataclass(frozen=True)
class Request:
    """What a request's command set says, as far as it matters here.

    Attributes:
        field, message_id: which operation, and its number.
        sop_class_uid, sop_instance_uid: affected; of normalised services, requested.
        has_data_set: whether one follows.
        elements: all elements of the command set, encoded.
    """

    field: int
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    has_data_set: bool
    elements: Mapping[int, bytes] = dataclass_field(default_factory=dict, compare=False, repr=False)

    @property
    def is_store(self) -> bool:
        """Whether this is a C-STORE-RQ."""
        return self.field == C_STORE_RQ

    def text(self, element: int) -> str:
        """The value of a further element as text without padding; empty when it is not there."""
        return _text(self.elements.get(element, b"")).strip(" ")

    def number(self, element: int, default: int = 0) -> int:
        """The value of a further element that is a US."""
        value = self.elements.get(element, b"")
        return default if len(value) < _US.size else int(_US.unpack_from(value)[0])


@dataclass(frozen=True)
class Response:
    """What a peer's response to a request of ours says."""

    field: int
    message_id: int
    status: int
    has_data_set: bool


def parse(command: bytes | bytearray) -> Request:
    """Read a request's command set.

    Raises:
        ProtocolViolation: it is not a request's command set.
    """
    message = read(command)
    if isinstance(message, Response):
        raise ProtocolViolation("a response came although nothing was requested")
    return message


def read(command: bytes | bytearray) -> Request | Response:
    """Read a command set.

    Raises:
        ProtocolViolation: it is not a command set.
    """
    elements = dict(_elements(command))
    operation = _number(elements, _COMMAND_FIELD)
    has_data_set = _number(elements, _COMMAND_DATA_SET_TYPE) != NO_DATA_SET
    if operation & RESPONSE:
        answers_to = _number(elements, _MESSAGE_ID_BEING_RESPONDED_TO)
        return Response(operation, answers_to, _number(elements, _STATUS), has_data_set)
    answers_to = _MESSAGE_ID_BEING_RESPONDED_TO if operation == C_CANCEL_RQ else _MESSAGE_ID
    sop_class = elements.get(_AFFECTED_SOP_CLASS_UID) or elements.get(_REQUESTED_SOP_CLASS_UID, b"")
    instance = elements.get(AFFECTED_SOP_INSTANCE_UID) or elements.get(
        REQUESTED_SOP_INSTANCE_UID, b""
    )
    return Request(
        field=operation,
        message_id=_number(elements, answers_to),
        sop_class_uid=_text(sop_class),
        sop_instance_uid=_text(instance),
        has_data_set=has_data_set,
        elements=elements,
    )


def response(
    request: Request,
    status: Status,
    *,
    elements: Iterable[tuple[int, bytes]] = (),
    has_data_set: bool = False,
) -> bytes:
    """Encode the command set that answers a request.

    Args:
        request: what is answered.
        status: with what.
        elements: further elements, encoded.
        has_data_set: whether one follows.
    """
    answer = {
        _AFFECTED_SOP_CLASS_UID: uid_value(request.sop_class_uid),
        _COMMAND_FIELD: number_value(request.field | RESPONSE),
        _MESSAGE_ID_BEING_RESPONDED_TO: number_value(request.message_id),
        _COMMAND_DATA_SET_TYPE: number_value(_data_set_type(has_data_set)),
        _STATUS: number_value(status.code),
    }
    if status.comment:
        answer[_ERROR_COMMENT] = text_value(status.comment)
    if request.is_store:
        answer[AFFECTED_SOP_INSTANCE_UID] = uid_value(request.sop_instance_uid)
    return _command_set(answer | dict(elements))


def pdus(
    message: bytes | memoryview,
    context_id: int,
    maximum_length: int,
    *,
    is_command: bool = True,
    is_last: bool = True,
) -> bytes:
    """Wrap a command set, or a part of a data set, in P-DATA-TF PDUs, as many as have to be.

    Args:
        message: the encoded command set, or a part of a data set.
        context_id: of the presentation context.
        maximum_length: what the peer is ready to take in a PDU, 0 for no limit.
        is_command: whether it is a command set.
        is_last: whether the command set or data set ends here.
    """
    room = max(maximum_length - 6, 2) if maximum_length else max(len(message), 1)
    kind = _COMMAND_FRAGMENT if is_command else 0
    parts = []
    for at in range(0, max(len(message), 1), room):
        part = bytes(message[at : at + room])
        ends = is_last and at + room >= len(message)
        control = kind | (_LAST_FRAGMENT if ends else 0)
        parts.append(_PDU.pack(4, len(part) + 6, len(part) + 2, context_id, control) + part)
    return b"".join(parts)


def uid_value(uid: str) -> bytes:
    """Encode a UID."""
    return _padded(uid, b"\0")


def text_value(text: str) -> bytes:
    """Encode a text."""
    return _padded(text, b" ")


def number_value(number: int) -> bytes:
    """Encode a US."""
    return _US.pack(number)


def _data_set_type(has_data_set: bool) -> int:
    return 0x0001 if has_data_set else NO_DATA_SET


def _command_set(elements: Mapping[int, bytes]) -> bytes:
    body = b"".join(
        _ELEMENT.pack(0, element, len(value)) + value for element, value in sorted(elements.items())
    )
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<L", len(body)) + body


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


def _text(value: bytes) -> str:
    # Latin-1 keeps every byte, so that the answer repeats even a malformed UID as it came.
    return value.rstrip(b"\0 ").decode("latin-1")


def _padded(text: str, pad: bytes) -> bytes:
    value = text.encode("latin-1")
    return value + pad if len(value) % 2 else value
