"""Checks of rendered resources.

Standard: PS3.18 10.4.1.1.3, 10.4.3.3.3, 8.7.4 (rendered media types), 8.3.5.1 (parameters).
Invariants: what a parameter does is seen in a PNG, whose pixels can be told.
"""

from conformance.errors import Fault, NotApplicable
from conformance.multipart import parts
from conformance.pictures import Picture, kind_of, png, size_of
from conformance.reading import content_type, expect_status
from conformance.sample import SIZE, SLICES
from conformance.sample_images import FRAMES
from conformance.server import Instance, Server
from conformance.suite import check

TYPES = [("image/jpeg",), ("image/png",), ("image/gif",)]


def picture(server: Server, instance: Instance, query: str = "", frame: str = "") -> Picture:
    """Return an instance, or a frame of it, rendered."""
    answer = server.get(f"{instance.path}{frame}/rendered{query}", "image/png")
    expect_status(answer, 200)
    return png(answer.content)


@check("8.7.4", rows=TYPES)
def types(server: Server, media_type: str) -> None:
    """A single-frame image is rendered as {0}"""
    answer = server.get(f"{server.main.path}/rendered", media_type)
    expect_status(answer, 200)
    if (content_type(answer), kind_of(answer.content)) != (media_type, media_type):
        raise Fault(f"{content_type(answer)} with {kind_of(answer.content) or 'no picture'}")


DEFAULTS = [("anything", "*/*"), ("images", "image/*"),
            ("browser", "image/avif,image/webp,image/apng,*/*;q=0.8"),
            ("list", "image/heic, image/jpeg;q=0.5")]  # fmt: skip


@check("8.7.4", rows=DEFAULTS)
def default(server: Server, name: str, accept: str) -> None:
    """A single-frame image is rendered as JPEG for Accept: {1}"""
    answer = server.get(f"{server.main.path}/rendered", accept)
    expect_status(answer, 200)
    if kind_of(answer.content) != "image/jpeg":
        raise Fault(content_type(answer))


@check("8.7.7")
def quality_of_types(server: Server) -> None:
    """Of two rendered types the one with the higher q is chosen"""
    answer = server.get(f"{server.main.path}/rendered", "image/jpeg;q=0.4, image/png;q=0.9")
    if kind_of(answer.content) != "image/png":
        raise Fault(content_type(answer))


@check("8.7.8.1", rows=[("text", "text/html"), ("unknown", "image/x-nothing"),
                        ("dicom", "application/dicom")])  # fmt: skip
def not_acceptable(server: Server, name: str, accept: str) -> None:
    """An image is refused with 406 in a type that it cannot be rendered in: {1}"""
    expect_status(server.get(f"{server.main.path}/rendered", accept), 406)


@check("8.7.6", rows=[("png", "image/png"), ("gif", "image/gif"), ("jpeg", "image/jpeg")])
def accept_parameter(server: Server, name: str, value: str) -> None:
    """The query parameter accept chooses {1}"""
    answer = server.get(f"{server.main.path}/rendered?accept={value}", "*/*")
    expect_status(answer, 200)
    if kind_of(answer.content) != value:
        raise Fault(content_type(answer))


@check("10.4.1.1.3")
def size(server: Server) -> None:
    """Without a viewport an image is rendered in its own size"""
    shown = picture(server, server.main)
    if (shown.width, shown.height) != (SIZE, SIZE):
        raise Fault(f"{shown.width} × {shown.height}")


@check("10.4.1.1.3")
def content(server: Server) -> None:
    """What is bright in the image is bright in its rendering"""
    shown = picture(server, server.stored("wide").first, "?window=2048,4096,linear")
    if not shown.at(5, 5) > shown.at(60, 5) + 100:
        raise Fault(f"{shown.at(5, 5)} left, {shown.at(60, 5)} right")


@check("10.4.1.1.3", "conditional")
def colour(server: Server) -> None:
    """A colour image is rendered in colour"""
    answer = server.get(f"{server.stored('colour').first.path}/rendered", "image/png")
    expect_status(answer, 200)
    shown = png(answer.content)
    if shown.channels != 3 or shown.rows[0][:3] != bytes([0, 255, 64]):
        raise Fault(str(list(shown.rows[0][:3])))


FRAME = [(str(number),) for number in (1, 3, FRAMES)]


@check("10.4.1.1.3", "conditional", rows=FRAME)
def frame(server: Server, number: str) -> None:
    """Frame {0} of a multi-frame image is rendered"""
    first = server.stored("multi-frame").first
    answer = server.get(f"{first.path}/frames/{number}/rendered", "image/jpeg")
    expect_status(answer, 200)
    if kind_of(answer.content) != "image/jpeg":
        raise Fault("no JPEG")


