"""Signals: each looks for one thing in an event, and says what it found and what that rests on.

What is not known finds nothing: a missing place, an empty profile, a session without a country.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from auth.risk.events import Event, Flag, Kind, NetworkDecision, Proof, SessionSeen, Verdict
from auth.risk.places import apart_km
from auth.risk.policy import AttestationRule, Policy
from auth.risk.profile import Profile, Sighting
from auth.risk.reasons import Code, Decision, Follow, Input, Reason

__all__ = ["SIGNALS"]

Signal = Callable[[Event, Profile, Policy], Iterator[Reason]]

HOUR_SECONDS = 3600


def certain(event: Event, profile: Profile, policy: Policy) -> Iterator[Reason]:
    """A token outside its key's device, a refresh token that was used up, an authentication class that the session never had."""
    for flag in Flag:
        if flag not in event.flags:
            continue
        follow = Follow(step_up_sessions=_ids(event.other_sessions)) if flag is Flag.TWO_DEVICES_ONE_SESSION else Follow(alarm=True)
        inputs = {"device": event.device, "session": event.session.id if event.session else None}
        yield Reason(code=Code(flag.value), points=policy.points.certain, inputs=inputs, at_least=Decision.TERMINATE, follow=follow)


def one_session_two_countries(event: Event, profile: Profile, policy: Policy) -> Iterator[Reason]:
    before, country = event.session, event.place.country
    if before is None or _same_or_unknown(before.country, country) or abs(event.at - before.last_seen_at) >= policy.same_session_within:
        return
    yield Reason(
        code=Code.ONE_SESSION_TWO_COUNTRIES,
        points=policy.points.certain,
        inputs={"session": before.id, "from": before.country, "to": country, "last_seen_at": _text(before.last_seen_at)},
        at_least=Decision.TERMINATE,
        follow=Follow(step_up_sessions=_ids(event.other_sessions)),
    )


def travel(event: Event, profile: Profile, policy: Policy) -> Iterator[Reason]:
    """Faster than an airliner from where the customer was last seen; without a city at both ends, another country within the hour."""
    before, here = profile.before(event.at), Sighting.of(event)
    if before is None:
        return
    hours = (event.at - before.at).total_seconds() / HOUR_SECONDS
    ends: dict[str, Input] = {"from": _named(before), "to": _named(here), "hours": round(hours, 4)}
    if before.spot is None or here.spot is None:
        if not _same_or_unknown(before.country, here.country) and event.at - before.at < policy.country_change_within:
            yield Reason(code=Code.COUNTRY_CHANGED, points=policy.points.country_changed, inputs=ends)
        return
    distance = apart_km(before.spot, here.spot)
    if distance <= policy.travel_km or distance <= policy.travel_kmh * hours:
        return
    ends["km"] = round(distance)
    # A mobile operator's addresses jump across the country, and a tunnel ends where it likes: that is no journey.
    if all(_explained(end, profile, policy) for end in (before, here)):
        yield Reason(code=Code.TRAVEL_BETWEEN_KNOWN_NETWORKS, points=policy.points.travel_between_known_networks, inputs=ends)
    else:
        yield Reason(code=Code.IMPOSSIBLE_TRAVEL, points=policy.points.impossible_travel, inputs=ends, at_least=Decision.STEP_UP)


def elsewhere_at_once(event: Event, profile: Profile, policy: Policy) -> Iterator[Reason]:
    """Another session in another country, both in use: the newer one has to prove itself, the older one hears of it."""
    began_at = event.session.began_at if event.session else event.at
    confirmed_at = event.session.confirmed_at if event.session else None
    active = [
        other
        for other in event.other_sessions
        if not _same_or_unknown(other.country, event.place.country) and abs(event.at - other.last_seen_at) < policy.sessions_within
    ]
    older = tuple(other for other in active if other.began_at <= began_at and not _settled(confirmed_at, other.began_at, event.at, policy))
    newer = tuple(other for other in active if other.began_at > began_at and not _settled(other.confirmed_at, began_at, event.at, policy))
    if older:
        yield Reason(
            code=Code.ELSEWHERE_AT_ONCE,
            points=policy.points.elsewhere_at_once,
            inputs={"country": event.place.country, "elsewhere": _told(older)},
            at_least=Decision.STEP_UP,
            follow=Follow(notify_sessions=_ids(older)),
        )
    if newer:
        notified = (event.session.id,) if event.session else ()
        yield Reason(
            code=Code.NEWER_SESSION_ELSEWHERE,
            points=0,
            inputs={"country": event.place.country, "elsewhere": _told(newer)},
            follow=Follow(notify_sessions=notified, step_up_sessions=_ids(newer)),
        )


def new_device(event: Event, profile: Profile, policy: Policy) -> Iterator[Reason]:
    """A key that this customer never had: it takes two factors to let it in, and it may do little at first."""
    if not event.device_known:
        yield Reason(
            code=Code.NEW_DEVICE,
            points=policy.points.new_device,
            inputs={"device": event.device, "proof": event.proof.value},
            at_least=Decision.STEP_UP if event.proof is Proof.NONE else Decision.ALLOW,
            follow=Follow(notify=True, device_limits_until=event.at + policy.new_device_limits_for),
        )


