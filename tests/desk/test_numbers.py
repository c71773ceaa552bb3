from __future__ import annotations

import pytest

from cm_queue.desk.numbers import number_in, page_in

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("", None), (None, None)]
    + [(text, None) for text in ("-1", "+1", "1.0", " 1", "1e3", "٣", "²", "１")],
)
def test_what_an_address_holds_is_a_number_or_nothing(text: str | None, number: int | None):
    assert number_in(text) == number


def test_a_page_is_the_first_one_where_no_other_is_named():
    assert [page_in(text) for text in ("3", "999999", "1000000", "x", None)] == [3, 999_999, 1, 1, 1]
