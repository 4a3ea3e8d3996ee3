"""Wordings by which a message is known to be about a regulated topic: medical claims and advice, investment and loans.

What counts is chosen for precision: who offers a cure, names a dose or a diagnosis, promises returns, tips a share or
sells a loan. Who asks, doubts or complains does not ("这药能根治吗", "说什么包治百病，骗人的"), and money or an illness
that is merely mentioned is nobody's advice. A community adds its own words by word lists with a category of the topic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

TOPICS = ("medical", "financial")
"""What the law lets few people advise on."""

_HAN = "[\u4e00-\u9fff]"
_WITHIN = r"[^，。！？!?,;；\n]"  # the same clause
_NUMBER = "[0-9.一二两三四五六七八九十半]{1,6}"
_UNITS = "(?:mg|毫克|微克|毫升|ml|片|粒|丸|袋|支|单位|颗)"
_ILLS = (
    "(?:肺炎|支气管炎|扁桃体炎|中耳炎|胃炎|肠炎|阑尾炎|鼻炎|咽炎|结膜炎|肝炎|肾炎|盆腔炎|前列腺炎|关节炎|皮炎|湿疹|荨麻疹|手足口|咽峡炎"
    "|(?:幼儿)?急疹|川崎病|甲流|支原体感染|抑郁症|焦虑症|双相|自闭症|多动症|糖尿病|高血压|高血脂|冠心病|心梗|脑梗|甲亢|甲减|痛风|颈椎病|椎间盘突出"
    "|肌瘤|囊肿|结节|白血病|肿瘤|带状疱疹|梅毒|白癜风|牛皮癣|银屑病|灰指甲|脚气|痔疮|脱发|近视|阳痿|早泄|不孕|癫痫|[胃肺肝肠]?癌"
    "|乳腺癌|宫颈癌|甲状腺癌)"
)
_CURED = "(?:根治|断根|除根|治愈|痊愈|治好|包好|逆转|克星)"
_KIND = "(?:典型的?|急性|慢性|轻度|中度|重度|过敏性|病毒性|细菌性){0,2}"
_DRUGS = (
    "(?:布洛芬|对乙酰氨基酚|美林|泰诺林|阿莫西林|头孢[克呋拉地他]?[洛肟辛定啶]?|阿奇霉素|奥司他韦|蒙脱石散|氯雷他定|西替利嗪|二甲双胍"
    "|胰岛素|阿司匹林|氨氯地平|地塞米松|泼尼松|左氧氟沙星|甲硝唑|地西泮|安定片|艾司唑仑|舍曲林|氟西汀|帕罗西汀|曲马多|米非司酮"
    "|他达拉非|西地那非|司美格鲁肽|优甲乐|孟鲁司特|退烧药|消炎药|抗生素|止痛药|安眠药|降压药|降糖药)"
)
_SURE = "(?:稳赚|只赚不赔|包赚|稳赢|零风险|无风险|躺赚|必涨|内幕消息)"
_INVESTS = (
    "(?:投资|理财|收益|回报|本金|盈利|套利|带单|股票|股市|个股|[Aa]股|炒股|基金|期货|外汇|炒币|虚拟币|数字货币"
    "|比特币|合约|USDT|usdt|建仓|板块)"
)
_QUICK = "(?:秒批|秒下款|秒放款|当天放款|极速放款|下款快)"

# Each with the characters of which one must be there, so that most texts cost a few searches for a character.
_CUES: dict[str, tuple[tuple[str, str], ...]] = {
    "medical": (
        ("包治 药到 替代胰 代开 处方", "包治|药到病除|替代胰岛素|代开(?:处方|药|病假|诊断)|(?:无需|免|不用|不要)处方"),
        ("治 断根 除根 痊愈 包好 逆转 克星", f"{_ILLS}{_WITHIN}{{0,8}}{_CURED}|{_CURED}{_WITHIN}{{0,6}}{_ILLS}"),
        # Doses
        ("次", f"[日天]{_NUMBER}次[，,、 ]?[一每]?次{_NUMBER}{_UNITS}"),
        (
            "mg 毫克 微克 iu 国际单位",
            (
                f"(?:每次|一次|每日|每天|口服|静滴|肌注|注射|顿服|剂量){_WITHIN}{{0,6}}?"
                f"{_NUMBER} ?(?:mg|毫克|微克|iu|国际单位)(?![a-z])"
            ),
        ),
        (
            "mg 毫 ml 片 粒 丸 袋 支 单位 颗",
            # A pack that is sold, lost or asked back is no dose.
            f"{_DRUGS}[^。！？!?;；\\n少发缺盒装买退]{{0,12}}?{_NUMBER} ?{_UNITS}(?![装a-z/]|[一每]盒)",
        ),
        # Diagnoses
        (
            "是 属于 得了 患了",
            (
                f"(?:[你您]|这)(?:这)?(?:种?情况|个?症状)?(?:应该|肯定|一定|多半|八成|估计|大概率|可能|就|典型的?){{0,3}}"
                f"(?:是|属于|得了|患了){_KIND}{_ILLS}"
                f"|(?:宝宝|孩子|娃|[他她])(?:应该|肯定|一定|多半|八成|大概率|典型的?)就?(?:是|得了){_KIND}{_ILLS}"
            ),
        ),
        ("诊", f"(?:诊断为|确诊为|初步诊断){_WITHIN}{{0,6}}{_ILLS}"),
        # Treatment without a doctor
        (
            "药",
            (
                "(?:可以|直接|赶紧|建议|应该|自己|自行|马上)先?(?:把药)?(?:停药|断药|换药|减药|加药)"
                f"|把{_WITHIN}{{0,4}}药[都全]?(?:停了|停掉|断了)|药{_WITHIN}{{0,8}}[无没]有?任?何?毒?副作用"
                f"|处方药{_WITHIN}{{0,8}}(?:代购|有货|直发|私聊|转让)"
            ),
        ),
        (
            "方 疗 代购 治愈率",
            (
                f"(?:祖传|民间|独家|老中医){_HAN}{{0,4}}[秘偏药]方|[秘偏]方{_WITHIN}{{0,8}}(?:治|管用|见效|除根)"
                f"|疗[程法]{_WITHIN}{{0,8}}[无没]有?任?何?毒?副作用|{_NUMBER}个?疗程{_WITHIN}{{0,6}}(?:见效|{_CURED}|搞定)"
                f"|治愈率|代购{_WITHIN}{{0,6}}(?:处方药|抗癌药|靶向药|仿制药)"
            ),
        ),
        ("打针 吃药 手术 开刀", f"不用?(?:打针|吃药|手术|开刀){_WITHIN}{{0,8}}(?:能治|治好|康复|痊愈|根治)"),
    ),
    "financial": (
        (
            "保本 荐股 倍币 套利 单 内幕",
            "保本保[息收]|保本(?:高息|收益|理财|付息)|荐股|[百千]倍币|搬砖套利|喊单群|带单(?:老师|群|赚|操作|稳)|内幕[票股]",
        ),
        (
            "赚 稳赢 风险 必涨 内幕消息",
            f"{_INVESTS}[^。！？!?;\n]{{0,20}}{_SURE}|{_SURE}[^。！？!?;\n]{{0,20}}{_INVESTS}",
        ),
        (
            "收益 回报 盈利",
            (
                "(?:保证|承诺|保底)年?化?(?:收益|回报|盈利)"
                f"|[日周月年]化?(?:收益|回报)率?{_WITHIN}{{0,4}}?[0-9.]{{1,6}} ?%"
            ),
        ),
        (
            "投",
            rf"投[资入]?[0-9一二两三五十百千万]{{1,6}}[元块w]?[^。！？!?;\n]{{0,8}}[返赚]{_WITHIN}{{0,4}}[0-9百千万]",
        ),
        # Shares
        (
            "股 票 币 基金 涨停板",
            (
                "(?:推荐|分享|布局|抓住?|送|免费)[一两三几]?[只支个]?(?:牛股|黑马股|妖股|涨停股|涨停板|金股)"
                "|(?:牛股|黑马股|妖股|涨停股|金股)(?:推荐|名单|代码)"
                f"|(?:这[只支]|该|个)(?:股票|股|票|基金|币){_WITHIN}{{0,10}}"
                "(?:必涨|稳涨|[要能会]翻倍|直接涨停|要涨停|放心买|赶紧买|可以满仓|可以重仓|目标价)"
            ),
        ),
        (
            "仓 低吸 目标价",
            r"(?:建议|赶紧|果断|大胆|放心|逢低|现在可以)(?:分批)?(?:建仓|加仓|满仓|重仓|低吸)|目标价[^位，。]{0,4}[0-9]",
        ),
        # Loans and what goes around them
        (
            "贷 借 征信 黑户 白户",
            (
                "[无免零](?:抵押|担保)(?:贷|借|信用)|(?:黑户|征信[花黑]|白户)也?(?:可|能|都能|秒)[贷批下过借]|征信(?:修复|洗白|铲单)"
                f"|[贷借]{_WITHIN}{{0,8}}{_QUICK}|{_QUICK}{_WITHIN}{{0,8}}[贷借]"
            ),
        ),
        (
            "息 花呗 白条 信用卡 微粒贷 养卡",
            "[日月年]息(?:低至|仅需?|只要)|(?:花呗|白条|信用卡|微粒贷)(?:秒|快速|专业|帮)?(?:套现|套出来|变现)|信用卡代还|代还信用卡|养卡提额",
        ),
    ),
}
_COMPILED = {topic: [(hints.split(), re.compile(cue)) for hints, cue in cues] for topic, cues in _CUES.items()}

_BREAK = re.compile("[，。！？!?,;；\n]")
_DOUBTS = re.compile(
    "[吗嘛?？]|么$|怎么|如何|能不能|可不可以|有没有|是不是|会不会|什么(?!病|都)|哪|求助|请问|(?<![不没])骗|假的|虚假|[别不]信|不要信|谣言|智商税"
    "|面膜|眼膜|面包|猫粮|狗粮"  # what else is taken by the piece, daily
    "|举报|投诉|曝光|警惕|小心|谨防|反诈|拒绝|禁止|不得|不准|不能|不可能|没用|无法|[很困]难|难以|没治好|没有办法|没办法"
)
# Where a doubt is looked for: so many breaks of a sentence to either side, and no further than so many code points.
_N_CLAUSES, _LONGEST = 2, 60


def find_topics(text: str) -> tuple[str, ...]:
    """Topics that a text is about, in the order of `TOPICS`.

    Args:
        text: As it was sent or, so that letters, width and traditional forms hide nothing, as it is normalised.
    """
    return tuple(topic for topic in TOPICS if _is_about(text, _COMPILED[topic]))


def _is_about(text: str, cues: Iterable[tuple[list[str], re.Pattern[str]]]) -> bool:
    for hints, cue in cues:
        if any(hint in text for hint in hints):
            for match in cue.finditer(text):
                if not _DOUBTS.search(_around(text, match)):
                    return True
    return False


def _around(text: str, match: re.Match[str]) -> str:
    """The clause that a cue stands in, the one before it and the one behind: that is where somebody doubts."""
    ends = [found.end() for found in _BREAK.finditer(text, max(0, match.start() - _LONGEST), match.start())]
    start = ends[-_N_CLAUSES] if len(ends) >= _N_CLAUSES else max(0, match.start() - _LONGEST)
    end = match.end()
    for _ in range(_N_CLAUSES):
        found = _BREAK.search(text, end, match.end() + _LONGEST)
        if found is None:
            return text[start : match.end() + _LONGEST]
        end = found.end()
    return text[start:end]
