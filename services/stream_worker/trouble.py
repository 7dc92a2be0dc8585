"""What is wrong between a partition's watermark and what the log holds, in words for an operator. Pure."""

from services.segmentation.wire.watermark import NoWatermark


def trouble(position: int, begin: int | None, end: int | None) -> str | None:
    """None where the log holds all that is to be applied next; `begin` and `end` are None where they are not known."""
    if begin is None or end is None:
        return f"record {position} is gone, and what the log holds is not known"
    if position < begin:
        return f"{_records(position, begin - 1)} gone: the log begins at {begin}"
    if position > end:
        return f"the log ends at {end}, before the watermark {position}: it is another log, or lost its end"
    return None


def unfit(watermark: NoWatermark) -> str:
    if watermark.repair:
        return f"a repair is under way: `tranche repair {watermark.repair}`"
    return "its watermark is no number"


def missing(position: int, begin: int | None) -> int:
    """Records that are gone and were never applied, at most: offsets need not be dense."""
    return max(0, (begin or 0) - position)


def choices(partition: int) -> str:
    """What an operator can do about it."""
    return (
        f"`tranche repair skip {partition}` accepts the loss and goes on with what the log holds next; "
        f"`tranche repair rebuild {partition}` forgets the partition's users and folds what the log still holds"
    )


def _records(first: int, last: int) -> str:
    return f"record {first} is" if first == last else f"records {first} to {last} are"
