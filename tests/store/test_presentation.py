"""Presentation states: what they do to grey levels, where they put things, what they leave out."""

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from store.encoded import Picture
from store.errors import CannotDecode
from store.presentation import image_of, presented

SIZE = 64


def item(**attributes: object) -> Dataset:
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, Sequence([value]) if isinstance(value, Dataset) else value)
    return ds


IMAGE = item(BitsStored=8, SOPInstanceUID="2.25.1", WindowCenter=0, WindowWidth=1)
# Dark above, bright in the right lower corner.
VALUES = np.zeros((SIZE, SIZE), np.uint8)
VALUES[32:, :] = 100
VALUES[48:, 48:] = 200


def seen(
    values: Picture = VALUES,
    viewport: tuple[int, int] | None = None,
    **state: Any,  # noqa: ANN401 - any attribute
) -> Picture:
    return presented(item(**state), IMAGE, values, viewport=viewport)


def test_without_transformations_levels_stay_and_the_images_own_do_not_count() -> None:
    assert (seen() == VALUES).all()


def test_window_table_and_inversion() -> None:
    window = item(WindowCenter=100, WindowWidth=2)
    assert set(np.unique(seen(SoftcopyVOILUTSequence=window))) <= {0, 128, 255}
    other = item(
        WindowCenter=0,
        WindowWidth=1,
        ReferencedImageSequence=item(ReferencedSOPInstanceUID="2.25.9"),
    )
    assert (seen(SoftcopyVOILUTSequence=other) == VALUES).all()
    assert (seen(PresentationLUTShape="INVERSE") == 255 - VALUES).all()
    table = item(LUTDescriptor=[256, 0, 8], LUTData=bytes(range(255, -1, -1)))
    assert (seen(PresentationLUTSequence=table) == 255 - VALUES).all()
    assert (seen(RescaleSlope=1, RescaleIntercept=-50) == VALUES).all()


@pytest.mark.parametrize(
    ("rotation", "flip", "corner"),
    [
        (0, "N", (1, 1)),
        (90, "N", (1, 0)),
        (180, "N", (0, 0)),
        (270, "N", (0, 1)),
        (0, "Y", (1, 0)),
        (90, "Y", (1, 1)),
    ],
)
def test_rotation_is_clockwise_and_goes_before_the_flip(
    rotation: int, flip: str, corner: tuple[int, int]
) -> None:
    point = item(GraphicType="POINT", GraphicAnnotationUnits="PIXEL", GraphicData=[60.0, 60.0])
    black = np.zeros((SIZE, SIZE), np.uint8)
    state: dict[str, Any] = {"ImageRotation": rotation, "ImageHorizontalFlip": flip}
    picture = seen(**state)
    drawn = seen(black, GraphicAnnotationSequence=item(GraphicObjectSequence=point), **state)

    for shown in (picture, drawn):
        down, across = np.unravel_index(np.argmax(shown), shown.shape)
        assert (int(down > 32), int(across > 32)) == corner


def test_the_displayed_area_fills_the_viewport() -> None:
    area = item(
        DisplayedAreaTopLeftHandCorner=[49, 49], DisplayedAreaBottomRightHandCorner=[64, 64]
    )
    picture = seen(DisplayedAreaSelectionSequence=area, viewport=(32, 40))
    assert picture.shape == (32, 32)
    assert picture.min() == 200


def test_an_area_beyond_the_image_is_black_there() -> None:
    area = item(
        DisplayedAreaTopLeftHandCorner=[-63, 1], DisplayedAreaBottomRightHandCorner=[64, 64]
    )
    picture = seen(np.full((SIZE, SIZE), 255, np.uint8), DisplayedAreaSelectionSequence=area)
    assert picture.shape == (64, 128)
    assert picture[:, :64].max() == 0
    assert picture[:, 64:].min() == 255


@pytest.mark.parametrize(
    "corners", [([65, 1], [70, 64]), ([1, 1], [0, 0]), ([1, 1], [9999, 9999]), ([-9, -9], [0, 0])]
)
def test_an_area_that_shows_nothing_or_too_much_is_refused(
    corners: tuple[list[int], list[int]],
) -> None:
    area = item(
        DisplayedAreaTopLeftHandCorner=corners[0], DisplayedAreaBottomRightHandCorner=corners[1]
    )
    with pytest.raises(CannotDecode):
        seen(DisplayedAreaSelectionSequence=area)


