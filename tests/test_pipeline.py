"""Stages in threads: in order, bounded, and gone when they are no longer needed."""

import threading
from functools import partial

import pytest

from mobilehumanpose.pipeline import Behind, ahead


def names_of_threads(prefix: str) -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(prefix)]


def test_items_come_in_order_from_another_thread():
    makers = []

    def make():
        for number in range(50):
            makers.append(threading.current_thread())
            yield number

    assert list(ahead(make(), 3)) == list(range(50))
    assert len(set(makers)) == 1
    assert makers[0] is not threading.current_thread()
    assert not names_of_threads("ahead")


def test_no_more_is_made_than_allowed():
    made = []

    def make():
        for number in range(100):
            made.append(number)
            yield number

    items = ahead(make(), 4)
    for number in items:
        assert number == len(made[: number + 1]) - 1
        assert len(made) <= number + 1 + 4
        if number == 10:
            break
    items.close()
    assert len(made) <= 15
    assert not names_of_threads("ahead")


def test_an_error_comes_after_the_items_before_it():
    def make():
        yield 1
        yield 2
        raise KeyError("three")

    items = ahead(make(), 5)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(KeyError, match="three"):
        next(items)
    assert not names_of_threads("ahead")


def test_a_reader_who_leaves_closes_the_maker():
    closed = []

    def make():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    items = ahead(make(), 2)
    next(items)
    items.close()
    assert closed == [True]
    assert not names_of_threads("ahead")


def test_work_is_done_in_order_before_leaving():
    done = []
    with Behind(2) as later:
        for number in range(20):
            later(done.append, number)
    assert done == list(range(20))
    assert not names_of_threads("behind")


def test_at_most_so_much_waits():
    gate = threading.Event()
    asked = []

    def ask_six(later):
        for number in range(6):
            later(gate.wait)
            asked.append(number)

    with Behind(3) as later:
        asker = threading.Thread(target=ask_six, args=(later,))
        asker.start()
        asker.join(0.2)
        assert len(asked) == 3
        gate.set()
        asker.join()
    assert len(asked) == 6


def ask(limit: int, work: list, error: Exception | None = None) -> None:
    with Behind(limit) as later:
        for one in work:
            later(one)
        if error is not None:
            raise error


def test_failing_work_is_reported():
    def fail():
        raise KeyError("disk")

    for limit in (1, 20):
        with pytest.raises(KeyError, match="disk"):
            ask(limit, [fail] * 10)
    assert not names_of_threads("behind")


def test_after_an_error_of_the_caller_what_waits_is_dropped():
    gate, done = threading.Event(), []
    threading.Timer(0.2, gate.set).start()
    work = [gate.wait] + [partial(done.append, number) for number in range(4)]
    with pytest.raises(KeyError, match="caller"):
        ask(5, work, KeyError("caller"))
    assert done == []
    assert not names_of_threads("behind")
