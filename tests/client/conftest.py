import pytest
from client_support import Client
from fake_server import FakeServer
from PIL import Image


@pytest.fixture
def server():
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture
def photos(tmp_path):
    """Four small pictures, each of one colour and size of its own, and a file that is none."""
    folder = tmp_path / "in"
    folder.mkdir()
    for i, name in enumerate(("a.jpg", "b.PNG", "c.webp", "d.bmp")):
        Image.new("RGB", (20 + i, 10), (60 * i, 200 - 60 * i, 90)).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def client(server, photos, tmp_path):
    return Client(server.port, photos, tmp_path / "out")
