"""What the terms of a rule are worth at a moment, and how that is told."""

from collections.abc import Mapping
from fractions import Fraction

from services.segmentation.explanation import words
from services.segmentation.explanation.claims import OPPOSITE, Claim, Symbol
from services.segmentation.explanation.tree import Reading
from services.segmentation.profile import Profile, Total
from services.segmentation.rules import nodes, thresholds
from services.segmentation.rules.decay import decayed_at, share_of
from services.segmentation.rules.leaves import latest_value, origin
from services.segmentation.rules.nodes import Literal
from services.segmentation.rules.request import HOUR, WEEKDAY, Facts
from services.segmentation.rules.said import told_at
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import Strand

_NOTHING = Literal("none", None)
_NUMBERS: Mapping[Symbol, str] = {
    "==": "{}",
    "!=": "anything but {}",
    "<": "less than {}",
    "<=": "at most {}",
    ">": "more than {}",
    ">=": "at least {}",
    "in": "{}",
    "not in": "anything but {}",
}
_TIMES: Mapping[Symbol, str] = {
    "==": "both at once",
    "!=": "not both at once",
    "<": "the first more recent",
    "<=": "the second no more recent",
    ">": "the second more recent",
    ">=": "the first no more recent",
}
_PARTS: Mapping[nodes.RfmPart, str] = {"r": "recency", "f": "frequency", "m": "value"}


def reading(claim: Claim, leaf: nodes.Leaf, scene: Scene, facts: Facts) -> Reading:
    """What the claim compares at the moment of `facts`."""
    if isinstance(leaf, nodes.Listed):
        return _listed(claim, leaf, scene.profile, facts)
    assert claim.term is not None
    value = value_at(claim.term, scene, facts, claim)
    threshold = _threshold(claim, scene, facts.at_ms)
    value_text, fact = told(claim, value), _fact(claim, value)
    if claim.other is not None:
        fact += f" and {_time_fact(claim.other, threshold)}"
    return Reading(claim, words.plain(value), value_text, words.plain(threshold), asked(claim), fact)


def value_at(term: nodes.Term, scene: Scene, facts: Facts, claim: Claim) -> object:
    """The value of a term: a number, milliseconds, whatever an event or the request says; None where there is none."""
    match term:
        case nodes.Since() | nodes.Tenure() | nodes.Sequence():
            begun_ms = origin(term)(scene)
            return None if begun_ms is None else facts.at_ms - begun_ms
        case nodes.Trait() | nodes.Last():
            return latest_value(term, scene.profile)
        case nodes.Decayed():
            return decayed_at(Strand(term.events.type, term.events.filters), term.halflife_ms)(scene, facts.at_ms)
        case nodes.Share():
            part, whole = Strand(term.type, (term.part,)), Strand(term.type, ())
            return share_of(part, whole, term.halflife_ms)(scene)
        case nodes.Request(path):
            return _requested(path, facts, (*claim.literals, _NOTHING)[0])
        case nodes.Cluster() | nodes.Score() | nodes.Rfm():
            return told_at(term, scene, facts.at_ms)
    value = thresholds.value_at(term, scene, facts.at_ms)
    if isinstance(value, Total):
        return Fraction(value.millionths, 10**6 * value.numbers) if value.numbers else None
    return Fraction(value, 10**6) if isinstance(term, nodes.Sum) else value


def told(claim: Claim, value: object) -> str:
    """The value in words."""
    match claim.term:
        case nodes.Since() | nodes.Tenure() | nodes.Sequence():
            return "never" if value is None else words.age(value) if isinstance(value, int) else ""
        case nodes.Decayed() | nodes.Share() | nodes.Average() | nodes.Score() if isinstance(value, float | Fraction):
            return words.inexact(float(words.plain(value)), claim.literals)
        case nodes.Request("weekday"):
            return words.weekday(value)
    return words.said(value)


def asked(claim: Claim, *, opposite: bool = False) -> str:
    """What the claim, or its opposite, asks of the value."""
    symbol = OPPOSITE.get(claim.symbol, claim.symbol) if opposite else claim.symbol
    if claim.other is not None:
        return _TIMES[symbol]
    if symbol in ("completed", "listed"):
        return ""
    values = words.any_of([_literal(claim, each) for each in claim.literals]) or "one of no values"
    shape = _NUMBERS[symbol]
    if symbol == "<" and isinstance(claim.term, nodes.Count | nodes.Distinct):
        shape = "fewer than {}"
    return shape.format(values)