@check("10.4.1.1.3")
def frame_of_single(server: Server) -> None:
    """Frame 1 of a single-frame image is rendered like the instance"""
    if picture(server, server.main).rows != picture(server, server.main, frame="/frames/1").rows:
        raise Fault("another picture")


@check("10.4.1.1.3", "conditional")
def frames_differ(server: Server) -> None:
    """Rendered frames are those that were asked for"""
    first = server.stored("multi-frame").first
    one, two = (picture(server, first, frame=f"/frames/{n}") for n in (1, 2))
    if one.rows == two.rows:
        raise Fault("frames 1 and 2 are the same picture")


@check("10.4.1.1.3", "conditional")
def several_frames(server: Server) -> None:
    """Several frames are rendered as a part for each"""
    first = server.stored("multi-frame").first
    accept = 'multipart/related; type="image/jpeg"'
    found = parts(server.get(f"{first.path}/frames/1,3/rendered", accept))
    if [kind_of(part.data) for part in found] != ["image/jpeg"] * 2:
        raise Fault(f"{len(found)} parts")


LEVELS = [("study", "study_path", SLICES + 1), ("series", "series_path", SLICES)]


@check("10.4.4", rows=LEVELS)
def level(server: Server, name: str, place: str, count: int) -> None:
    """A rendered {0} has a part for each of its images"""
    accept = 'multipart/related; type="image/jpeg"'
    found = parts(server.get(f"{getattr(server.main, place)}/rendered", accept))
    if [kind_of(part.data) for part in found] != ["image/jpeg"] * count:
        raise Fault(f"{len(found)} parts, not {count}")


@check("8.6.1", rows=LEVELS)
def level_locations(server: Server, name: str, place: str, count: int) -> None:
    """Parts of a rendered {0} have a Content-Type and a Content-Location"""
    accept = 'multipart/related; type="image/jpeg"'
    for part in parts(server.get(f"{getattr(server.main, place)}/rendered", accept)):
        if part.media_type != "image/jpeg" or not part.headers.get("content-location"):
            raise Fault(str(sorted(part.headers)))


@check("10.4.4", "interoperability", rows=LEVELS)
def level_as_one(server: Server, name: str, place: str, count: int) -> None:
    """A rendered {0} asked for in single-part types only is refused with 406, or is one picture"""
    # The section tells user agents to expect an error; viewers that ask for a preview want none.
    answer = server.get(f"{getattr(server.main, place)}/rendered", "image/jpeg")
    expect_status(answer, 406, 200)
    if answer.status_code == 200 and kind_of(answer.content) != "image/jpeg":
        raise Fault(f"{content_type(answer)} with {kind_of(answer.content) or 'no picture'}")


@check("10.4.1.1.3", rows=[("instance", "/rendered"), ("frame", "/frames/1/rendered")])
def not_found(server: Server, name: str, ending: str) -> None:
    """A rendered {0} of what is not there is answered with 404"""
    path = f"{server.main.series_path}/instances/1.2.3.4.5{ending}"
    expect_status(server.get(path, "image/jpeg"), 404)


@check("10.4.3.1", rows=[("2",), ("0",), ("x",)])
def no_such_frame(server: Server, number: str) -> None:
    """A rendered frame that is not there is refused with 404 or 400: {0}"""
    expect_status(
        server.get(f"{server.main.path}/frames/{number}/rendered", "image/jpeg"), 400, 404
    )


RIGHT = [
    ("quality-1", "quality=1"),
    ("quality-100", "quality=100"),
    ("viewport", "viewport=64,64"),
    ("viewport-region", "viewport=16,16,0,0,16,16"),
    ("viewport-elided", "viewport=16,16,,,16,16"),
    ("viewport-flipped", "viewport=16,16,0,0,-32,32"),
    ("window-linear", "window=1000,2000,linear"),
    ("window-linear-exact", "window=1000,2000,linear-exact"),
    ("window-sigmoid", "window=1000,2000,sigmoid"),
    ("window-negative", "window=-50.5,350.25,linear"),
    ("annotation-patient", "annotation=patient"),
    ("annotation-technique", "annotation=technique"),
    ("annotation-both", "annotation=patient,technique"),
    ("iccprofile-no", "iccprofile=no"),
    ("iccprofile-yes", "iccprofile=yes"),
    ("iccprofile-srgb", "iccprofile=srgb"),
    ("charset", "charset=utf-8"),
    ("unknown", "colour=blue"),
    ("together", "quality=80&viewport=20,20&window=500,800,linear"),
    ("encoded", "viewport=64%2C64"),
]


@check("8.3.5.1", rows=RIGHT)
def parameter(server: Server, name: str, query: str) -> None:
    """A rendering parameter is accepted: {1}"""
    answer = server.get(f"{server.main.path}/rendered?{query}", "image/jpeg")
    expect_status(answer, 200)
    if kind_of(answer.content) != "image/jpeg":
        raise Fault("no JPEG")