@pytest.mark.parametrize(
    "shutter",
    [
        {
            "ShutterShape": "RECTANGULAR",
            "ShutterLeftVerticalEdge": 17,
            "ShutterRightVerticalEdge": 48,
            "ShutterUpperHorizontalEdge": 17,
            "ShutterLowerHorizontalEdge": 48,
        },
        {
            "ShutterShape": "CIRCULAR",
            "CenterOfCircularShutter": [32, 32],
            "RadiusOfCircularShutter": 16,
        },
        {
            "ShutterShape": "POLYGONAL",
            "VerticesOfThePolygonalShutter": [17, 17, 17, 48, 48, 48, 48, 17],
        },
    ],
)
def test_shutters_hide_what_lies_outside(shutter: dict[str, Any]) -> None:
    picture = seen(np.full((SIZE, SIZE), 255, np.uint8), **shutter)
    assert picture[32, 32] == 255
    assert picture[2, 2] == picture[61, 61] == picture[32, 4] == 0
    grey = seen(np.full((SIZE, SIZE), 255, np.uint8), ShutterPresentationValue=0x8080, **shutter)
    assert grey[2, 2] == 128


def test_graphics_and_text_are_drawn() -> None:
    black = np.zeros((SIZE, SIZE), np.uint8)

    def drawn(**graphic: object) -> Picture:
        inner = item(GraphicAnnotationUnits="PIXEL", **graphic)
        return seen(black, GraphicAnnotationSequence=item(GraphicObjectSequence=inner))

    line = drawn(GraphicType="POLYLINE", GraphicData=[0.0, 10.0, 64.0, 10.0])
    assert line[9:12].max(axis=0).min() == 255 > line[20:].max() == 0
    circle = drawn(GraphicType="CIRCLE", GraphicData=[32.0, 32.0, 52.0, 32.0])
    assert circle[32, 32] == 0 < circle[32, 50:54].max()
    filled = drawn(
        GraphicType="ELLIPSE",
        GraphicFilled="Y",
        GraphicData=[12.0, 32.0, 52.0, 32.0, 32.0, 22.0, 32.0, 42.0],
    )
    assert filled[32, 32] == 255 > filled[15, 32] == 0
    text = item(
        UnformattedTextValue="Calculus",
        AnchorPoint=[5.0, 5.0],
        AnchorPointAnnotationUnits="PIXEL",
    )
    assert seen(black, GraphicAnnotationSequence=item(TextObjectSequence=text)).max() > 200


@pytest.mark.parametrize(
    "graphic",
    [
        {"GraphicType": "POLYLINE", "GraphicData": [1.0]},
        {"GraphicType": "POLYLINE", "GraphicData": [float("nan"), 1.0, 2.0, 3.0]},
        {"GraphicType": "POLYLINE", "GraphicData": [1e30, 1.0, 2.0, 3.0]},
        {"GraphicType": "CIRCLE", "GraphicData": [1.0, 2.0]},
        {"GraphicType": "SPIRAL", "GraphicData": [1.0, 2.0, 3.0, 4.0]},
        {},
    ],
)
def test_what_makes_no_sense_is_left_out(graphic: dict[str, Any]) -> None:
    annotation = item(GraphicObjectSequence=item(**graphic), TextObjectSequence=item())
    assert (seen(GraphicAnnotationSequence=annotation) == VALUES).all()


def test_colour_is_refused() -> None:
    with pytest.raises(CannotDecode):
        seen(np.zeros((8, 8, 3), np.uint8))


def test_the_images_of_a_state_are_found() -> None:
    image = item(ReferencedSOPInstanceUID="2.25.1")
    frame = item(ReferencedSOPInstanceUID="2.25.2", ReferencedFrameNumber=[3, 4])
    series = [item(ReferencedImageSequence=image), item(ReferencedImageSequence=frame), item()]
    state = Dataset()
    state.ReferencedSeriesSequence = Sequence(series)
    assert list(image_of(state)) == [("2.25.1", 1), ("2.25.2", 3)]
