"""DICOM over its own network protocol: a listener that receives what modalities and PACS send.

May import: store; pynetdicom, pydicom.

Entry points: `StorageListener(ingest, peers, ae_title=…, host=…, port=…)` with `start` and `stop`;
`Options` says how it behaves. How a data set flows: `dimse.provider` reads the socket and parses
PDUs, `dimse.storage` feeds the door of the store and decides what is answered, `dimse.statuses`
is the table of statuses.
"""

from dimse.listener import Options, Secure, StorageListener

__all__ = ["Options", "Secure", "StorageListener"]