WRONG = [
    ("quality-0", "quality=0"),
    ("quality-101", "quality=101"),
    ("quality-word", "quality=best"),
    ("quality-empty", "quality="),
    ("viewport-one", "viewport=64"),
    ("viewport-word", "viewport=wide,high"),
    ("viewport-zero", "viewport=0,64"),
    ("viewport-negative", "viewport=-64,64"),
    ("viewport-three", "viewport=64,64,0"),
    ("viewport-seven", "viewport=1,1,1,1,1,1,1"),
    ("window-two", "window=1000,2000"),
    ("window-word", "window=a,b,linear"),
    ("window-function", "window=1000,2000,cubic"),
    ("window-no-width", "window=1000,0,linear"),
    ("window-negative", "window=1000,-5,linear"),
    ("iccprofile", "iccprofile=cmyk"),
]


@check("8.3.5.1", rows=WRONG)
def wrong_parameter(server: Server, name: str, query: str) -> None:
    """A rendering parameter that is not of its form is refused with 400: {1}"""
    expect_status(server.get(f"{server.main.path}/rendered?{query}", "image/jpeg"), 400)


@check("8.3.5.1.1")
def unknown_annotation(server: Server) -> None:
    """An unknown annotation is refused with 400, or ignored with a Warning 299"""
    answer = server.get(f"{server.main.path}/rendered?annotation=nothing", "image/jpeg")
    if answer.status_code == 400:
        return
    expect_status(answer, 200)
    if not answer.headers.get("Warning", "").startswith("299"):
        raise Fault("status 200 without a Warning")


@check("8.3.5.1.1", "optional", rows=[("technique",)])
def annotation_seen(server: Server, value: str) -> None:
    """The annotation {0} is written into the picture"""
    plain = picture(server, server.main, "?viewport=512,512")
    written = picture(server, server.main, f"?viewport=512,512&annotation={value}")
    if plain.rows == written.rows:
        raise Fault("the picture is the same")


@check("8.3.5.1.2")
def quality_seen(server: Server) -> None:
    """A lower quality gives a smaller JPEG"""
    sizes = [
        len(server.get(f"{server.main.path}/rendered?quality={q}", "image/jpeg").content)
        for q in (5, 100)
    ]
    if not sizes[0] < sizes[1]:
        raise Fault(f"{sizes[0]} and {sizes[1]} bytes")


VIEWPORTS = [
    ("smaller", "main", "16,16", (16, 16)),
    ("larger", "main", "96,96", (96, 96)),
    ("wide-viewport", "main", "200,64", (64, 64)),
    ("high-viewport", "main", "48,300", (48, 48)),
    ("wide-image", "wide", "64,64", (64, 32)),
    ("wide-image-larger", "wide", "256,256", (256, 128)),
]


@check("8.3.5.1.3", rows=VIEWPORTS)
def viewport(server: Server, name: str, sample: str, value: str, wanted: tuple[int, int]) -> None:
    """viewport={2} fits the whole image in without changing its shape: {0}"""
    instance = server.stored(sample).first
    answer = server.get(f"{instance.path}/rendered?viewport={value}", "image/png")
    expect_status(answer, 200)
    found = size_of(answer.content)
    if found != wanted:
        raise Fault(f"{found[0]} × {found[1]}, not {wanted[0]} × {wanted[1]}")


@check("8.3.5.1.3")
def region(server: Server) -> None:
    """A viewport's source region is what is shown"""
    wide = server.stored("wide").first
    window = "window=2048,4096,linear"
    left = picture(server, wide, f"?viewport=32,32,0,0,32,32&{window}")
    right = picture(server, wide, f"?viewport=32,32,32,0,32,32&{window}")
    if not left.mean > right.mean + 100:
        raise Fault(f"mean brightness {left.mean:.0f} left, {right.mean:.0f} right")


@check("8.3.5.1.3")
def flipped(server: Server) -> None:
    """A negative width of the region flips the picture"""
    wide = server.stored("wide").first
    window = "window=2048,4096,linear"
    shown = picture(server, wide, f"?viewport=64,32,0,0,-64,32&{window}")
    if not shown.at(58, 5) > shown.at(5, 5) + 100:
        raise Fault(f"{shown.at(5, 5)} left, {shown.at(58, 5)} right")


@check("8.3.5.1.4")
def window(server: Server) -> None:
    """A window changes the brightness"""
    dark = picture(server, server.main, "?window=4000,100,linear")
    bright = picture(server, server.main, "?window=10,10,linear")
    if not bright.mean > dark.mean + 100:
        raise Fault(f"mean brightness {dark.mean:.0f} and {bright.mean:.0f}")


