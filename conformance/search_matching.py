"""Checks of Search: how values are matched.

Standard: PS3.18 8.3.4.1 (Attribute Matching), 8.3.4.1.1 (Matching Rules), PS3.4 C.2.2.2.
"""

from datetime import datetime, timedelta
from urllib.parse import quote

from conformance.errors import Fault, NotApplicable
from conformance.search import count, known, results, uids
from conformance.server import Server
from conformance.suite import check


def own(server: Server, query: str) -> str:
    """Return a search for the main study, with further keys."""
    return f"/studies?StudyInstanceUID={server.main.study}&{query}"


def expect(server: Server, query: str, found: bool) -> None:
    """Fail unless the main study is found, or is not."""
    if bool(count(server, own(server, query))) != found:
        raise Fault("it is not found" if found else "it is found")


def text(server: Server, tag: str, name: str) -> str:
    """Return a text that the server keeps, of at least four characters."""
    value = str(server.main.value(tag) or "")
    if len(value) < 4:
        raise NotApplicable(f"the server keeps no {name} of what was stored")
    return value


TEXTS = [
    ("PatientName", "00100010"),
    ("PatientID", "00100020"),
    ("AccessionNumber", "00080050"),
    ("StudyID", "00200010"),
    ("ReferringPhysicianName", "00080090"),
]


@check("PS3.4 C.2.2.2.4", rows=TEXTS)
def star_at_end(server: Server, keyword: str, tag: str) -> None:
    """{0} matches a beginning with *"""
    expect(server, f"{keyword}={quote(text(server, tag, keyword)[:3])}*", True)


@check("PS3.4 C.2.2.2.4", rows=TEXTS)
def star_at_start(server: Server, keyword: str, tag: str) -> None:
    """{0} matches an end with *"""
    expect(server, f"{keyword}=*{quote(text(server, tag, keyword)[-3:])}", True)


@check("PS3.4 C.2.2.2.4", rows=TEXTS)
def star_around(server: Server, keyword: str, tag: str) -> None:
    """{0} matches a part between two *"""
    expect(server, f"{keyword}=*{quote(text(server, tag, keyword)[1:-1])}*", True)


@check("PS3.4 C.2.2.2.4", rows=TEXTS)
def question_mark(server: Server, keyword: str, tag: str) -> None:
    """{0} matches any one character with ?"""
    value = text(server, tag, keyword)
    expect(server, f"{keyword}={quote(value[:1])}%3F{quote(value[2:])}", True)


@check("PS3.4 C.2.2.2.4", rows=TEXTS)
def question_mark_is_one(server: Server, keyword: str, tag: str) -> None:
    """In {0}, ? is exactly one character"""
    expect(server, f"{keyword}={quote(text(server, tag, keyword))}%3F%3F", False)


@check("PS3.4 C.2.2.2.4", rows=TEXTS)
def star_excludes(server: Server, keyword: str, tag: str) -> None:
    """{0} with * does not match another beginning"""
    server.main  # noqa: B018 - stored first
    expect(server, f"{keyword}=~~~*", False)


@check("PS3.4 C.2.2.2.3", rows=TEXTS)
def universal(server: Server, keyword: str, tag: str) -> None:
    """{0} without a value matches everything"""
    expect(server, f"{keyword}=", True)


@check("PS3.4 C.2.2.2.1", rows=TEXTS)
def whole_value(server: Server, keyword: str, tag: str) -> None:
    """{0} without wildcards matches the whole value, not its beginning"""
    # Empty components at the end of a name mean nothing.
    value = text(server, tag, keyword).rstrip("^")
    expect(server, f"{keyword}={quote(value[:-1])}", False)


@check("PS3.4 C.2.2.2.1", rows=[("part", "C"), ("lower-case", "ct"), ("longer", "CTX")])
def codes_are_exact(server: Server, name: str, value: str) -> None:
    """ModalitiesInStudy matches whole codes: not “{1}” for CT"""
    expect(server, f"ModalitiesInStudy={value}", False)


