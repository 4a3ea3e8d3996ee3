"""Mail addresses, WeChat and QQ accounts, number plates and street addresses in a normalised text.

None of them has a checksum, so each needs company: an account its cue, a plate its province, a place its street or
building number. Every pattern is bounded or anchored, so that time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nlp_service.text.personal_numbers import Finding, PersonalDataKind

_HAN = "\u4e00-\u9fff"

_MAIL = re.compile(
    r"(?<![a-z0-9_])([a-z0-9_][a-z0-9._%+-]{0,63}) ?@ ?(?:[a-z0-9](?:[a-z0-9-]{0,62})\.){1,4}"
    r"(?!(?:png|jpe?g|gif|webp|svg)(?![a-z0-9]))[a-z]{2,24}(?![a-z0-9-])"  # icon@2x.png is a file
)

_FILLER = rf"(?:号码?|[账帐]号|是|为|加我?|联系|搜索?|id(?=[^a-z0-9])|[^a-z0-9{_HAN}。!?;_&/]){{0,6}}"
_NO_AMOUNT = r"(?![a-z0-9_-]|[ ]?[元万亿块人个只次年月日条版%.])"
_WECHAT = re.compile(
    r"(?<![a-z0-9])(?P<native>wxid_[a-z0-9]{8,20})(?![a-z0-9])"
    r"|(?:(?P<call>[+加➕][ ]?(?:[vw薇微溦]信|[vw]x?(?![a-z])|[薇微溦]|卫星)|(?<![a-z0-9])[vw薇微](?=[ ]?[:号]))"
    r"|(?:[微薇威维徽溦]|(?<![a-z])[vw])[ .·-]?[信芯x]|(?<![a-z])(?:weixin|wei xin|wechat))"
    rf"(?P<filler>{_FILLER})(?P<id>[a-z][a-z0-9_-]{{5,19}}|[0-9]{{6,11}}){_NO_AMOUNT}"
)
_FIRM = re.compile(r"[号是为加搜:=]|id|联系")
_NO_ACCOUNT = re.compile(
    "iphone|android|windows|version|harmony(?:os)?|official|mobile|google|wechat|weixin|telegram|discord|whatsapp"
    "|facebook|twitter|instagram|tiktok|youtube|xiaomi|huawei|samsung|alipay|taobao"
)
_DAY = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])")

_QQ = re.compile(
    r"(?:(?<![a-z])q ?q|扣扣|抠抠|企鹅|球球|[+加➕][ ]?q|(?<![a-z0-9])q(?=[ ]?[:号]))"
    rf"{_FILLER}(?P<id>[1-9](?:[ -]?[0-9]){{4,10}}){_NO_AMOUNT}"
)

_PLATE = re.compile(
    r"(?:[京津沪渝冀豫云辽黑湘皖鲁苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][a-hj-np-z]|新[a-hj-np-r])[ ·.-]?"
    # Five places; six for electric vehicles, small ones with a letter first and large ones with it last.
    r"(?P<tail>[a-hjk][a-hj-np-z0-9][0-9]{4}|[0-9]{5}[a-hjk]|[a-hj-np-z0-9]{5}|[a-hj-np-z0-9]{4}[学警挂港澳])(?![a-z0-9])"
)
_MOST_PLATE_LETTERS = 2

_COUNT = r"(?:[0-9]{1,5}|[一二三四五六七八九十百零〇]{1,5})"
_CHAIN = re.compile(
    rf"(?:(?:{_COUNT}|(?<![a-z])[a-z])(?:号[院楼]|[号弄栋幢座组室#]|单元|楼|层)[ ,-]?){{1,7}}"
    rf"(?:{_COUNT}(?:[室房户]|(?![0-9{_HAN}])|(?=[室房户,。收的])))?"
    r"|(?<![0-9-])[0-9]{1,3}-[0-9]{1,2}-[0-9]{3,4}(?![0-9-])"
)
_STREET = re.compile(
    rf"[{_HAN}]{{1,8}}(?:[东南西北中大]道|大街|胡同|(?<![这那条走上马铁网思套出半顺让问线修跑赶迷一])路|(?<![逛上扫行条])街|巷)$"
)
_VILLAGE = re.compile(rf"[{_HAN}]{{1,6}}[县区市镇乡][{_HAN}]{{1,6}}村$")
_ESTATE = re.compile(rf"[{_HAN}]{{2,8}}(?:小区|花园|公寓|家园|新村|[苑府庭邨湾])[ ,]?$")
_REGION = re.compile(rf"[{_HAN}]+$")
# Up to here the characters before an address are the sentence around it, not its first part.
_LEAD_IN = re.compile(r".*(?:[住寄送在到是给来去了的]|位于|地址|我家)")
_AFTER_NUMBER = frozenset("线球链色字开到发之前后晚早上下结当才就又码通")  # "5号到货": a day; "12号线": a line
_LONGEST_REGION = 24
_SIGNS = re.compile(r"[0-9]|[一二三四五六七八九十百零〇]")


def find_contacts(units: str) -> Iterator[Finding]:
    """Find them in normalised text with one character a unit; kind by kind, each from left to right."""
    for match in _MAIL.finditer(units) if "@" in units else ():
        hidden = match.start(1) + (match.end(1) - match.start(1) > 1)
        yield Finding(PersonalDataKind.EMAIL, match.start(), match.end(), hidden, match.end(1))
    yield from _wechat(units)
    for match in _QQ.finditer(units):
        start, end = match.span("id")
        yield Finding(PersonalDataKind.QQ, start, end, start + 2, end)
    for match in _PLATE.finditer(units):
        if sum(char.isascii() and char.isalpha() for char in match["tail"]) <= _MOST_PLATE_LETTERS:
            yield Finding(PersonalDataKind.PLATE, match.start(), match.end(), *match.span("tail"))
    yield from _addresses(units)


def _wechat(units: str) -> Iterator[Finding]:
    for match in _WECHAT.finditer(units):
        start, end = match.span("native" if match["native"] else "id")
        account = units[start:end]
        is_firm = match["native"] or match["call"] or _FIRM.search(match["filler"])
        if _NO_ACCOUNT.fullmatch(account) or _DAY.fullmatch(account):
            continue
        # Without a colon, "号" or the like a plain word or a small number after "微信" may be anything.
        if is_firm or (len(account) >= 8 if account.isdigit() else not account.isalpha()):
            yield Finding(PersonalDataKind.WECHAT, start, end, start + (5 if match["native"] else 2), end)


def _addresses(units: str) -> Iterator[Finding]:
    for match in _CHAIN.finditer(units):
        start, end = match.span()
        before = units[max(0, start - _LONGEST_REGION) : start]
        chain = match[0]
        is_at_place = _STREET.search(before) or _VILLAGE.search(before)
        if is_at_place and ("号" in chain or "弄" in chain):
            # A number alone may be a day of the month; what follows tells.
            is_address = not (chain[-1] == "号" and units[end : end + 1] in _AFTER_NUMBER)
        else:
            is_address = _is_room(chain) or bool(_ESTATE.search(before) and _names_building(chain))
        if is_address:
            yield Finding(PersonalDataKind.ADDRESS, start - len(_region(before)), end, start, end)


def _is_room(chain: str) -> bool:
    """Whether a building and something within it are named."""
    return _names_building(chain) and re.search(r"单元|室|房|户|[0-9]{3,4}$|弄.*号", chain) is not None


def _names_building(chain: str) -> bool:
    return re.search(r"栋|幢|座|号楼|弄|-", chain) is not None


def _region(before: str) -> str:
    """The street, district and city at the end of `before`."""
    name = _REGION.search(before.rstrip(" ,"))
    if name is None:
        return ""
    lead_in = _LEAD_IN.match(name[0])
    region = name[0][lead_in.end() if lead_in else 0 :]
    return before[before.rindex(region) :] if region else ""
