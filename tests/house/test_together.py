"""Cases that are tried together fail one by one, by their names."""

from inspect import signature

import pytest

from tests.cases.together import together


def test_every_case_is_tried_and_those_that_fail_are_named() -> None:
    tried = []

    @together("number, word", [(1, "a"), (2, "b"), (3, "c"), (4, "d")], ids=["one", "two", "three", "four"])
    def check(number: int, word: str, tmp_path: str) -> None:
        tried.append((number, word, tmp_path))
        assert number % 2
        if number == 3:
            pytest.fail("odd")

    assert [*signature(check).parameters] == ["tmp_path"]
    with pytest.raises(BaseExceptionGroup, match="3 of 4 cases: case: two; case: three; case: four") as caught:
        check(tmp_path="here")
    assert tried == [(1, "a", "here"), (2, "b", "here"), (3, "c", "here"), (4, "d", "here")]
    assert [type(error) for error in caught.value.exceptions] == [AssertionError, pytest.fail.Exception, AssertionError]


def test_decorations_multiply() -> None:
    tried = []

    @together("a", [1, 2])
    @together("b", "xy", made=str.upper)
    def check(a: int, b: str) -> None:
        tried.append((a, b))

    check()
    assert tried == [(1, "X"), (1, "Y"), (2, "X"), (2, "Y")]


def test_a_case_is_left_out_and_a_test_is_where_all_are() -> None:
    @together("number", range(3))
    def some(number: int) -> None:
        if number < 2:
            pytest.skip("small")

    some()
    with pytest.raises(pytest.skip.Exception, match="0: never; 1: never"):
        together("number", range(2))(lambda number: pytest.skip("never"))()
    with pytest.raises(AssertionError, match="has no"):
        together("other", [1])(lambda number: None)