@check("PS3.4 C.2.2.2.1.1", "optional")
def names_in_any_case(server: Server) -> None:
    """Person names match in any case"""
    name = text(server, "00100010", "name")
    if name.upper() == name.lower():
        raise NotApplicable("the server keeps a name without letters")
    expect(server, f"PatientName={quote(name.swapcase())}", True)


def moment(server: Server) -> datetime:
    """Return the study's date and time as the server keeps them.

    Raises:
        NotApplicable: it keeps no date.
    """
    date = str(server.main.value("00080020") or "")
    time = str(server.main.value("00080030") or "")
    if not date or not time:
        raise NotApplicable("the server keeps no date and time of what was stored")
    return datetime.strptime(date + time[:6].ljust(6, "0"), "%Y%m%d%H%M%S")


DAY = timedelta(days=1)
DATES = [
    ("exact", 0, 0, True),
    ("around", -1, 1, True),
    ("from-that-day", 0, 9, True),
    ("until-that-day", -9, 0, True),
    ("before", -9, -1, False),
    ("after", 1, 9, False),
]


@check("PS3.4 C.2.2.2.5.1", rows=DATES)
def dates(server: Server, name: str, first: int, last: int, found: bool) -> None:
    """A range of Study Date includes both its ends: {0}"""
    day = moment(server)
    value = f"{day + first * DAY:%Y%m%d}-{day + last * DAY:%Y%m%d}"
    expect(server, f"StudyDate={value}", found)


OPEN = [("from", "{0:%Y%m%d}-", True), ("until", "-{0:%Y%m%d}", True),
        ("from-later", "{1:%Y%m%d}-", False), ("until-earlier", "-{2:%Y%m%d}", False)]  # fmt: skip


@check("PS3.4 C.2.2.2.5.1", rows=OPEN)
def open_dates(server: Server, name: str, form: str, found: bool) -> None:
    """A range of Study Date may be open at one end: {0}"""
    day = moment(server)
    expect(server, f"StudyDate={form.format(day, day + DAY, day - DAY)}", found)


HOUR = timedelta(hours=1)
TIMES = [
    ("around", "{2:%H%M%S}-{1:%H%M%S}", True),
    ("whole-hour", "{0:%H}00-{0:%H}59", True),
    ("from", "{0:%H%M%S}-", True),
    ("until", "-{0:%H%M%S}", True),
    ("later", "{1:%H%M%S}-235959", False),
    ("earlier", "000000-{2:%H%M%S}", False),
]


@check("PS3.4 C.2.2.2.5.2", rows=TIMES)
def times(server: Server, name: str, form: str, found: bool) -> None:
    """A range of Study Time matches as times do: {0}"""
    at = moment(server)
    if not 1 <= at.hour <= 22:
        raise NotApplicable("the server keeps a time at the edge of the day")
    expect(server, f"StudyTime={form.format(at, at + HOUR, at - HOUR)}", found)


COMBINED = [
    ("first-day-late", -1, 1, 1, -1, True),
    ("ends-earlier-that-day", -1, 1, 0, -1, False),
    ("begins-later-that-day", 0, 1, 1, -1, False),
    ("around", 0, -1, 0, 1, True),
]


@check("PS3.4 C.2.2.2.5.3", "optional", rows=COMBINED)
def combined(
    server: Server, name: str, day: int, hour: int, to_day: int, to_hour: int, found: bool
) -> None:
    """Ranges of Study Date and Study Time together are one range of moments: {0}"""
    at = moment(server)
    if not 1 <= at.hour <= 22:
        raise NotApplicable("the server keeps a time at the edge of the day")
    first, last = at + day * DAY + hour * HOUR, at + to_day * DAY + to_hour * HOUR
    query = f"StudyDate={first:%Y%m%d}-{last:%Y%m%d}&StudyTime={first:%H%M%S}-{last:%H%M%S}"
    expect(server, query, found)


LISTS = [
    ("comma", ","),
    ("encoded-comma", "%2C"),
    ("backslash", "%5C"),
    ("two-backslashes", "%5C%5C"),
]


