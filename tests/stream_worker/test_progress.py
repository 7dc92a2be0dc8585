"""What is told of lag and age: by positions, by the log's ends and by when records were appended."""

from services.stream_worker.progress import Progress


def test_the_lag_is_what_the_log_has_beyond_the_watermarks_of_owned_partitions() -> None:
    progress = Progress()
    progress.own({1, 2})
    progress.opened(1, 10)
    progress.opened(2, 20)
    progress.learn({0: 99, 1: 15, 2: 20}, 0)
    assert progress.lag == 5
    progress.applied(1, 13)
    assert progress.lag == 2
    progress.applied(2, 25)  # further than the ends that were asked for before
    assert progress.lag == 2
    progress.own({2})
    assert progress.lag == 0


def test_a_partition_that_cannot_be_opened_again_keeps_its_lag() -> None:
    progress = Progress()
    progress.own({1})
    progress.opened(1, 10)
    progress.learn({1: 10}, 1_000)
    progress.own({1})  # closed meanwhile, because Redis is away
    progress.learn({1: 17}, 3_000)
    assert (progress.lag, progress.oldest_s(9_000)) == (7, 8.0)


def test_the_oldest_waits_since_the_last_look_that_found_nothing_to_apply() -> None:
    progress = Progress()
    progress.opened(1, 10)
    progress.learn({1: 10}, 1_000)
    progress.learn({1: 10}, 3_000)
    assert progress.oldest_s(4_000) == 0
    progress.learn({1: 12}, 5_000)
    assert progress.oldest_s(9_000) == 6.0


def test_the_oldest_is_as_old_as_the_record_that_cannot_be_applied() -> None:
    progress = Progress()
    progress.opened(1, 10)
    progress.opened(2, 10)
    progress.learn({1: 12, 2: 11}, 50_000)
    assert progress.oldest_s(51_000) == 1.0  # nothing is known of them but that they were there then
    progress.reached(1, 20_000)
    assert progress.oldest_s(51_000) == 31.0
    progress.applied(1, 12)
    assert progress.oldest_s(51_000) == 1.0


def test_a_clock_that_is_behind_the_logs_makes_no_negative_age() -> None:
    progress = Progress()
    progress.opened(1, 10)
    progress.learn({1: 12}, 50_000)
    progress.reached(1, 90_000)
    assert progress.oldest_s(51_000) == 0


def test_a_rewind_is_told_once_and_by_how_much() -> None:
    progress = Progress()
    assert progress.opened(1, 10) == 0
    progress.applied(1, 40)
    assert progress.opened(1, 25) == 15
    assert progress.opened(1, 25) == 0
    progress.own(set())
    assert progress.opened(1, 70) == 0
    assert progress.opened(1, 60) == 10
