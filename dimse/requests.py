"""Command sets of the requests that we make, as bytes.

Standard: PS3.7 section 6.3.1 (Implicit VR Little Endian always), 9.3.1 (C-STORE-RQ), 10.3.1
(N-EVENT-REPORT-RQ), Annex E (registry of command elements).
Not here: requests of others and responses to them (`dimse.commands`).
"""

import struct
from collections.abc import Mapping
from typing import Final

from dimse import commands
from dimse.commands import number_value, text_value, uid_value

__all__ = ["Originator", "event_report_request", "store_request"]

Originator = tuple[str, int]
"""AE title and Message ID of the C-MOVE that asks for an instance to be sent."""

_AFFECTED_SOP_CLASS_UID: Final = 0x0002
_COMMAND_FIELD: Final = 0x0100
_MESSAGE_ID: Final = 0x0110
_COMMAND_DATA_SET_TYPE: Final = 0x0800
_MOVE_ORIGINATOR_AE_TITLE: Final = 0x1030
_MOVE_ORIGINATOR_MESSAGE_ID: Final = 0x1031
_HAS_DATA_SET: Final = 0x0001
_MEDIUM: Final = 0x0000


def store_request(
    message_id: int,
    sop_class_uid: str,
    sop_instance_uid: str,
    originator: Originator | None = None,
) -> bytes:
    """Encode the command set of a C-STORE-RQ."""
    elements = {commands.PRIORITY: number_value(_MEDIUM)}
    if originator is not None:
        elements[_MOVE_ORIGINATOR_AE_TITLE] = text_value(originator[0])
        elements[_MOVE_ORIGINATOR_MESSAGE_ID] = number_value(originator[1])
    return _request(commands.C_STORE_RQ, message_id, sop_class_uid, sop_instance_uid, elements)


def event_report_request(
    message_id: int, sop_class_uid: str, sop_instance_uid: str, event_type: int
) -> bytes:
    """Encode the command set of an N-EVENT-REPORT-RQ that has Event Information."""
    elements = {commands.EVENT_TYPE_ID: number_value(event_type)}
    kind = commands.N_EVENT_REPORT_RQ
    return _request(kind, message_id, sop_class_uid, sop_instance_uid, elements)


def _request(
    operation: int,
    message_id: int,
    sop_class_uid: str,
    sop_instance_uid: str,
    elements: Mapping[int, bytes],
) -> bytes:
    everything = {
        _AFFECTED_SOP_CLASS_UID: uid_value(sop_class_uid),
        _COMMAND_FIELD: number_value(operation),
        _MESSAGE_ID: number_value(message_id),
        _COMMAND_DATA_SET_TYPE: number_value(_HAS_DATA_SET),
        commands.AFFECTED_SOP_INSTANCE_UID: uid_value(sop_instance_uid),
        **elements,
    }
    body = b"".join(
        struct.pack("<HHL", 0, element, len(value)) + value
        for element, value in sorted(everything.items())
    )
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body
