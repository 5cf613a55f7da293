"""Makes the DIMSE listener of a process from the settings, and what it serves.

Not here: what the settings mean (`server.dimse_edge`), the listener and the services (`dimse`), who
may do what (`server.gate`).
"""

from functools import partial

from dimse import Options, Secure, StorageListener
from dimse.callers import Caller
from dimse.commitment import COMMITMENT_SOP_CLASSES, commitment
from dimse.query_retrieve import QUERY_RETRIEVE_SOP_CLASSES, query_retrieve
from dimse.reports import Reports
from dimse.requestor import Destination
from dimse.tls import acceptor_context
from server.calling import Calling
from server.dimse_edge import dimse_edge_of
from server.gate import callers_of
from server.jobs import Shared
from server.services import Services
from store.commitment import custody_of

__all__ = ["Listening"]


class Listening:
    """What one of the listening processes runs.

    Args:
        services: the parts of the product.
        shared: what it has in common with the other processes.

    Raises:
        ConfigError: a setting cannot be used.
    """

    def __init__(self, services: Services, shared: Shared) -> None:
        self._calling = Calling(services)
        ae_title = services.settings.ae_title
        look_up = partial(custody_of, services.database, services.keys)
        self._reports = Reports(look_up, ae_title=ae_title)
        served = {
            **query_retrieve(services.archive, ae_title=ae_title, destinations=self._destination),
            **commitment(look_up, self._reports, ae_title=ae_title, destinations=self._destination),
        }
        edge = dimse_edge_of(services.settings)
        secure = None
        if edge.tls is not None and shared.secure is not None:
            files = edge.tls
            context = acceptor_context(files.certificate, files.key, files.client_ca)
            secure = Secure(context, bound=shared.secure)
        self._listener = StorageListener(
            services.ingest,
            callers=callers_of(services.database, services.settings),
            services=served,
            sop_classes=(*QUERY_RETRIEVE_SOP_CLASSES, *COMMITMENT_SOP_CLASSES),
            ae_title=ae_title,
            bound=shared.plain,
            secure=secure,
            places=shared.places,
            options=Options(
                maximum_associations=edge.associations,
                answer_coercion=services.settings.store_warning_status,
                private_sop_classes=edge.sop_classes,
            ),
        )

    def start(self) -> None:
        """Begin; returns at once."""
        self._reports.start()
        self._listener.start()

    def stop(self) -> None:
        """End; what is under way may end in time."""
        self._listener.stop()
        self._reports.stop()

    def _destination(self, caller: Caller, ae_title: str) -> Destination | None:
        """Where a peer of the account that asks listens; no other account's."""
        if caller.owner_id is None:
            return None
        return self._calling.destination(caller.owner_id, ae_title)
