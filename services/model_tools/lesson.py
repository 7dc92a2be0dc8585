"""Models learn from a recording: every event in order of time, every user sampled as it would be live."""

from collections.abc import Iterable, Sequence

from rich.console import Console

from services.model_tools.moment import Moment
from services.model_tools.named_segments import NamedSegments
from services.model_tools.people import People
from services.model_tools.progress import Far, shown
from services.model_tools.study import Study
from services.segmentation.events import Event
from services.segmentation.time_zones import TimeZones


class Lesson:
    def __init__(
        self, studies: Sequence[Study], people: People, named: NamedSegments, zones: TimeZones, console: Console
    ) -> None:
        self._people = people
        self._studies, self._named, self._zones, self._console = studies, named, zones, console

    def hear(self, events: Iterable[Event], number: int) -> None:
        """Take all events, of which there are so many."""
        done = 0

        def far() -> Far:
            return Far(done / number, f"{done:,} events  {len(self._people):,} users  {self._of_models()}")

        for event in shown(self._console, "learning", events, far):
            done += 1
            step = self._people.add(event)
            if step is not None:
                person = step.person
                moment = Moment(person, person.profile.latest_ms, self._zones.of(person.space), self._named)
                for study in self._studies:
                    study.follow(moment, event.type, step.before_ms)

    def _of_models(self) -> str:
        return "  ".join(f"{study.model_id}: {study.samples:,}, version {study.version}" for study in self._studies)
