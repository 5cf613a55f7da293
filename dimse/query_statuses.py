"""Which DIMSE status each outcome of a C-FIND, C-GET or C-MOVE is answered with, as data.

Standard: PS3.4 Tables C.4-1 (C-FIND), C.4-2 (C-MOVE), C.4-3 (C-GET), PS3.7 section 9.3.1.2 (Error
Comment, at most 64 characters).
Invariants: a comment is fixed text and never holds a value of an identifier.
Not here: the statuses of storage, and of what fails whatever is asked (`dimse.statuses`).
"""

from typing import Final

from dimse.statuses import Status

FOUND: Final = Status(0xFF00)
FOUND_WITHOUT_SOME_KEYS: Final = Status(0xFF01, "Some of the optional keys are not supported")
UNDER_WAY: Final = Status(0xFF00)
COMPLETE: Final = Status(0x0000)
CANCELLED: Final = Status(0xFE00, "Cancelled")
QUERIES_NOT_ALLOWED: Final = Status(0x0124, "This AE title may not query or retrieve here")
OTHER_QUERY_CLASS: Final = Status(0x0122, "SOP class is not that of the presentation context")
NO_IDENTIFIER: Final = Status(0xA900, "The request came without an identifier")
IDENTIFIER_TOO_LONG: Final = Status(0xA900, "The identifier is longer than 64 KB")
IDENTIFIER_DAMAGED: Final = Status(0xC000, "The identifier is not encoded correctly")
NO_LEVEL: Final = Status(0xA900, "Query/Retrieve Level is missing or not one of this model")
NO_UNIQUE_KEY: Final = Status(0xA900, "A single unique key of each level above is required")
NO_UIDS: Final = Status(0xA900, "The unique key of the level is missing or malformed")
UNFIT_VALUE: Final = Status(0xC000, "A matching key has a value that it cannot have")
UNABLE: Final = Status(0xC000, "The request could not be processed")
TOO_BROAD: Final = Status(0xA700, "The search would look at too much; narrow it by more keys")
CANNOT_COUNT: Final = Status(0xA701, "The instances could not be looked up; try again later")
TOO_MANY: Final = Status(0xA701, "More instances are named than one request may fetch")
DESTINATION_SILENT: Final = Status(0xA702, "The move destination cannot be reached, or refuses")
ALL_FAILED: Final = Status(0xA702, "No sub-operation could be performed")
DESTINATION_UNKNOWN: Final = Status(0xA801, "Move Destination is not known to this account")
SOME_FAILED: Final = Status(0xB000, "Some sub-operations failed")
