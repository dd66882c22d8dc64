import socket

import pytest

from embedded.ports import HOST, PortBook


@pytest.fixture
def book_path(tmp_path):
    return tmp_path / "ports.json"


@pytest.fixture
def listener():
    """A stranger who listens on a port of the kernel's choice."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def reserved(path, name="flower", **options):
    book = PortBook(path)
    try:
        return book.reserve(name, **options)
    finally:
        book.close()


def test_a_port_is_remembered_by_name_for_the_next_start(book_path):
    first = reserved(book_path)
    assert [reserved(book_path), reserved(book_path, "sandbox") == first] == [first, False]
    assert PortBook(book_path).last("flower") == first
    assert PortBook(book_path).last("nobody") is None


def test_a_taken_preferred_port_gives_a_free_one_above_it_which_is_recorded(book_path, listener):
    port = reserved(book_path, preferred=listener)
    assert port != listener
    assert PortBook(book_path).last("flower") == port


def test_a_preferred_port_held_by_another_instance_that_does_not_listen_yet_is_taken_too(book_path, tmp_path):
    other = PortBook(tmp_path / "other.json")
    held = other.reserve("flower")
    assert reserved(book_path, preferred=held) != held
    other.close()
    assert reserved(tmp_path / "third.json", preferred=held) == held


def test_a_new_preference_wins_over_the_remembered_port(book_path):
    remembered = reserved(book_path)
    with socket.create_server((HOST, 0)) as momentary:
        free = momentary.getsockname()[1]
    assert remembered != reserved(book_path, preferred=free) == free


def test_a_remembered_port_that_somebody_took_meanwhile_is_replaced(book_path):
    remembered = reserved(book_path)
    with socket.create_server((HOST, remembered)):
        assert reserved(book_path) != remembered


def test_a_server_may_listen_on_a_held_port_and_again_after_its_death(book_path):
    book = PortBook(book_path)
    port = book.reserve("flower")
    for _ in range(2):
        with socket.create_server((HOST, port)) as server, socket.create_connection((HOST, port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # closing first leaves TIME_WAIT on the server's side
            assert client.recv(1) == b""
    assert book.reserve("flower") == port
    book.close()


def test_a_damaged_port_book_is_begun_anew(book_path):
    book_path.write_text("{")
    assert reserved(book_path) == PortBook(book_path).last("flower")
