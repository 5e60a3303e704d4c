from rotator.clock import SYSTEM_CLOCK


def test_jitter_lies_between_its_bounds_and_differs() -> None:
    drawn = {SYSTEM_CLOCK.uniform(2, 3) for _ in range(100)}

    assert all(2 <= each < 3 for each in drawn)
    assert len(drawn) > 1


def test_range_of_one_value_has_no_jitter() -> None:
    assert SYSTEM_CLOCK.uniform(2, 2) == 2
