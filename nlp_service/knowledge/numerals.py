"""Numerals written in digits, and the units that they count.

"一百二十元" becomes "120元", "百分之五十" "50%", "半小时" "0.5小时", "1,299" "1299". A Han numeral
that counts nothing ("一起") stays.
"""

from __future__ import annotations

import re
from fractions import Fraction

_DIGITS = {char: value for value, chars in enumerate(("零〇", "一", "二两", "三", *"四五六七八九")) for char in chars}
_POWERS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
MULTIPLES = {**_POWERS, "w": 10_000, "k": 1000}
_HAN_NUMBER = "".join(_DIGITS) + "".join(_POWERS)

# Dimension, size in its smallest unit, and the words for it.
UNITS = {
    word: (dimension, Fraction(size))
    for dimension, size, words in (
        ("minute", "1/60", "秒 秒钟 s"),
        ("minute", "1", "分钟 min mins"),
        ("minute", "60", "小时 个小时 钟头 个钟头 h hr hrs hour hours"),
        ("minute", "1440", "天 自然日 个自然日 day days"),
        ("minute", "10080", "周 星期 个星期 礼拜 个礼拜"),
        ("workday", "1", "工作日 个工作日 交易日 个交易日"),
        ("month", "1", "个月"),
        ("month", "12", "年 周年"),
        ("yuan", "1", "元 块 块钱 元钱 人民币 rmb"),
        ("yuan", "1/10", "角 毛 毛钱"),
        ("dollar", "1", "美元 美金 usd"),
        ("%", "1", "%"),
        ("fold", "1", "折"),
        ("gram", "1", "克 g"),
        ("gram", "500", "斤"),
        ("gram", "1000", "千克 公斤 kg"),
        ("metre", "1/1000", "毫米 mm"),
        ("metre", "1/100", "厘米 cm"),
        ("metre", "1", "米 m"),
        ("metre", "1000", "千米 公里 km"),
        ("litre", "1/1000", "毫升 ml"),
        ("litre", "1", "升 l"),
        ("degree", "1", "度 摄氏度 °c"),
        ("piece", "1", "个 件 只 份 样 款 种 项"),
        ("person", "1", "人 名 位"),
        ("time", "1", "次 回 遍"),
        ("point", "1", "分 积分"),
        *((word, "1", word) for word in "张条台部本瓶盒套组步家间页行字级岁倍楼层期轮票单笔币星代集章点号"),
        *((word, "1", word) for word in ("kb", "mb", "gb", "tb", "mah")),
    )
    for word in words.split()
}
_WORDS = sorted(UNITS, key=lambda word: (-len(word), word))
# "一次性" and "十分之三" hold no unit.
UNIT = "|".join(word + ("(?![a-z0-9])" if word.isascii() and word != "%" else "") for word in _WORDS)
UNIT = f"(?:{UNIT})(?<!次(?=性))(?<!分(?=之))"
NUMBER = r"\d{1,32}(?:\.\d{1,16})?"

_THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3}){1,8}(?![\d,])")
_PERCENT = re.compile(rf"百分之([{_HAN_NUMBER}]{{1,16}}|{NUMBER})")
_HALF_AFTER = re.compile(r"(?<![\d.])(\d{1,4}|[一两二三四五六七八九十])个半(?=小时|月|钟头)")
_HALF = re.compile(r"半(?=个?(?:小时|钟头|月)|[天年]|个星期)")
_HAN = re.compile(
    rf"(?<![\d.{_HAN_NUMBER}])(?P<whole>[{_HAN_NUMBER}]{{1,16}})(?:点(?P<part>[零〇一二三四五六七八九]{{1,8}})(?=[元块折个度倍]))?"
    rf"(?= ?[多余]?(?:{UNIT}|[月日刻](?!用)))"
)
# "一个" is an article, "十分" an adverb, "万一" a conjunction.
_NO_NUMBER = re.compile(r"(?:一 ?[个种位张条份件点部款项家步名台号样]|一[回代]$|十分(?!钟)|[万亿零])")


def spell_out(plain: str) -> str:
    """Write numbers of a normalised text in digits where they count something, without separators."""
    plain = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), plain.replace("百分百", "100%"))
    plain = _PERCENT.sub(lambda match: f"{_digits(match[1])}%", plain)
    plain = _HALF_AFTER.sub(lambda match: f"{_digits(match[1])}.5个", plain)
    plain = _HALF.sub("0.5", plain)
    return _HAN.sub(lambda match: _in_digits(match, plain), plain)


def _in_digits(match: re.Match[str], plain: str) -> str:
    if _NO_NUMBER.match(plain[match.start() : match.end() + 2]):
        return match[0]
    part = "" if match["part"] is None else "." + _digits(match["part"])
    return _digits(match["whole"]) + part


def _digits(numeral: str) -> str:
    """A numeral in digits; "二〇二六" is read digit by digit."""
    if numeral[0].isascii():
        return numeral
    if not any(char in _POWERS for char in numeral):
        return "".join(str(_DIGITS[char]) for char in numeral)
    total = section = digit = 0
    for char in numeral:
        power = _POWERS.get(char)
        if power is None:
            digit = _DIGITS[char]
        elif power >= 10_000:
            total, section, digit = (total + section + digit) * power, 0, 0
        else:
            section, digit = section + (digit or 1) * power, 0
    return str(total + section + digit)
