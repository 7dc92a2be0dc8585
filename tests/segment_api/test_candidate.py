"""What a rule that asks the ad request could say, before one is made."""

from services.segment_api.preview.candidate import possible
from services.segmentation.intervals import ALWAYS, NEVER
from services.segmentation.rules.residual import Asked, both, either, negate


def test_what_could_be_takes_each_question_as_it_suits() -> None:
    window = (10, 20)
    assert possible(both(Asked(0), window)) == window
    assert possible(either(both(Asked(0), window), both(negate(Asked(0)), (30,)))) == (10, 20, 30)
    assert possible(negate(either(Asked(0), window))) == possible(negate(window))
    assert (possible(Asked(3, False)), possible(NEVER)) == (ALWAYS, NEVER)
