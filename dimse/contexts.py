"""Presentation contexts this server accepts: which SOP classes, in which transfer syntaxes.

Standard: PS3.6 Annex A (the registry of UIDs), PS3.4 Annex B (storage), PS3.8 section 9.3.2.
Invariants: every storage SOP class of the registry, retired ones included, is accepted in every
transfer syntax below; where a context offers several, the first of our list wins, uncompressed
before compressed and lossless before lossy, so that no sender is led to lose anything. A private
SOP class is accepted when the operator has named it; nothing else tells that its objects are of
the kind that is stored here.
Not here: the negotiation itself, which is pynetdicom's.
"""

from collections.abc import Iterable, Mapping
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

# Every other transfer syntax of the registry, and why no data set can come in it.
_ELSEWHERE = "its pixel data is an address on somebody else's server"
_REAL_TIME = "real-time video (PS3.22) flows over RTP, never over an association"
LEFT_OUT: Mapping[str, str] = {
    "1.2.840.10008.1.2.4.94": _ELSEWHERE,  # JPIP Referenced
    "1.2.840.10008.1.2.4.95": _ELSEWHERE,  # JPIP Referenced Deflate
    "1.2.840.10008.1.2.4.204": _ELSEWHERE,  # JPIP HTJ2K Referenced
    "1.2.840.10008.1.2.4.205": _ELSEWHERE,  # JPIP HTJ2K Referenced Deflate
    "1.2.840.10008.1.2.7.1": _REAL_TIME,  # SMPTE ST 2110-20 Uncompressed Progressive Active Video
    "1.2.840.10008.1.2.7.2": _REAL_TIME,  # SMPTE ST 2110-20 Uncompressed Interlaced Active Video
    "1.2.840.10008.1.2.7.3": _REAL_TIME,  # SMPTE ST 2110-30 PCM Digital Audio
    "1.2.840.10008.1.2.6.1": "a MIME message (retired), no encoding of a data set",
    "1.2.840.10008.1.2.6.2": "XML (retired), no encoding of a data set in tags",
    "1.2.840.10008.1.20": "Papyrus 3 (retired) is a layout of files, not of messages",
}


def supported_contexts(
    sop_classes: Iterable[str] = (), private: Iterable[str] = ()
) -> list[PresentationContext]:
    """Return a context for each SOP class we store, one for Verification, and further ones.

    Args:
        sop_classes: of other services, whose data sets hold no pixels.
        private: SOP classes that are stored beside those of the standard.
    """
    # One list of transfer syntaxes for all: pynetdicom examines each entry of a new one.
    template = _context(VERIFICATION, TRANSFER_SYNTAXES)
    # The peer may be the provider, too: what it gets by C-GET is stored in these contexts.
    template.scu_role = template.scp_role = True
    stored = dict.fromkeys((*STORAGE_SOP_CLASSES, *private))
    contexts = [_like(template, uid) for uid in stored]
    contexts += [_context(uid, TRANSFER_SYNTAXES[:4]) for uid in (VERIFICATION, *sop_classes)]
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
