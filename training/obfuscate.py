"""Messages rewritten as spammers hide them and as people mistype them.

text ─ kind ─► edits for every place it could change ─ a share of them ─► Variant ─ carry ─► spans in the new text
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import opencc
import pypinyin
from pypinyin.constants import PHRASES_DICT

from nlp_service.inference.heads import COLUMNS
from nlp_service.text.segment import Segmenter
from nlp_service.types import INTENTS
from training.examples import Example, key

OTHERS = 1 / 3  # harmless messages that are copied for each harmful one, of equally many
_HARMFUL = np.r_[COLUMNS["intent"].start + INTENTS.index("ad"), COLUMNS["abuse"], COLUMNS["unsafe"]]


class Edit(NamedTuple):
    """Write `text` in place of the code points ``start:end``; with an empty range it is put in."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """A rewritten message.

    Attributes:
        text: As it is written now.
        origin: Half-open range of old code points that each new one stands for, ascending; empty (start = end) for one
            that was put in; shape (len(text), 2).
    """

    text: str
    origin: npt.NDArray[np.int32]


def variants(
    text: str, kind: str, rng: np.random.Generator, *, share: float | None = None, n: int = 1
) -> list[Variant]:
    """At most `n` different rewritings that are not the text itself; none where the kind finds nothing to change.

    Args:
        text: Any string. Emoticon codes such as ``[微笑]`` are left alone.
        kind: One of `KINDS`.
        rng: Decides everything; one in the same state gives the same variants.
        share: Of the places that could be changed, in (0, 1]; at least one is. The kind's own unless given.
        n: How often to draw.

    Raises:
        ValueError: There is no such kind, or `share` is out of range.
    """
    if kind not in KINDS:
        raise ValueError(f"a kind is one of {', '.join(KINDS)}")
    propose, usual = KINDS[kind]
    share = usual if share is None else share
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share must be in (0, 1], got {share}")
    codes = {i for code in _CODE.finditer(text) for i in range(*code.span())}
    found: dict[str, Variant] = {}
    for _ in range(n):
        edits = [e for e in propose(text, rng) if e.start not in codes and e.text != text[e.start : e.end]]
        if edits:
            chosen = rng.choice(len(edits), max(1, round(share * len(edits))), replace=False)
            variant = rewrite(text, [edits[i] for i in chosen])
            found.setdefault(variant.text, variant)
    return list(found.values())


def rewrite(text: str, edits: Iterable[Edit]) -> Variant:
    """Make edits, given in any order.

    Raises:
        ValueError: Two of them overlap, or one leaves the text.
    """
    pieces: list[str] = []
    origin: list[tuple[int, int]] = []
    done = 0
    for start, end, new in [*sorted(edits), Edit(len(text), len(text), "")]:
        if not done <= start <= end <= len(text):
            raise ValueError(f"the edit {start}:{end} overlaps another or leaves the text of {len(text)}")
        pieces += text[done:start], new
        origin += [(i, i + 1) for i in range(done, start)]
        cuts = [start + i * (end - start) // max(1, len(new)) for i in range(len(new) + 1)]
        origin += [(a, max(b, min(a + 1, end))) for a, b in pairwise(cuts)]
        done = end
    return Variant("".join(pieces), np.array(origin, np.int32).reshape(-1, 2))


def carry(spans: Sequence[tuple[int, int, str]], origin: npt.NDArray[np.int32]) -> list[tuple[int, int, str]]:
    """Named half-open ranges of the old text in the new one; one of which nothing is left is dropped."""
    inside = [np.flatnonzero((origin[:, 0] < end) & (origin[:, 1] > start)) for start, end, _ in spans]
    return [(int(at[0]), int(at[-1]) + 1, name) for at, (*_, name) in zip(inside, spans, strict=True) if len(at)]


def augment(examples: Sequence[Example], share: float, seed: int) -> list[Example]:
    """Rewritten copies of some messages, each in one way; labels stay, spans are carried over, teachers' tags dropped.

    Adverts, abuse and unsafe content are copied most. The others meet every kind too, else the disguise alone would
    give a message away. A copy reads differently to the models: what the normaliser undoes teaches nothing.

    Args:
        examples: Of the train part; a copy carries its text into whatever it is added to.
        share: Of the harmful ones that is copied, in [0, 1]; of the others, `OTHERS` of it.
        seed: Decides everything.

    Raises:
        ValueError: `share` is out of range.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share must be in [0, 1], got {share}")
    rng = np.random.default_rng(seed)
    copies = []
    for example in examples:
        harmful = (example.targets[_HARMFUL] == 1).any()
        variant = _disguise(example.text, rng) if rng.random() < share * (1 if harmful else OTHERS) else None
        if variant:
            spans = None if example.spans is None else carry(example.spans, variant.origin)
            targets = example.targets.copy()
            copies.append(replace(example, text=variant.text, targets=targets, spans=spans, tags=None))
    return copies


