"""An operator's changes of the profile: other literals, stricter rows, nothing looser."""

from pathlib import Path

import pytest

from deid.profile import default_profile
from server.config import Settings
from server.errors import ConfigError
from server.profile import load_profile
from server.services import Services
from tests.deid.build import Element, instance
from tests.deid.engine import run


def profile_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "profile.toml"
    file.write_text(text, "utf-8")
    return file


def test_without_a_file_it_is_the_default_profile() -> None:
    assert load_profile(None) is default_profile()


def test_literals_and_stricter_rows_are_applied_and_named(tmp_path: Path) -> None:
    text = '[literals]\nPatientName = "Teaching^File"\nSourceApplicationEntityTitle = "TEACH"\n'
    text += '[stricter]\nSeriesDescription = "remove"\n"00181210" = "empty"\nStudyDate = "empty"\n'
    profile = load_profile(profile_file(tmp_path, text))
    extra: list[Element] = [
        (0x00080020, "DA", b"20200102"),
        (0x0008103E, "LO", b"CHEST"),
        (0x00181210, "SH", b"B30f"),
        (0x00081115, "SQ", [[(0x00100010, "PN", b"Quxley"), (0x0008103E, "LO", b"CHEST")]]),
    ]
    output = run(instance(extra), profile=profile)
    assert output.ds.PatientName == "Teaching^File"
    assert output.ds.file_meta.SourceApplicationEntityTitle == "TEACH"
    assert "SeriesDescription" not in output.ds
    assert output.ds.ConvolutionKernel == ""
    assert output.ds.StudyDate == ""
    item = output.ds.ReferencedSeriesSequence[0]
    assert item.PatientName == "Teaching^File"
    assert "SeriesDescription" not in item
    receipt = output.result.receipt
    assert receipt.version.endswith("+local")
    assert receipt.sha256 == profile.sha256 != default_profile().sha256
    assert list(output.ds.DeidentificationMethod)[2] == profile.sha256


def test_where_a_value_must_stand_a_dummy_does(tmp_path: Path) -> None:
    profile = load_profile(profile_file(tmp_path, '[stricter]\nStructureSetLabel = "remove"\n'))
    label: Element = (0x30060002, "SH", b"CHEST")
    data = instance([label], sop_class="1.2.840.10008.5.1.4.1.1.481.3")
    assert run(data).ds.StructureSetLabel == "CHEST"
    assert run(data, profile=profile).ds.StructureSetLabel == "Removed"


@pytest.mark.parametrize(
    "text",
    [
        "[literals\n",
        "[rows]\nPatientName = 'x'\n",
        "[literals]\nPatientName = 5\n",
        "[literals]\nNoSuchKeyword = 'x'\n",
        "[literals]\nSeriesDescription = 'x'\n",
        "[literals]\nStudyID = 'longer than sixteen characters'\n",
        "[literals]\nPatientName = 'a\\\\b'\n",
        "[stricter]\nSeriesDescription = 'keep'\n",
        "[stricter]\nInstitutionName = 'dummy'\n",
        "[stricter]\nPatientComments = 'empty'\n",
        "[stricter]\nPatientName = 'remove'\n",
        "[stricter]\nSOPInstanceUID = 'remove'\n",
        "[stricter]\nPixelData = 'remove'\n",
        "[stricter]\n00091001 = 'remove'\n",
    ],
)
def test_what_is_not_possible_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_profile(profile_file(tmp_path, text))
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).endswith(".")


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    services = Services(Settings(data=tmp_path, profile=str(tmp_path / "none.toml")))
    with pytest.raises(ConfigError):
        _ = services.ingest


def test_the_server_stores_with_it(tmp_path: Path) -> None:
    file = profile_file(tmp_path, '[literals]\nPatientID = "TEACHING"\n')
    services = Services(Settings(data=tmp_path / "data", profile=str(file)))
    assert services.ingest.profile is services.profile
    assert services.profile.literals[0x00100020] == "TEACHING"
