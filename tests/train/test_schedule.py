"""Learning rates."""

import pytest

from mobilehumanpose.train.schedule import CosineSchedule, StepSchedule


def test_learning_rate_warms_up_and_then_follows_a_cosine():
    schedule = CosineSchedule(peak_learning_rate=1.0, final_learning_rate=0.1, warmup_steps=100)
    rates = [schedule.learning_rate(step, num_steps=1000, num_epochs=1) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(rates[99], rel=0.01)
    assert rates[500] == pytest.approx(0.55, abs=0.01)
    assert rates[-1] == pytest.approx(0.1, abs=0.001)


def test_the_published_rate_falls_at_epochs_17_and_21():
    schedule = StepSchedule(start_learning_rate=1e-3, drop_epochs=(17, 21))
    rates = [
        schedule.learning_rate(epoch * 7 + step, num_steps=25 * 7, num_epochs=25)
        for epoch in range(25)
        for step in range(7)
    ]
    expected = [1e-3] * 17 * 7 + [1e-4] * 4 * 7 + [1e-5] * 4 * 7
    assert rates == pytest.approx(expected)