def _disguise(text: str, rng: np.random.Generator) -> Variant | None:
    drawn = (v for kind in rng.permutation(list(KINDS)).tolist() for v in variants(text, kind, rng))
    return next((variant for variant in drawn if key(variant.text) != key(text)), None)


def homophone(text: str, rng: np.random.Generator) -> list[Edit]:
    """A character of a word by a common one of the same sound, tones aside."""
    sounds = _sounds(text)
    places = [i for word in _WORDS.tokens(text) if len(word.text) > 1 for i in range(word.start, word.end)]
    return _swap(text, {i: _common().get(sounds[i], "") for i in places}, rng)


def pinyin(text: str, rng: np.random.Generator) -> list[Edit]:
    """Words in letters without tones, three of ten by their initials: 微信 as weixin or wx."""
    sounds = _sounds(text)
    edits = []
    for word in _WORDS.tokens(text):
        own = sounds[word.start : word.end]
        if all(own):
            short = len(own) > 1 and rng.random() < 0.3
            edits.append(Edit(word.start, word.end, "".join(sound[0] if short else sound for sound in own)))
    return edits


def symbols(text: str, rng: np.random.Generator) -> list[Edit]:
    """One mark, emoji or invisible character between the characters of words."""
    mark = _one(_MARKS, rng)
    return [Edit(i, i, mark) for word in _WORDS.tokens(text) for i in range(word.start + 1, word.end)]


def traditional(text: str, rng: np.random.Generator) -> list[Edit]:
    """Traditional characters, with words that are written differently."""
    return [Edit(*run.span(), _TRADITIONAL.convert(run[0])) for run in re.finditer("[\u3400-\u9fff]+", text)]


def speech(text: str, rng: np.random.Generator) -> list[Edit]:
    """What dictation and haste confuse: 的地得, 在再, flat and retroflex sounds, n and l, -n and -ng."""
    sounds = _sounds(text)
    return _swap(text, {i: _CONFUSED.get(char) or _misheard(sounds[i]) for i, char in enumerate(text)}, rng)


def bare(text: str, rng: np.random.Generator) -> list[Edit]:
    """No punctuation, or spaces in its place; that inside numbers and addresses stays."""
    new = _one(("", " "), rng)
    edits = [Edit(*mark.span(), new) for mark in _PUNCTUATION.finditer(text)]
    return edits if len(edits) < len("".join(text.split())) else []  # of a text of marks nothing would be left


def repeat(text: str, rng: np.random.Generator) -> list[Edit]:
    """Closing particles and marks three to six times: 好啊！ as 好啊啊啊！！！！."""
    return [Edit(*found.span(), found[0] * int(rng.integers(3, 7))) for found in _STRETCHED.finditer(text)]


def _from(table: Mapping[str, Sequence[str]]) -> Callable[[str, np.random.Generator], list[Edit]]:
    """A kind that writes one of a table's choices for each of its keys, longer keys first."""
    known = re.compile("|".join(map(re.escape, sorted(table, key=len, reverse=True))))
    return lambda text, rng: [Edit(*found.span(), _one(table[found[0]], rng)) for found in known.finditer(text)]


def _swap(text: str, choices: dict[int, str], rng: np.random.Generator) -> list[Edit]:
    """One of the characters given for each place, but not the one that stands there."""
    others = {i: chars.replace(text[i], "") for i, chars in choices.items()}
    return [Edit(i, i + 1, _one(chars, rng)) for i, chars in others.items() if chars]


