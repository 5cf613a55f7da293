"""Presentation contexts this server accepts: which SOP classes, in which transfer syntaxes.

Standard: PS3.6 Annex A (the registry of UIDs), PS3.4 Annex B (storage), PS3.8 section 9.3.2.
Invariants: every storage SOP class of the registry, retired ones included, is accepted in every
transfer syntax below; where a context offers several, the first of our list wins, uncompressed
before compressed and lossless before lossy, so that no sender is led to lose anything. Private SOP
classes are not accepted, as nothing tells what their objects hold.
Not here: the negotiation itself, which is pynetdicom's.
"""

from collections.abc import Iterable
from copy import copy

from pydicom import uid as registry
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID
from pynetdicom.presentation import AllStoragePresentationContexts, PresentationContext

VERIFICATION = "1.2.840.10008.1.1"

# A DICOMDIR describes media and never travels by C-STORE (PS3.3 F.2.1); storage commitment is
# another service whose name happens to begin alike.
_NOT_STORAGE = frozenset({"1.2.840.10008.1.3.10", "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.2"})

# pydicom's registry keeps what was retired, pynetdicom's list is ahead of it with what is new.
STORAGE_SOP_CLASSES: tuple[str, ...] = tuple(
    sorted(
        {
            uid
            for uid, (name, kind, *_) in UID_dictionary.items()
            if kind == "SOP Class" and "Storage" in name and uid not in _NOT_STORAGE
        }
        | {str(context.abstract_syntax) for context in AllStoragePresentationContexts}
    )
)

# JPIP syntaxes are left out on purpose: their pixel data is an address on somebody else's server.
TRANSFER_SYNTAXES: tuple[str, ...] = (
    registry.ExplicitVRLittleEndian,
    registry.ImplicitVRLittleEndian,
    registry.DeflatedExplicitVRLittleEndian,
    registry.ExplicitVRBigEndian,
    "1.2.840.10008.1.2.1.98",  # Encapsulated Uncompressed Explicit VR Little Endian
    registry.JPEGLosslessSV1,
    registry.JPEGLossless,
    registry.JPEGLSLossless,
    registry.JPEG2000Lossless,
    registry.JPEG2000MCLossless,
    registry.HTJ2KLossless,
    registry.HTJ2KLosslessRPCL,
    "1.2.840.10008.1.2.4.110",  # JPEG XL Lossless
    "1.2.840.10008.1.2.4.111",  # JPEG XL JPEG Recompression
    registry.RLELossless,
    "1.2.840.10008.1.2.8.1",  # Deflated Image Frame Compression
    registry.JPEGBaseline8Bit,
    registry.JPEGExtended12Bit,
    registry.JPEGLSNearLossless,
    registry.JPEG2000,
    registry.JPEG2000MC,
    registry.HTJ2K,
    "1.2.840.10008.1.2.4.112",  # JPEG XL
    *(f"1.2.840.10008.1.2.4.{n}{part}" for n in range(100, 107) for part in ("", ".1")),
    "1.2.840.10008.1.2.4.107",  # HEVC/H.265 Main Profile
    "1.2.840.10008.1.2.4.108",  # HEVC/H.265 Main 10 Profile
    # The retired JPEG processes: old archives hold them, and storing needs no decoder.
    *(f"1.2.840.10008.1.2.4.{n}" for n in (*range(52, 57), *range(58, 67))),
)


def supported_contexts() -> list[PresentationContext]:
    """Return a context for each SOP class we store, and one for Verification."""
    # One list of transfer syntaxes for all: pynetdicom examines each entry of a new one.
    template = _context(VERIFICATION, TRANSFER_SYNTAXES)
    contexts = [_like(template, uid) for uid in STORAGE_SOP_CLASSES]
    contexts.append(_context(VERIFICATION, TRANSFER_SYNTAXES[:4]))
    return contexts


def _context(abstract_syntax: str, transfer_syntaxes: Iterable[str]) -> PresentationContext:
    context = PresentationContext()
    context.abstract_syntax = UID(abstract_syntax)
    context.transfer_syntax = [UID(uid) for uid in transfer_syntaxes]
    return context


def _like(template: PresentationContext, abstract_syntax: str) -> PresentationContext:
    context = copy(template)
    context.abstract_syntax = UID(abstract_syntax)
    return context
