"""The errors of the store.

    StoreError
    ├── NoSuchFrame        a frame number that the instance does not have
    ├── NoSuchBulkdata     a path that names no bulk value of the instance
    ├── NoSuchSeries       a series that its would-be owner does not have
    ├── NoSuchUpload       an upload that its would-be owner did not begin
    ├── NoSuchJob          a job that is not there, is another owner's, or is over
    ├── NoSuchRemote       another server of a name that the owner has not given
    ├── BadRemote          a name or an address that no other server can have
    ├── WrongSecret        the server's secret is not the one that wraps the keys
    ├── Outdated           what a decision was made upon has changed since
    ├── CannotDecode       the pixel data cannot be decoded
    ├── CannotTranscode    the instance cannot be given in the syntax asked for
    ├── CannotMask         the pixel data cannot be blacked out
    ├── BadRectangles      rectangles that no image can have, or too many
    ├── DuplicateDiffers   same SOP Instance UID as a stored instance, other pixels
    ├── NotSearchable      a query that the index cannot answer
    ├── SearchTooBroad     a query for which too much would have to be looked at
    ├── Forbidden          the caller is known, and may not do this
    ├── NoSuchRoot         no root of these values, or not any more
    ├── TooManyRequests    the caller asked too often
    ├── StoreFull          no room for another instance
    ├── NoPrivateRoom      the room for private cases of its owner is full
    └── StoreBusy          the index or the blob store did not answer in time

Invariants: no message holds a value of a data set.
Not here: statuses; `dicomweb.errors` and `dimse.statuses` map these to theirs.
"""


class StoreError(Exception):
    """Anything that the store refuses or cannot do; the text is one sentence for people."""


class NoSuchFrame(StoreError):
    """A frame number that the instance does not have."""


class NoSuchBulkdata(StoreError):
    """A path that names no bulk value of the instance."""


class NoSuchSeries(StoreError):
    """The owner has no such series."""


class NoSuchUpload(StoreError):
    """The owner has begun no such upload."""


class NoSuchJob(StoreError):
    """A job that is not there, is another owner's, or is over."""


class NoSuchRemote(StoreError):
    """The owner has given no other server this name."""


class BadRemote(StoreError):
    """A name or an address that no other server can have."""


class WrongSecret(StoreError):
    """The server's secret is not the one that the keys in the database are wrapped with."""


class Outdated(StoreError):
    """Something else happened since the caller looked; nothing was changed."""


class CannotDecode(StoreError):
    """The pixel data is damaged, or in a syntax that no codec here reads."""


class CannotTranscode(StoreError):
    """The instance cannot be given in the transfer syntax that was asked for."""


class CannotMask(StoreError):
    """An instance whose pixel data cannot be blacked out; nothing of its series was changed."""


class BadRectangles(StoreError):
    """Rectangles that lie in no image, have no area, or are too many."""


class DuplicateDiffers(StoreError):
    """An instance with this SOP Instance UID is stored already and its pixels are others."""


class NotSearchable(StoreError):
    """A search value that cannot be understood, or a key that the index does not have."""


class Forbidden(StoreError):
    """It is known who the caller is, and this is not open to it."""


class NoSuchRoot(StoreError):
    """There is no root of these values in its path, or not any more."""


class TooManyRequests(StoreError):
    """The caller asked too often.

    Attributes:
        retry_after: in how many seconds it may ask again.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests came from this address.")
        self.retry_after = retry_after


class SearchTooBroad(StoreError):
    """Too many data sets would have to be looked at; further keys make them fewer."""


class StoreFull(StoreError):
    """No room is left for the instance; what was stored before is unharmed."""


class NoPrivateRoom(StoreError):
    """Only private cases of its owner show the series, and their room is full."""


class StoreBusy(StoreError):
    """The index or the blob store did not answer in time; sending again is safe."""
