"""What we override of pynetdicom is still there to be overridden.

The receive path hangs on a few methods that pynetdicom does not promise to keep. A release that
renames one would silently collect data sets in memory again; here it fails loudly instead.
"""

import inspect

import pytest
from pynetdicom import dul, fsm
from pynetdicom.acse import ACSE
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.transport import AssociationServer, AssociationSocket, RequestHandler

from dimse import accepting, association, provider, transport

SEAMS = [
    (dul.DULServiceProvider, provider.StorageProvider, "_read_pdu_data"),
    (dul.DULServiceProvider, provider.StorageProvider, "_is_transport_event"),
    (dul.DULServiceProvider, provider.StorageProvider, "_process_recv_primitive"),
    (dul.DULServiceProvider, provider.StorageProvider, "idle_timer_expired"),
    (dul.DULServiceProvider, provider.StorageProvider, "kill_dul"),
    (dul.DULServiceProvider, provider.StorageProvider, "stop_dul"),
    (dul.DULServiceProvider, provider.StorageProvider, "run_reactor"),
    (ACSE, association.Negotiation, "_negotiate_as_acceptor"),
    (DIMSEServiceProvider, association._PatientReactor, "get_msg"),
    (RequestHandler, accepting.ConnectionHandler, "_create_association"),
    (Association, association.StorageAssociation, "run_reactor"),
    (RequestHandler, accepting.ConnectionHandler, "handle"),
    (AssociationServer, accepting.Server, "get_request"),
    (AssociationServer, accepting.Server, "server_bind"),
    (AssociationServer, accepting.Server, "server_close"),
    (AssociationServer, accepting.Server, "service_actions"),
    (AssociationServer, accepting.Server, "shutdown"),
    (AssociationServer, accepting.Server, "shutdown_request"),
    (AssociationSocket, transport.ReadAheadSocket, "close"),
    (AssociationSocket, transport.ReadAheadSocket, "send"),
    (AssociationSocket, transport.ReadAheadSocket, "recv"),
    (AssociationSocket, transport.ReadAheadSocket, "_shutdown_socket"),
]


@pytest.mark.parametrize(("theirs", "ours", "name"), SEAMS)
def test_overridden_methods_exist_and_take_the_same_arguments(
    theirs: type, ours: type, name: str
) -> None:
    assert issubclass(ours, theirs)
    assert name in vars(ours)
    expected = list(inspect.signature(getattr(theirs, name)).parameters)
    assert list(inspect.signature(vars(ours)[name]).parameters) == expected


def test_the_reactor_reads_through_the_overridden_methods() -> None:
    source = inspect.getsource(dul.DULServiceProvider.run_reactor)
    assert "self._process_recv_primitive()" in source
    assert "self._is_transport_event()" in source
    assert "self._read_pdu_data()" in inspect.getsource(dul.DULServiceProvider._is_transport_event)
    assert "self.dimse.get_msg(block=False)" in inspect.getsource(Association._run_reactor)


def test_states_and_events_have_the_meaning_that_is_relied_on() -> None:
    assert "ready for data transfer" in fsm.STATES[provider.DATA_TRANSFER]
    assert "Awaiting Transport Connection Close" in fsm.STATES[provider.AWAITING_CLOSE]
    assert fsm.STATES[association._IDLE] == "Idle"
    assert "Awaiting A-ASSOCIATE-RQ" in fsm.STATES[transport._AWAITING_REQUEST]
    assert "Awaiting Transport Connection Close" in fsm.STATES[transport._AWAITING_CLOSE]
    for state in provider.OUR_TURN:
        assert "Awaiting local" in fsm.STATES[state]
    assert fsm.EVENTS[provider.ASSOCIATION_CLOSED].startswith("Transport connection closed")
    assert "invalid PDU" in fsm.EVENTS[provider.INVALID_PDU]
