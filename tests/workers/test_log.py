"""No secret reaches a log line, whatever path it takes."""

from workers.log import Redaction, redact_text

_TOKEN = "EAAB" + "x1" * 20


def test_a_token_is_cut_out_wherever_it_stands():
    clean = Redaction(("very-private",))
    line = clean(
        None,
        "info",
        {
            "event": f"called with {_TOKEN}",
            "access_token": "abc",
            "detail": {"url": "https://x/?access_token=abc&y=1", "deep": [f"{_TOKEN}", "very-private here"]},
        },
    )

    assert _TOKEN not in str(line)
    assert "very-private" not in str(line)
    assert "abc" not in str(line)
    assert "y=1" in str(line)


def test_the_password_of_an_address_is_cut_out():
    assert redact_text("redis://:hunter2@127.0.0.1:6379/0") == "redis://:[hidden]@127.0.0.1:6379/0"


def test_the_operation_s_token_stays_since_it_joins_both_sides_logs():
    assert Redaction()(None, "info", {"op_token": "KXQ2"})["op_token"] == "KXQ2"
