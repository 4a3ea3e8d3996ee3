"""Notices of incidents and of their clocks: which words, which facts. Pure."""

from __future__ import annotations

from datetime import datetime

from nlp_service.crisis.incidents import RAISED, Incident, IncidentChange
from nlp_service.crisis.response.clock import ESCALATION, OVERDUE
from nlp_service.crisis.response.playbooks import Step
from nlp_service.crisis.response.statements import draft, emotion_of
from nlp_service.duty.settings import Duty
from nlp_service.duty.signals import SIGNAL
from nlp_service.notify.notices import Line, Notice
from nlp_service.store.incident_records import AlarmRow, IncidentRow
from nlp_service.text.pii import mask

SEVERITIES = ("已并入其他事件", "待查看", "一般", "严重", "危机")
"""Names of severities 0 to 4."""

_VERBS = {"opened": "新事件", "raised": "事件升级", "reopened": "事件再次出现", "closed": "事件平息"}
_ALARMS = {"reminder": "即将到期", "overdue": "已到期未完成", "escalation": "超时升级"}


def subject_of(key: str) -> str:
    """How the outbox names an incident."""
    return f"incident:{key}"


def link_to(pages: str, key: str) -> str:
    """Where an incident is shown; empty without the address of such pages."""
    return f"{pages}{key}" if pages else ""


def of_change(change: IncidentChange, duty: Duty, now: datetime, *, link: str = "", take_link: str = "") -> Notice:
    """The notice of a change of an incident."""
    one = change.incident
    named = one.triggers[0] if one.kind == SIGNAL else one.category
    topic = duty.wordings.topics.get(named, named)
    # What becomes an incident only now was told to nobody before.
    verb = "新事件" if change.kind == RAISED and one.severity == 2 else _VERBS.get(change.kind, "事件更新")
    title = f"{verb}：{topic}（{SEVERITIES[one.severity]}）"
    if one.private:
        lines: tuple[Line, ...] = (
            Line("须知", "仅限受托人员处理，不公开、不点名、不删除"),
            Line("发现", f"{one.n_messages} 条消息"),
        )
        if not duty.helpline:
            lines = (*lines, Line("提醒", "尚未设置求助热线文本"))
        text = _draft("care", one, "grief", duty, now)
        return _notice(change, title, lines, (), text, link, take_link)
    if one.kind == SIGNAL:
        return _notice(change, title, _measured(one), (), "", link, take_link)
    texts = [quote.text for quote in one.quotes]
    text = _draft("first", one, emotion_of(texts, duty.wordings), duty, now) if one.severity >= 2 else ""
    return _notice(change, title, _facts(one), tuple(map(covered, texts[:3])), text, link, take_link)


def of_alarm(alarm: AlarmRow, step: Step, now: datetime, *, link: str = "", take_link: str = "") -> Notice:
    """The notice that a step is due soon, was not done, or must be taken up by somebody else."""
    incident = alarm.incident
    late = alarm.kind in (OVERDUE, ESCALATION)
    return Notice(
        kind=f"step.{alarm.kind}",
        subject=subject_of(incident.key),
        title=f"{_ALARMS[alarm.kind]}：{step.title.split('：')[0]}",
        severity=min(4, max(incident.severity, 3 if alarm.kind == ESCALATION else 0)),
        category=incident.category,
        at=now,
        lines=(
            Line("步骤", step.title),
            Line("负责", alarm.to if alarm.kind != ESCALATION else f"{step.owner} → {alarm.to}"),
            Line("时限", _clock_of(incident, step, late=late)),
        ),
        link=link,
        take_link=take_link,
        is_private=incident.is_private,
        role=alarm.to,
    )


def covered(text: str) -> str:
    """A quote with personal data covered."""
    return mask(text)


def _clock_of(incident: IncidentRow, step: Step, *, late: bool) -> str:
    minutes = step.due_s / 60
    name = f"{minutes:.0f} 分钟" if minutes < 120 else f"{minutes / 60:.0f} 小时"
    return f"开始后 {name}{'，已过' if late else '内'}"


def _facts(one: Incident) -> tuple[Line, ...]:
    lines = [Line("涉及", f"{one.people} 人，{one.n_messages} 条消息")]
    lines.append(
        Line("社群", "、".join(one.channels[:5]) + (f" 等 {len(one.channels)} 个" if len(one.channels) > 5 else ""))
    )
    lines += [
        Line(name, "、".join(value for value, _ in values[:3]))
        for name, values in (("产品", one.products), ("地区", one.regions))
        if values
    ]
    minutes = max(0, round((one.updated_at - one.first_message_at).total_seconds() / 60))
    lines.append(Line("首条距今", f"{minutes} 分钟"))
    if one.outlook:
        first = one.outlook[0]
        lines.append(Line("下一小时预计", f"{first.expected:.0f} 条（{first.low}–{first.high}）"))
    return tuple(lines)


def _measured(one: Incident) -> tuple[Line, ...]:
    said = dict(trigger.split(":", 1) for trigger in one.triggers[1:])
    lines = [Line("当前", said.get("value", "")), Line("界限", said.get("bound", ""))]
    if one.channels:
        lines.insert(0, Line("社群", one.channels[0]))
    hours = (one.updated_at - one.first_message_at).total_seconds() / 3600
    lines.append(Line("已持续", f"{hours:.0f} 小时" if hours >= 2 else f"{hours * 60:.0f} 分钟"))
    return tuple(lines)


def _draft(purpose: str, one: Incident, emotion: str, duty: Duty, now: datetime) -> str:
    noticed = one.opened_at or one.noticed_at
    named = {"category": one.category, "channels": one.channels, "noticed_at": noticed, "now": now}
    return draft(purpose, emotion=emotion, wordings=duty.wordings, helpline=duty.helpline, **named).text  # type: ignore[arg-type]


def _notice(
    change: IncidentChange,
    title: str,
    lines: tuple[Line, ...],
    quotes: tuple[str, ...],
    text: str,
    link: str,
    take_link: str,
) -> Notice:
    one = change.incident
    return Notice(
        kind=f"incident.{change.kind}",
        subject=subject_of(one.id),
        title=title,
        severity=one.severity,
        category=one.category,
        at=change.at,
        community=one.channels[0] if len(one.channels) == 1 else "",
        lines=lines,
        quotes=quotes,
        draft=text,
        link=link,
        take_link=take_link,
        is_private=one.private,
    )