@check("8.3.4.1", rows=LISTS)
def uid_list(server: Server, name: str, mark: str) -> None:
    """A list of UIDs matches each of them: {0}"""
    other = server.stored("multi-frame").first.study
    path = f"/studies?StudyInstanceUID={server.main.study}{mark}{other}"
    if set(uids(results(server, path), "0020000D")) != {server.main.study, other}:
        raise Fault("not both studies")


@check("8.3.4.1", rows=[("SeriesInstanceUID", "/series", "0020000E"),
                        ("SOPInstanceUID", "/instances", "00080018")])  # fmt: skip
def uid_list_below(server: Server, keyword: str, path: str, tag: str) -> None:
    """A list of {0} matches each of them"""
    one, two = server.main, server.stored("multi-frame").first
    values = (one.series, two.series) if path == "/series" else (one.uid, two.uid)
    found = results(server, f"{path}?{keyword}={','.join(values)}")
    if set(uids(found, tag)) != set(values):
        raise Fault("not both")


ENCODED = [
    ("keyword", "Patient%49D={}"),
    ("tag", "0010%30020={}"),
]


@check("RFC 3986 2.1", rows=ENCODED)
def encoded_key(server: Server, name: str, form: str) -> None:
    """Percent-encoded characters of a key are decoded: {0}"""
    expect(server, form.format(known(server.main, "00100020", "Patient ID")), True)
    expect(server, form.format("NO-SUCH"), False)


@check("RFC 3986 2.1", rows=[("caret", "00100010"), ("everything", "00100020")])
def encoded_value(server: Server, name: str, tag: str) -> None:
    """Percent-encoded characters of a value are decoded: {0}"""
    value = text(server, tag, "such value")
    encoded = "".join(f"%{byte:02X}" for byte in value.encode())
    expect(server, f"{tag}={encoded}", True)


@check("RFC 3986 2.1")
def encoded_once(server: Server) -> None:
    """Values are decoded once, not twice"""
    value = text(server, "00100020", "Patient ID")
    twice = "".join(f"%25{byte:02X}" for byte in value.encode())
    expect(server, f"PatientID={twice}", False)


@check("8.3.4.1", "interoperability", rows=[("percent", "%20"), ("plus", "+")])
def spaces(server: Server, name: str, mark: str) -> None:
    """dicomweb-client (Python): a space in a value is {1} or + in the URL"""
    value = str(server.main.value("00081030") or "")
    for instance in (server.stored("latin").first, server.stored("unicode").first, server.main):
        value = str(instance.value("00081030") or "")
        if " " in value.strip():
            path = f"/studies?StudyInstanceUID={instance.study}&StudyDescription="
            if not count(server, path + quote(value.strip()).replace("%20", mark)):
                raise Fault("it is not found")
            return
    raise NotApplicable("the server keeps no text with a space of what was stored")


@check("8.3.4.1")
def not_ascii(server: Server) -> None:
    """A value outside of ASCII is found, sent as UTF-8 and percent-encoded"""
    for instance in (server.stored("unicode").first, server.stored("latin").first):
        for tag in ("00100010", "00081030"):
            value = str(instance.value(tag) or "")
            if value and not value.isascii():
                path = f"/studies?StudyInstanceUID={instance.study}&{tag}={quote(value)}"
                if not count(server, path):
                    raise Fault("it is not found")
                return
    raise NotApplicable("the server keeps no text outside of ASCII of what was stored")


@check("8.3.4.1", rows=[("PatientName", "Nobody~"), ("StudyDate", "18000101"),
                        ("AccessionNumber", "~~")])  # fmt: skip
def hidden(server: Server, keyword: str, value: str) -> None:
    """{0} is a key also on /instances and /series, not only on /studies"""
    server.main  # noqa: B018 - stored first
    for path in ("/instances", "/series"):
        if count(server, f"{path}?{keyword}={quote(value)}"):
            raise Fault(f"ignored on {path}")