def _literal(claim: Claim, literal: Literal) -> str:
    if literal.kind == "duration":
        assert isinstance(literal.value, int)
        return words.length(literal.value)
    if claim.term == nodes.Request(WEEKDAY):
        return words.weekday(literal.value)
    return words.said(literal.value)


def _threshold(claim: Claim, scene: Scene, at_ms: int) -> object:
    if claim.other is not None:
        begun_ms = origin(claim.other)(scene)
        return None if begun_ms is None else at_ms - begun_ms
    values = [literal.value for literal in claim.literals]
    return values if claim.symbol in ("in", "not in") else values[0] if values else None


def _requested(path: str, facts: Facts, literal: Literal) -> object:
    """What the request says; a text that is JSON of something larger is left to be a text."""
    value = facts.value(path, literal)
    return facts.values.get(path) if isinstance(value, list | dict) else value


def _listed(claim: Claim, leaf: nodes.Listed, profile: Profile, facts: Facts) -> Reading:
    listing = profile.lists.get(leaf.list_id)
    lasts = listing is not None and (listing.until_ms is None or facts.at_ms < listing.until_ms)
    is_on = listing is not None and listing.listed and lasts
    fact = f"is {'' if is_on else 'not '}on the list {leaf.list_id}"
    return Reading(claim, is_on, words.said(is_on), None, "", fact)


def _fact(claim: Claim, value: object) -> str:
    text, term = told(claim, value), claim.term
    match term:
        case nodes.Count(events):
            return f"has {text} {words.events(events)}{words.within(events.within)}"
        case nodes.Distinct(events, field):
            return f"has {text} different {words.path(field)} among {_counted(events)}"
        case nodes.Sum(events, field):
            return f"has a total {words.path(field)} of {text} over {_counted(events)}"
        case nodes.Average(events, field):
            name, over = words.path(field), _counted(events)
            return f"has no {name} over {over}" if value is None else f"has an average {name} of {text} over {over}"
        case nodes.Decayed(events, halflife_ms):
            return f"has a fading count of {text} {words.events(events)} (half-life {words.length(halflife_ms)})"
        case nodes.Share(event_type, part, halflife_ms):
            what = f"{words.passed(part)} among {event_type}"
            return f"has a share of {text} for {what} (half-life {words.length(halflife_ms)})"
        case nodes.Since() | nodes.Tenure() | nodes.Sequence():
            return _time_fact(term, value)
        case nodes.Cluster() | nodes.Score() | nodes.Rfm():
            return _model_fact(term, value, text)
    assert isinstance(term, nodes.ValueTerm | nodes.Request)
    return _value_fact(term, value, text)


def _counted(events: nodes.Selection) -> str:
    return words.events(events) + words.within(events.within)


def _time_fact(term: nodes.TimeTerm, value: object) -> str:
    age = None if value is None else words.age(int(str(value)))
    match term:
        case nodes.Tenure():
            return "has no event yet" if age is None else f"had the first event {age} ago"
        case nodes.Since(events):
            what = words.events(events)
            return f"never had {words.article(what)}" if age is None else f"had the latest {what} {age} ago"
        case nodes.Sequence(steps, within_ms):
            what = ", then ".join(words.events(each) for each in steps)
            what += f" within {words.length(within_ms)}" if within_ms else ""
            return f"never had {what}" if age is None else f"had {what}, completed {age} ago"


def _value_fact(term: nodes.ValueTerm | nodes.Request, value: object, text: str) -> str:
    match term:
        case nodes.Trait(name):
            return f"has no trait {words.said(name)}" if value is None else f"has the trait {words.said(name)} {text}"
        case nodes.Last(path):
            return f"has no {words.said(path)}" if value is None else f"has the latest {words.said(path)} {text}"
        case nodes.Request(path) if path in (HOUR, WEEKDAY) and value is not None:
            return f"the request is {f'at hour {text}' if path == HOUR else f'on {text}'}"
        case nodes.Request(path):
            return f"the request tells {f'no {words.said(path)}' if value is None else f'{words.said(path)} {text}'}"


def _model_fact(term: nodes.ModelTerm, value: object, text: str) -> str:
    by_model = f"by the model {term.model}"
    match term:
        case nodes.Cluster():
            return f"is in no cluster {by_model}" if value is None else f"is in the cluster {text} {by_model}"
        case nodes.Score():
            return f"has no score {by_model}" if value is None else f"has a score of {text} {by_model}"
        case nodes.Rfm(_, part):
            which = f"{_PARTS[part]} {by_model}"
            return f"has no class for {which}" if value is None else f"has class {text} of 5 for {which}"