def _one(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def _sounds(text: str) -> list[str]:
    """Pinyin without tones of each code point, empty where there is none."""
    return pypinyin.lazy_pinyin(text, errors=cast(Any, lambda run: [""] * len(run)))


@cache
def _common() -> dict[str, str]:
    """Of each sound the eight characters in most phrases, from the 3,755 in common use (level 1 of GB 2312)."""
    level = bytes(byte for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF) for byte in (row, cell))
    phrases = Counter(char for phrase in PHRASES_DICT for char in phrase)
    found: dict[str, str] = {}
    for char in sorted(level.decode("gb2312", "ignore"), key=lambda char: -phrases[char]):
        sound = pypinyin.lazy_pinyin(char)[0]
        if phrases[char] >= 3:  # of 47,000; rarer ones are not what people write by mistake
            found[sound] = (found.get(sound, "") + char)[:8]
    return found


@cache
def _misheard(sound: str) -> str:
    """Common characters of the sounds that people take a sound for."""
    return "".join(_common().get(re.sub(old, new, sound), "") for old, new in _SOUNDS if re.search(old, sound))


_WORDS = Segmenter()
_TRADITIONAL = opencc.OpenCC("s2t")
_CODE = re.compile(r"\[[^\[\]\s]{1,8}\]")
_MARKS = (*". - * _ ~ · | / ❤ ✨ 🔥".split(), "\u200b", "\u2060", "\u00ad")
_PUNCT = "，。！？；：、…—～·,.!?;:~“”‘’\"'（）()《》【】-"
_PUNCTUATION = re.compile(f"(?<![0-9A-Za-z])[{_PUNCT}]|[{_PUNCT}](?![0-9A-Za-z])")
_STRETCHED = re.compile(r"([!！?？~～。])(?!\1)|[啊呀哦呢吧吗嘛啦哈呜嘤诶哎唉噢哇](?!\w)")
_SOUNDS = (
    *(("^zh", "z"), ("^z(?!h)", "zh"), ("^ch", "c"), ("^c(?!h)", "ch"), ("^sh", "s"), ("^s(?!h)", "sh")),
    *(("^n", "l"), ("^l", "n"), ("(?<=[ie])ng$", "n"), ("(?<=[ie])n$", "ng")),
)
_GROUPS = "的地得 在再 做作坐座 他她它 那哪 吗嘛 已以 像象 带戴 进近"
_CONFUSED = {char: group.replace(char, "") for group in _GROUPS.split() for char in group}

_NAMES = {
    "微信 wx vx": "V信 v信 薇信 威信 維信 徽信 葳芯 威ᚰ 薇❤ V❤ ⅴ❤ 微❤ vx VX wx wei信 卫❤ 绿泡泡 薇X 崴信",
    "加微信 加微 加v": "夹喂 佳薇 ➕V ➕薇 +V +薇 伽V 茄薇 嘉威 jia薇 ➕❤ 加蔚 家v",
    "qq 扣扣": "扣扣 蔻蔻 抠抠 叩叩 企鹅 秋秋 🐧 ℚℚ ⓠⓠ Q扣 扣Q",
    "加我 联系我": "➕我 +我 伽我 茄我 夹我 佳我 dd我 滴滴我",
    "加群 进群 入群": "➕裙 +裙 进裙 夹群 佳裙 进峮 入裙 伽裙",
    "群号 微信群 qq群": "裙号 峮号 V群 薇裙 扣裙 企鹅裙 Q裙",
    "电话 手机号": "📞 ☎ 电華 dian话 手ji号 手机hao 电.话",
    "私信 私聊": "思信 丝信 厶信 私❤ 司信 斯聊 si聊 滴滴",
    "公众号": "公粽号 公中号 gzh GZH 公🐷号 公众hao",
    "二维码 扫码": "2维码 二唯码 ewm 扫🐎 扫🐴 嫂码 扫ma",
    "链接 网址": "涟接 链.接 🔗 lian接 恋接 网止 wang址",
    "支付宝": "zfb ZFB 支f宝 吱付宝 知付宝 支付bao",
    "淘宝": "tb 某宝 桃宝 氵匋宝 逃宝 tao宝",
    "抖音": "dy DY 斗音 抖y 陡音 某音",
}
_CONTACT = {written: new.split() for names, new in _NAMES.items() for n in names.split() for written in (n, n.upper())}

