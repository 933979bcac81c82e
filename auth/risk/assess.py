"""Assessment: the score of an event, its reasons, and what is decided; pure, so the past can be judged again by another policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter

from auth.risk.events import Event, Kind, Proof
from auth.risk.policy import Policy
from auth.risk.profile import Profile
from auth.risk.reasons import Decision, Follow, Reason, follow_all, strictest
from auth.risk.signals import SIGNALS

__all__ = ["Assessment", "Replayed", "Shadowed", "assess", "assess_in_shadow", "learned", "replay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What was decided of one event. Who records it keeps the first one per event id, and answers a retry with it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    event_id: UUID
    policy_version: str
    score: int
    reasons: tuple[Reason, ...]
    decision: Decision
    follow: Follow

    def met_by(self, event: Event) -> bool:
        """Whether the event itself proves what the decision asks for.

        A login never does: its factors are what a thief has who came this far. The step-up comes after it.
        """
        proof = Proof.NONE if event.kind is Kind.LOGIN else event.proof
        match self.decision:
            case Decision.ALLOW:
                return True
            case Decision.STEP_UP:
                return proof is not Proof.NONE
            case Decision.STEP_UP_WITH_APPROVAL_KEY:
                return proof is Proof.APPROVAL_KEY
            case Decision.REFUSE | Decision.TERMINATE:
                return False

    def to_json(self) -> bytes:
        return _ASSESSMENT.dump_json(self)

    @classmethod
    def from_json(cls, text: bytes) -> Assessment:
        """What `to_json` wrote.

        Raises:
            ValueError: it is not that.
        """
        return _ASSESSMENT.validate_json(text)


_ASSESSMENT = TypeAdapter(Assessment)


def assess(event: Event, profile: Profile, policy: Policy) -> Assessment:
    """What to do about an event, given where the customer was seen before it."""
    reasons = tuple(reason for signal in SIGNALS for reason in signal(event, profile, policy))
    score = sum(reason.points for reason in reasons)
    decision = strictest([_by_score(score, policy), *(reason.at_least for reason in reasons)])
    follow = follow_all([*(reason.follow for reason in reasons), Follow(notify=decision.at_least(Decision.STEP_UP_WITH_APPROVAL_KEY))])
    return Assessment(event_id=event.id, policy_version=policy.version, score=score, reasons=reasons, decision=decision, follow=follow)


def learned(profile: Profile, event: Event, assessment: Assessment) -> Profile:
    """The profile afterwards: an event becomes part of what is usual only once the customer proved as much as it took."""
    return profile.seen(event) if assessment.met_by(event) else profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowed:
    """One event under two policies, both to be recorded; only `enforced` is acted upon, and only it teaches the profile."""

    enforced: Assessment
    shadow: Assessment

    @property
    def differs(self) -> bool:
        return self.enforced.decision is not self.shadow.decision


def assess_in_shadow(event: Event, profile: Profile, *, enforced: Policy, shadow: Policy) -> Shadowed:
    return Shadowed(enforced=assess(event, profile, enforced), shadow=assess(event, profile, shadow))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a policy would have decided, in order of time, and the profile that it would have come to."""

    policy_version: str
    assessments: tuple[Assessment, ...]
    profile: Profile


def replay(events: Iterable[Event], profile: Profile, policies: Sequence[Policy]) -> tuple[Replayed, ...]:
    """What would have happened under each policy, from the profile before the first event.

    An event that stands twice counts once. Each event keeps what was recorded with it, such as failures counted and sessions seen then.
    """
    once = {event.id: event for event in sorted(events, key=lambda event: (event.at, event.id))}
    return tuple(_replay(list(once.values()), profile, policy) for policy in policies)


def _replay(events: Sequence[Event], profile: Profile, policy: Policy) -> Replayed:
    assessments = []
    for event in events:
        assessments.append(assess(event, profile, policy))
        profile = learned(profile, event, assessments[-1])
    return Replayed(policy_version=policy.version, assessments=tuple(assessments), profile=profile)


def _by_score(score: int, policy: Policy) -> Decision:
    if score >= policy.refuse_from:
        return Decision.REFUSE
    if score >= policy.approval_key_from:
        return Decision.STEP_UP_WITH_APPROVAL_KEY
    return Decision.STEP_UP if score >= policy.step_up_from else Decision.ALLOW
