"""Buckets and web addresses are read as files are, from real servers on this machine."""

import functools
import http.server
import io
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelrun import datasets
from modelrun.errors import InfrastructureError, UserMistake
from modelrun_api.spec import Data

TABLE = pa.table({"x": [1.0, 2.0], "y": [3.0, 4.0]})


@pytest.fixture(scope="module")
def bucket():
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "something")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket="research")
        sink = io.BytesIO()
        pq.write_table(TABLE, sink)
        client.put_object(Bucket="research", Key="a/panel.parquet", Body=sink.getvalue())
        client.put_object(Bucket="research", Key="panel.csv", Body=b"x,y\n1.0,3.0\n2.0,4.0\n")
        yield
        client.close()
    server.stop()


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("key", ["a/panel.parquet", "panel.csv"])
def test_a_bucket_is_read_like_a_folder(key: str, tmp_path) -> None:
    data = Data(uri=f"s3://research/{key}", where="x > 1")
    assert datasets.schema(data, base=tmp_path).names == ["x", "y"]
    assert datasets.read(data, base=tmp_path, columns=["y"]).to_pydict() == {"y": [4.0]}


@pytest.mark.usefixtures("bucket")
def test_what_is_not_in_the_bucket_is_the_user_s_mistake(tmp_path) -> None:
    for address in ("s3://research/none.parquet", "s3://no-bucket-here/a.parquet"):
        with pytest.raises(UserMistake, match=f"no data file {address}"):
            datasets.schema(Data(uri=address), base=tmp_path)


@pytest.fixture
def site(tmp_path):
    pq.write_table(TABLE, tmp_path / "panel.parquet")
    (tmp_path / "panel.csv").write_text("x,y\n1.0,3.0\n2.0,4.0\n")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(5)


@pytest.mark.parametrize("name", ["panel.parquet", "panel.csv"])
def test_a_web_address_is_read_like_a_file(site: str, name: str, tmp_path) -> None:
    data = Data(uri=f"{site}/{name}")
    assert datasets.schema(data, base=tmp_path).names == ["x", "y"]
    assert datasets.read(data, base=tmp_path).to_pydict() == TABLE.to_pydict()


def test_a_web_page_that_is_not_there_is_the_user_s_mistake(site: str, tmp_path) -> None:
    with pytest.raises(UserMistake, match="no data file"):
        datasets.schema(Data(uri=f"{site}/none.parquet"), base=tmp_path)


def test_a_server_that_does_not_answer_is_tried_again_later(tmp_path) -> None:
    with pytest.raises(InfrastructureError, match="run again"):
        datasets.schema(Data(uri="http://127.0.0.1:9/panel.parquet"), base=tmp_path)