# Left part, then pairs of a character and its right part.
_PARTS = """
讠评平论仑说兑话舌请青谁隹认人识只让上许午讨寸计十记己订丁详羊语吾误吴调周谈炎试式证正词司访方该亥诉斥诈乍
娄数攵 氵没殳江工河可汽气法去注主洗先活舌消肖清青油由治台泪目沙少酒酉湖胡洋羊海每汗干漂票波皮池也汉又港巷演寅
亻他也们门你尔作乍住主位立但旦低氐体本值直件牛信言保呆便更代弋付寸传专优尤价介份分何可做故停亭像象借昔例列供共债责
扌打丁找戈把巴抖斗技支折斤护户批比抢仓投殳拍白推隹换奂接妾提是掉卓搞高抱包拉立招召排非按安持寺担旦扣口授受抽由
口吃乞吗马吧巴呢尼听斤味未呀牙哪那咱自哈合啊阿唱昌喝曷喂畏咖加吵少叶十吐土响向哇圭喊咸嘛麻嘿黑 火烧尧灯丁炸乍炒少烦页
木机几村寸林木权又杯不板反枪仓柜巨标示样羊校交桥乔根艮格各棋其棵果椅奇楼娄材才松公相目极及 又双又欢欠对寸难隹鸡鸟戏戈
女好子她也妈马姐且妹未奶乃如口始台娘良婚昏姓生妙少娃圭 钅钱戋银艮铁失错昔钟中铃令键建镜竟钓勺针十铺甫销肖 白的勺 力加口
纟给合红工纪己约勺级及组且细田织只结吉线戋统充绝色维隹绿录终冬 忄快夬情青怕白忙亡性生怪圣恨艮悔每惜昔慢曼懂董忆乙 矢知口
月朋月肥巴胖半脸佥脚却肚土肝干腿退胜生腰要 日明月时寸昨乍晚免暗音晴青旺王映央 贝财才购勾贩反赚兼账长败攵贴占 云动力
禾和口种中利刂科斗秋火租且税兑积只程呈私厶秒少移多 阝阳日院完附付除余险佥 耳联关取又聊卯职只 舌甜甘敌攵辞辛 其期月
"""
PARTS = {char: g[0] + right for g in _PARTS.split() for char, right in zip(g[1::2], g[2::2], strict=True)}
"""Characters and their left and right part, each a character itself."""

_ALIKE = """
0Oo〇零⓪ 1lI一① 2二② 3三Э③ 4四④ 5五⑤ 6六б⑥ 7七⑦ 8八⑧ 9九⑨ aаα𝐚ⓐ bЬ𝐛ⓑ cсϲⓒ dԁ𝐝ⓓ eе𝐞ⓔ fƒ𝐟ⓕ gɡ𝐠ⓖ hһ𝐡ⓗ iі1ⓘ jј𝐣ⓙ kк𝐤ⓚ
lI1ⓛ mм𝐦ⓜ nп𝐧ⓝ oо0ⓞ pрρⓟ qԛ𝐪ⓠ rг𝐫ⓡ sѕ𝐬ⓢ tт𝐭ⓣ uυ𝐮ⓤ vνⅴⓥ wѡ𝐰ⓦ xх×ⓧ yу𝐲ⓨ zᴢ𝐳ⓩ AАΑⒶ BВΒⒷ CСⅭⒸ DᎠⅮⒹ EЕΕⒺ FϜ𝐅Ⓕ GԌ𝐆Ⓖ HНΗⒽ
IІΙⒾ JЈ𝐉Ⓙ KКΚⓀ LⅬ𝐋Ⓛ MМΜⓂ NΝ𝐍Ⓝ OОΟⓄ PРΡⓅ QԚ𝐐Ⓠ RᎡ𝐑Ⓡ SЅ𝐒Ⓢ TТΤⓉ UՍ𝐔Ⓤ VⅤ𝐕Ⓥ WԜ𝐖Ⓦ XХΧⓍ YΥ𝐘Ⓨ ZΖ𝐙Ⓩ
"""

KINDS: dict[str, tuple[Callable[[str, np.random.Generator], list[Edit]], float]] = {
    "contact": (_from(_CONTACT), 0.9),  # 加微信 as 夹喂
    "split": (_from({char: [parts] for char, parts in PARTS.items()}), 0.5),  # 评论 as 讠平讠仑
    "homophone": (homophone, 0.25),
    "pinyin": (pinyin, 0.25),
    "fullwidth": (_from({" ": "\u3000"} | {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}), 1.0),
    "symbols": (symbols, 0.4),
    "traditional": (traditional, 1.0),
    "alike": (_from({group[0]: group[1:] for group in _ALIKE.split()}), 0.6),
    "speech": (speech, 0.2),
    "bare": (bare, 1.0),
    "repeat": (repeat, 0.7),
}
"""Every way to rewrite: what finds all that it could change, and the share of that which is changed unless told."""
