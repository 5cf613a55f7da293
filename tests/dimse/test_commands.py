"""Command sets are read and written as pydicom would, and broken ones are refused."""

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu_primitives import P_DATA

from dimse import commands
from dimse.commands import Request
from dimse.errors import ProtocolViolation
from dimse.statuses import Status
from tests.dimse import raw_peer

REQUEST = Request(commands.C_STORE_RQ, 5, "1.2.840.10008.5.1.4.1.1.2", "1.2.3", True)


def test_request_encoded_by_pydicom_is_read() -> None:
    ds = Dataset()
    ds.AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.CommandField = 1
    ds.MessageID = 77
    ds.Priority = 2
    ds.CommandDataSetType = 1
    ds.AffectedSOPInstanceUID = "1.2.3.4.5"
    request = commands.parse(encode(ds, True, True) or b"")
    assert request == Request(1, 77, "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.5", True)


def test_response_is_what_pynetdicom_reads() -> None:
    encoded = commands.response(REQUEST, Status(0xA700, "No room is left"))
    ds = decode(BytesIO(encoded), True, True)
    assert ds.CommandGroupLength == len(encoded) - 12
    assert ds.CommandField == 0x8001
    assert ds.MessageIDBeingRespondedTo == 5
    assert ds.CommandDataSetType == 0x0101
    assert ds.Status == 0xA700
    assert ds.ErrorComment == "No room is left"
    assert ds.AffectedSOPClassUID == REQUEST.sop_class_uid
    assert ds.AffectedSOPInstanceUID == REQUEST.sop_instance_uid


def test_malformed_uid_is_echoed_byte_for_byte() -> None:
    odd = b"no uid at all \xfc"
    sent = raw_peer.command(
        [
            (0x0002, b"1.2\0"),
            (0x0100, struct.pack("<H", 1)),
            (0x0110, struct.pack("<H", 1)),
            (0x0800, struct.pack("<H", 1)),
            (0x1000, odd),
        ]
    )
    answer = commands.response(commands.parse(sent), Status(0x0117))
    assert struct.pack("<HHL", 0, 0x1000, len(odd) + 1) + odd + b"\0" in answer


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        request = commands.parse(data)
    except ProtocolViolation:
        return
    assert 0 <= request.message_id <= 0xFFFF


@given(st.integers(0, 150), st.integers(1, 0xFF))
def test_a_damaged_request_is_read_or_refused(at: int, flip: int) -> None:
    sent = bytearray(raw_peer.store_rq("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4"))
    sent[at % len(sent)] ^= flip
    said = ""
    try:
        assert commands.parse(sent).field < commands.RESPONSE
    except ProtocolViolation as error:
        said = str(error)
    assert "1.2.3.4" not in said


@pytest.mark.parametrize("missing", [0x0100, 0x0110, 0x0800])
def test_a_request_without_an_indispensable_element_is_refused(missing: int) -> None:
    elements = [
        (0x0002, b"1.2.3\0"),
        (0x0100, struct.pack("<H", 1)),
        (0x0110, struct.pack("<H", 1)),
        (0x0800, struct.pack("<H", 1)),
    ]
    with pytest.raises(ProtocolViolation):
        commands.parse(raw_peer.command(e for e in elements if e[0] != missing))


def test_a_response_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(ProtocolViolation):
        commands.parse(commands.response(REQUEST, Status(0)))


def test_further_elements_are_read_and_written() -> None:
    sent = raw_peer.command(
        [
            (0x0002, b"1.2\0"),
            (0x0100, struct.pack("<H", commands.C_MOVE_RQ)),
            (0x0110, struct.pack("<H", 3)),
            (0x0600, b" STORAGE "),
            (0x0700, struct.pack("<H", 1)),
            (0x0800, struct.pack("<H", 1)),
        ]
    )
    request = commands.parse(sent)
    assert request.text(commands.MOVE_DESTINATION) == "STORAGE"
    assert request.number(commands.PRIORITY) == 1
    assert request.text(commands.REQUESTED_SOP_INSTANCE_UID) == ""
    assert request.number(commands.ACTION_TYPE_ID, 9) == 9
    assert "STORAGE" not in repr(request)
    counts = [(commands.COMPLETED, commands.number_value(4))]
    answer = commands.response(request, Status(0xFF00), elements=counts, has_data_set=True)
    ds = decode(BytesIO(answer), True, True)
    assert (ds.NumberOfCompletedSuboperations, ds.CommandDataSetType) == (4, 1)
    assert [element.tag for element in ds] == sorted(element.tag for element in ds)


def test_responses_of_peers_are_read() -> None:
    answer = commands.response(REQUEST, Status(0xB007))
    expected = commands.Response(commands.C_STORE_RSP, 5, 0xB007, has_data_set=False)
    assert commands.read(answer) == expected


@pytest.mark.parametrize("length", [0, 1, 10, 100])
def test_data_sets_are_cut_into_pdus(length: int) -> None:
    data = bytes(range(length))
    stream = commands.pdus(data, 5, 16, is_command=False)
    found, controls, at = b"", [], 0
    while at < len(stream):
        _, size = raw_peer.PDU.unpack_from(stream, at)
        assert size <= 16
        controls.append(stream[at + 11])
        found += stream[at + 12 : at + 6 + size]
        at += 6 + size
    assert found == data
    assert controls == [0] * (len(controls) - 1) + [2]
    more = commands.pdus(data, 5, 0, is_command=False, is_last=False)
    assert more[11] == 0


@pytest.mark.parametrize("maximum_length", [0, 16, 64, 16384])
def test_responses_keep_to_the_maximum_length_of_the_peer(maximum_length: int) -> None:
    command = commands.response(REQUEST, Status(0xC000, "The data set ends too early"))
    stream = commands.pdus(command, 3, maximum_length)
    primitives = P_DATA()
    at = 0
    while at < len(stream):
        kind, length = raw_peer.PDU.unpack_from(stream, at)
        assert kind == 0x04
        assert not maximum_length or length <= maximum_length
        assert stream[at + 10] == 3
        fragment = stream[at + 11 : at + 6 + length]
        primitives.presentation_data_value_list.append((3, fragment))
        at += 6 + length
    message = C_STORE_RSP()
    assert message.decode_msg(primitives)
    decoded = message.message_to_primitive()
    assert isinstance(decoded, C_STORE)
    assert decoded.Status == 0xC000
