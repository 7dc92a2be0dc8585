"""Models learn from a recording: every event in order of time, every user sampled as it would be live, and once more as
it was last."""

from collections.abc import Iterable, Sequence

from rich.console import Console

from services.model_tools.moment import Moment
from services.model_tools.named_segments import NamedSegments
from services.model_tools.people import People, Person
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
                moment = self._moment(step.person)
                for study in self._studies:
                    study.follow(moment, event.type, step.before)

    def look_back(self) -> None:
        """Have everybody sampled once more, as each was at the end."""
        done = 0

        def far() -> Far:
            return Far(done / len(self._people), f"{done:,} users as they were last  {self._of_models()}")

        for person in shown(self._console, "looking back", self._people.everybody(), far):
            done += 1
            moment = self._moment(person)
            for study in self._studies:
                study.look_back(moment)

    def _moment(self, person: Person) -> Moment:
        return Moment(person, person.profile.latest_ms, self._zones.of(person.space), self._named)

    def _of_models(self) -> str:
        return "  ".join(f"{study.model_id}: {study.samples:,}, version {study.version}" for study in self._studies)
