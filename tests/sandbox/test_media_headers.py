"""What images and films say of themselves is read from their first bytes; anything else is none."""

import io

import pytest

from sandbox.media_headers import Film, read_film, read_picture
from tests.sandbox import pictures


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (pictures.png(300, 157), "png"),
        (pictures.gif(300, 157), "gif"),
        (pictures.jpeg(300, 157), "jpg"),
        (pictures.webp(300, 157), "webp"),
        (pictures.webp(300, 157, kind="VP8L"), "webp"),
        (pictures.webp(300, 157, kind="VP8 "), "webp"),
    ],
)
def test_the_sides_of_every_format_are_read(content: bytes, suffix: str) -> None:
    picture = read_picture(content)
    assert picture is not None
    assert (picture.suffix, picture.width, picture.height) == (suffix, 300, 157)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\xff\xd8", b"\xff\xd8\xff", b"GIF89a", b"RIFF1234WEBPVP8X", pictures.gif(0, 5)]
)
def test_what_is_no_image_is_none(content: bytes) -> None:
    assert read_picture(content) is None


@pytest.mark.parametrize("whole", [pictures.png(), pictures.jpeg(9, 9), pictures.webp(9, 9), pictures.gif(9, 9)])
def test_a_header_cut_anywhere_does_no_harm(whole: bytes) -> None:
    for length in range(len(whole)):
        picture = read_picture(whole[:length])
        assert picture is None or picture.width > 0


def test_a_film_tells_its_length_and_sides() -> None:
    film = read_film(io.BytesIO(pictures.mp4(seconds=12.5, width=640, height=360, filler=b"x" * 5_000)))
    assert film == Film(length_s=12.5, width=640, height=360)


def test_bytes_that_are_no_film_tell_nothing_and_a_cut_film_does_no_harm() -> None:
    assert read_film(io.BytesIO(b"\x00\x01nothing here")) == Film()
    whole = pictures.mp4()
    for length in range(len(whole)):
        assert read_film(io.BytesIO(whole[:length])).length_s in (0.0, 12.5)
