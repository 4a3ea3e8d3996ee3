"""Words by which a contribution shows what is in it: facts, steps, grounds, stories. For normalised text."""

from __future__ import annotations

import re


def _any(words: str, *patterns: str) -> re.Pattern[str]:
    """Any of the words, or of patterns beside them."""
    return re.compile("|".join((*map(re.escape, words.split()), *patterns)))


_COUNTED = (
    "(?:元|块|毛|天|小时|分钟|秒|周|个月|月|年|岁|次|遍|克|kg|斤|公斤|毫升|ml|升|度|米|cm|厘米|毫米|mm|公里|km|寸|段|号|步|%|倍|片|"
    "粒|勺|杯|瓶|包|袋|罐|盒|件|颗|页|章|集|关|级|楼|平|瓦|毫安|mah|hz|帧|gb|g|mb|代)"
)

FACTS = re.compile(rf"\d+(?:\.\d+)? ?{_COUNTED}|[一二两三四五六七八九十百千半]+{_COUNTED}|[a-z]+\d+|\d+[a-z]+")
"""Numbers with what they count, and names of models."""

STEPS = _any(
    "首先 其次 然后 接着 步骤 做法 教程 攻略 流程",
    r"第[一二三四五六七八九十\d]+[步点条]",
    "先[^。!?]{1,20}再",
    r"(?:^|[ 。;])\d{1,2}[.、)]",
)
"""What leads through something."""

REASONS = _any(
    """因为 所以 由于 原因 因此 关键 主要是 其实 发现 对比 相比 区别 比起 建议 优点 缺点 好处 坏处 但是 不过
    虽然 除了 适合 原理 导致 否则 如果 避免 注意 记得 可惜 美中不足 唯一 就是"""
)
"""What weighs or gives grounds."""

QUESTION = _any("? 吗 怎么 如何 什么 哪 多少 为啥 求 请问 有没有 能不能 是不是 要不要")
"""That something is asked."""

TIMES = _any(
    """昨天 前天 今天 那天 当时 后来 结果 终于 上周 上个月 去年 小时候 第一次 有一次 刚开始 一开始 没想到 突然
    曾经 直到 现在 至今 本来 之前"""
)
"""What a story is told with."""

FIRST_PERSON = _any("我 俺 咱")

HOOKS = _any(
    """没想到 居然 竟然 千万别 千万不要 揭秘 避坑 踩坑 踩过的坑 干货 亲测 真相 秘密 后悔 强烈 一定要 血泪 总结
    原来 神器 宝藏 实测 测评 为什么 教你 攻略 教程""",
    r"\d+个",
    "[一二三四五六七八九十]个(?:办法|方法|技巧|坑|细节|步骤)",
)
"""What makes one read on."""

CALLS = _any(
    "评论区 留言 说说你 投票 接龙",
    "大家(?:觉得|怎么|有没有|都|说说|来|家)",
    "你们(?:觉得|怎么|会|家|有|都)",
    "有没有(?:人|同款|姐妹)",
    "欢迎[^。!?]{0,6}(?:交流|讨论|补充|分享|指正|提问)",
    "一起[^。!?]{0,4}(?:讨论|聊|交流|打卡|分享)",
    "还有什么[^。!?]{0,8}(?:吗|[?])",
)
"""What asks others to join in."""

CLAIMS = _any(
    """100%有效 100%安全 百分百 百分之百 包治 根治 绝对有效 绝对安全 绝对不会 国家级 第一品牌 无副作用
    没有任何副作用 祖传 秘方 内部消息 紧急扩散 赶紧转发 速转 不转不是 药到病除 立竿见影 三天见效 稳赚 包赚
    保证瘦 保证治 保证赚""",
    "马上要(?:关停|倒闭)",
)
"""What nobody can keep or should pass on."""

EXCITED = re.compile("!|[\u2600-\u27bf\U0001f300-\U0001faff]|\\[[^\\[\\]]{1,8}\\]")
"""Exclamation marks, pictures and emoticon codes."""

MEDIA = _any("[图片] [视频]")
"""Codes that stand for pictures and films."""

CHARACTERS = re.compile("[0-9a-z\u3400-\u9fff]")

EMPTY = frozenset(
    """我们 你们 他们 她们 大家 自己 这个 那个 这些 那些 这样 那样 什么 怎么 就是 还是 但是 不是 可以 没有 真的
    真是 非常 特别 超级 十分 太好了 好好 喜欢 好用 好看 好吃 不错 满意 推荐 值得 爱了 绝了 绝绝子 牛逼 厉害
    可爱 漂亮 完美 棒棒 好评 支持 加油 哈哈 哈哈哈 嘿嘿 呵呵 谢谢 感谢 辛苦 知道 觉得 感觉 一个 一下 一直
    一定 已经 现在 今天 昨天 时候 因为 所以 然后 而且 如果 虽然 不过 其实 开心 幸福 爱死 无敌 yyds 永远 回购
    入手 必须 简直 实在 老板 亲们 姐妹 家人 家人们 东西 起来 出来 有点 比较 颜值""".split()
)
"""Words of a message that say nothing of their own: praise, fillers, what carries a sentence."""