def new_network(event: Event, profile: Profile, policy: Policy) -> Iterator[Reason]:
    """A country or an operator that the customer was never seen in, and networks that hide who is behind them."""
    place = event.place
    # Against an empty history everything is new, which says nothing.
    if place.country is not None and profile.countries and place.country not in profile.countries:
        known = " ".join(sorted(profile.countries))
        yield Reason(code=Code.NEW_COUNTRY, points=policy.points.new_country, inputs={"country": place.country, "known": known})
    if place.asn is not None and profile.asns and place.asn not in profile.asns:
        yield Reason(code=Code.NEW_ASN, points=policy.points.new_asn, inputs={"asn": place.asn, "name": place.asn_name})
    if place.hosting or place.asn in policy.hosting_asns:
        inputs: dict[str, Input] = {"asn": place.asn, "name": place.asn_name, "listed": place.asn in policy.hosting_asns}
        yield Reason(code=Code.HOSTING, points=policy.points.hosting, inputs=inputs)


def attestation(event: Event, profile: Profile, policy: Policy) -> Iterator[Reason]:
    rule, said = policy.attestation[event.tier], event.attestation
    verdict, age = said.verdict, event.at - said.checked_at if said.checked_at else None
    # Only praise grows old: a device that was rooted once is not whole again by waiting.
    if verdict is Verdict.GENUINE and (age is None or age > policy.attestation_good_for):
        verdict = Verdict.MISSING
    if rule is AttestationRule.OFF or verdict is Verdict.GENUINE or (verdict is Verdict.MISSING and rule is AttestationRule.PREFER):
        return
    yield Reason(
        code=Code.ATTESTATION,
        points=policy.points.attestation,
        inputs={"verdict": said.verdict.value, "rule": rule.value, "age_seconds": round(age.total_seconds()) if age is not None else None},
        at_least=Decision.REFUSE if verdict in policy.refused_verdicts else Decision.ALLOW,
    )


def failed_factors(event: Event, profile: Profile, policy: Policy) -> Iterator[Reason]:
    failed = sum(event.failed_factors.values())
    if failed < policy.failed_factors_from:
        return
    locked = tuple(sorted(factor for factor, count in event.failed_factors.items() if count >= policy.lock_factor_from))
    inputs: dict[str, Input] = {"failed": failed, **{f"failed_{factor}": count for factor, count in sorted(event.failed_factors.items())}}
    yield Reason(code=Code.FAILED_FACTORS, points=policy.points.failed_factors, inputs=inputs, follow=Follow(lock_factors=locked))


def guessed_password(event: Event, profile: Profile, policy: Policy) -> Iterator[Reason]:
    """A login that found the right password, from where or with what others are tried: it may be the thief who found it."""
    if event.kind is not Kind.LOGIN:
        return
    points, told = policy.points, Follow(notify=True)
    if event.network is not NetworkDecision.ALLOW:
        inputs: dict[str, Input] = {"prefix": event.prefix, "asn": event.place.asn, "network": event.network.value}
        yield Reason(code=Code.ATTACKED_NETWORK, points=points.attacked_network, inputs=inputs, at_least=Decision.STEP_UP, follow=told)
    if event.password_sprayed:
        yield Reason(code=Code.SPRAYED_PASSWORD, points=points.sprayed_password, inputs={"sprayed": True}, at_least=Decision.STEP_UP, follow=told)


def unusual_time(event: Event, profile: Profile, policy: Policy) -> Iterator[Reason]:
    if profile.is_unusual_hour(event.at, least=policy.usual_hours_from, around=policy.usual_hours_around):
        yield Reason(code=Code.UNUSUAL_HOUR, points=policy.points.unusual_hour, inputs={"hour_utc": event.at.hour})
    last = profile.dormant_since(event.at, after=policy.dormant_after)
    if last is not None:
        yield Reason(code=Code.DORMANT, points=policy.points.dormant, inputs={"last_seen_at": _text(last), "days": (event.at - last).days})


# In the order in which reasons are told.
SIGNALS: tuple[Signal, ...] = (
    certain,
    one_session_two_countries,
    travel,
    elsewhere_at_once,
    new_device,
    new_network,
    attestation,
    failed_factors,
    guessed_password,
    unusual_time,
)


def _same_or_unknown(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _explained(end: Sighting, profile: Profile, policy: Policy) -> bool:
    known = profile.knows_network(prefix=end.prefix, asn=end.asn, after=policy.known_network_after)
    return known or end.hosting or end.asn in policy.hosting_asns


def _settled(confirmed_at: datetime | None, both_since: datetime, now: datetime, policy: Policy) -> bool:
    """Whether the newer session proved itself since both were there; else every refresh of two travellers asks again."""
    return confirmed_at is not None and confirmed_at >= both_since and now - confirmed_at <= policy.confirmed_for


def _ids(sessions: tuple[SessionSeen, ...]) -> tuple[str, ...]:
    return tuple(session.id for session in sessions)


def _told(sessions: tuple[SessionSeen, ...]) -> str:
    return " ".join(f"{session.id}:{session.country}" for session in sessions)


def _named(sighting: Sighting) -> str:
    return f"{sighting.country or 'unknown'} {sighting.prefix or 'unknown'}"


def _text(at: datetime) -> str:
    return at.isoformat()
