"""Answers as bytes: at a glance where that is enough, else as `answer.py` tells them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from services.runtime.clock import Clock
from services.segment_api.lookups.answer import Answer, Answering, Question
from services.segment_api.lookups.page import Page
from services.segment_api.lookups.strangers import Strangers
from services.segmentation.catalog import Catalog
from services.segmentation.time_zones import TimeZones


class Written(NamedTuple):
    outcome: str
    """known, unknown, degraded or refused."""
    body: bytes


def written(answer: Answer) -> Written:
    return Written(outcome_of(answer), orjson.dumps(answer))


def outcome_of(answer: Answer) -> str:
    if answer["degraded"]:
        return "degraded"
    if "error" in answer:
        return "refused"
    return "known" if answer["known"] else "unknown"


@dataclass
class Writer:
    """`unreadable` is told of stored bytes that cannot be read; the answer for such a user is degraded."""

    catalog: Callable[[], Catalog]
    zones: TimeZones
    consent_required: bool
    now_ms: Clock
    unreadable: Callable[[Exception], None]
    strangers: Strangers = field(default_factory=Strangers)
    _page: Page | None = None

    @property
    def remembered_bytes(self) -> int:
        """What the answers that are remembered take, about."""
        return 0 if self._page is None else self._page.remembered_bytes

    def write(self, user_id: str, stored: bytes | None, answering: Answering) -> Written | None:
        """The answer from a stored membership; None where it takes the profile."""
        body = self._at_a_glance(user_id.encode(), stored, answering)
        if body is not None:
            return Written("unknown" if stored is None else "known", body)
        try:
            answer = answering.from_membership(user_id, stored)
        except Exception as error:  # bytes of a newer version, or damaged ones: nothing that is wrong with the request
            self.unreadable(error)
            answer = answering.degraded(user_id)
        return None if answer is None else written(answer)

    def answering(self, question: Question) -> Answering:
        catalog, zone = self.catalog(), self.zones.of(question.space)
        stranger = self.strangers.of(catalog, zone)
        return Answering(question, catalog, stranger, zone, self.now_ms(), self.consent_required)

    def _at_a_glance(self, user_id: bytes, stored: bytes | None, answering: Answering) -> bytes | None:
        question, catalog, page = answering.question, answering.catalog, self._page
        if page is None or page.catalog is not catalog:
            if catalog is not self.catalog():  # edited meanwhile: pages are of the newest, and remember much
                return None
            page = self._page = Page(catalog, consent_required=self.consent_required)
        try:
            if stored is not None:
                return page.known(user_id, stored, question, answering.zone, answering.now_ms)
            return page.unknown(user_id, answering.stranger, question, answering.zone, answering.now_ms)
        except Exception:  # it is told by whoever finds out what is wrong with these bytes
            return None