@check("8.3.5.1.4", rows=[("linear",), ("linear-exact",), ("sigmoid",)])
def window_function(server: Server, function: str) -> None:
    """The window's centre is mid-grey: {0}"""
    first = server.stored("wide").first
    # Cells of 4095, of which a window around them makes mid-grey.
    shown = picture(server, first, f"?window=4095.5,1000,{function}")
    if not 110 <= shown.at(5, 5) <= 145:
        raise Fault(f"{shown.at(5, 5)}")


@check("8.3.5.1.4")
def window_default(server: Server) -> None:
    """Without a window the image's own is used"""
    own = picture(server, server.main)
    same = picture(server, server.main, "?window=1500,3000,linear")
    pairs = zip(b"".join(own.rows), b"".join(same.rows), strict=True)
    if any(abs(one - two) > 2 for one, two in pairs):  # roundings may differ
        raise Fault("another picture than with that window")


@check("8.3.5.1.5", "optional")
def profile_embedded(server: Server) -> None:
    """iccprofile=srgb embeds a profile into a colour picture"""
    first = server.stored("colour").first
    answer = server.get(f"{first.path}/rendered?iccprofile=srgb", "image/jpeg")
    expect_status(answer, 200)
    if b"ICC_PROFILE" not in answer.content[:4000]:
        raise Fault("there is none")


@check("8.3.5.1.5")
def profile_cannot_be(server: Server) -> None:
    """iccprofile=srgb for a GIF, which cannot embed one, is refused with 400"""
    first = server.stored("colour").first
    expect_status(server.get(f"{first.path}/rendered?iccprofile=srgb", "image/gif"), 400)


@check("8.7.4", rows=[("syntax", "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50")])
def no_syntax(server: Server, name: str, accept: str) -> None:
    """A transfer-syntax on a rendered type is refused or ignored, without an error of the server"""
    expect_status(server.get(f"{server.main.path}/rendered", accept), 200, 400, 406)


REPORTS = [("default", "*/*", "text/html"), ("html", "text/html", "text/html"),
           ("plain", "text/plain", "text/plain"), ("xml", "text/xml", "text/xml")]  # fmt: skip


@check("8.7.4", "conditional", rows=REPORTS)
def report(server: Server, name: str, accept: str, wanted: str) -> None:
    """A report is rendered as {2} for Accept: {1}"""
    answer = server.get(f"{server.stored('report').first.path}/rendered", accept)
    expect_status(answer, 200)
    if content_type(answer) != wanted or not answer.content:
        raise Fault(content_type(answer) or "no Content-Type")


@check("8.7.4", "conditional")
def report_text(server: Server) -> None:
    """A rendered report has its text"""
    instance = server.stored("report").first
    kept = str(instance.metadata.get("0040A730", ""))
    if "normal" not in kept:
        raise NotApplicable("the server keeps no such text of what was stored")
    if "normal" not in server.get(f"{instance.path}/rendered", "text/html").text:
        raise Fault("it has not")


@check("8.7.4", "optional")
def document(server: Server) -> None:
    """An encapsulated PDF is rendered as application/pdf"""
    instance = server.stored("document").first
    answer = server.get(f"{instance.path}/rendered", "application/pdf")
    expect_status(answer, 200)
    if not answer.content.startswith(b"%PDF"):
        raise Fault("no PDF")


MOVING = [("gif", "image/gif", b"GIF8"), ("mp4", "video/mp4", b"ftyp")]


@check("8.7.4", "optional", rows=MOVING)
def moving(server: Server, name: str, media_type: str, mark: bytes) -> None:
    """A multi-frame image is rendered as {1}"""
    instance = server.stored("multi-frame").first
    answer = server.get(f"{instance.path}/rendered", media_type)
    expect_status(answer, 200)
    if content_type(answer) != media_type or mark not in answer.content[:16]:
        raise Fault(content_type(answer))


COMPRESSED = [("rle",), ("jpeg-baseline",), ("jpeg-lossless",), ("jpeg-ls",), ("jpeg-2000",),
              ("jpeg-2000-lossy",), ("htj2k",), ("jpeg-xl",), ("implicit",), ("big-endian",),
              ("deflated",), ("segmentation",), ("multi-frame",)]  # fmt: skip


@check("10.4.1.1.3", "conditional", rows=COMPRESSED)
def of_all_syntaxes(server: Server, sample: str) -> None:
    """An image stored as {0} is rendered"""
    answer = server.get(f"{server.stored(sample).first.path}/rendered", "image/jpeg")
    expect_status(answer, 200)
    if kind_of(answer.content) != "image/jpeg":
        raise Fault("no JPEG")


@check("10.4.3.1", "conditional")
def nothing_to_render(server: Server) -> None:
    """An instance that no picture can be made of is refused with 406, 400 or 404, as a picture"""
    answer = server.get(f"{server.stored('waveform').first.path}/rendered", "image/x-nothing")
    expect_status(answer, 400, 404, 406)
