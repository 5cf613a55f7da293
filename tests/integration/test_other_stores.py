"""The same server on PostgreSQL and S3: settings only, no other code."""

from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from server.metrics import FOLDER
from tests.support.datasets import ct_slice, ct_stack, encoded
from tests.support.multipart import parts_of, related
from tests.support.postgres import postgresql
from tests.support.server import running_server, storescu

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]
BUCKET = "running-server"


@pytest.mark.promise("F101", "F102")
def test_the_main_job_on_postgresql_and_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)
    # moto stands in for an S3-compatible server until the scale-out work installs a real one.
    s3 = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    host, port = s3.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=BUCKET)
    with postgresql() as url:
        settings = {
            "READINGROOM_DATABASE_URL": url,
            "READINGROOM_BLOBS": f"s3://{BUCKET}/archive",
            "READINGROOM_S3_ENDPOINT": endpoint,
        }
        with running_server(tmp_path / "server", settings) as server:
            body, content_type = related(encoded(ds) for ds in ct_stack(2))
            session = server.session()
            headers = {"Content-Type": content_type}
            answer = session.post(f"{server.root}/studies", data=body, headers=headers, timeout=60)
            assert answer.status_code == 200, answer.text
            (tmp_path / "three.dcm").write_bytes(encoded(ct_slice(3)))
            assert storescu(server, tmp_path / "three.dcm", options=()).returncode == 0
            [study] = session.get(f"{server.root}/studies", timeout=20).json()
            assert study["00201208"]["Value"] == [3]
            url_of_one = answer.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
            frame = session.get(f"{url_of_one}/frames/1", timeout=20)
            assert parts_of(frame)[0][1] == ct_slice(1).PixelData
            # Nothing of it lies in the data folder but the secret, and what was counted.
            files = [path for path in server.data.rglob("*") if path.is_file()]
            assert [path.name for path in files if path.parent.name != FOLDER] == ["secret"]
    assert len(client.list_objects_v2(Bucket=BUCKET)["Contents"]) == 3
    s3.stop()
