"""Names of the bracketed emoticon codes of WeChat, QQ, Weibo, Bilibili and Douyin, and of what those apps put for media.

The order is part of the normaliser's version: a code's place in the list is its unit.
"""

from __future__ import annotations

EMOTICON_BASE = 0xF0000
"""Units from here on are emoticon codes. The range is for private use, and such characters in a text become U+FFFD."""

EMOTICONS: tuple[str, ...] = tuple(
    dict.fromkeys(
        """
        微笑 撇嘴 色 发呆 得意 流泪 害羞 闭嘴 睡 大哭 尴尬 发怒 调皮 呲牙 惊讶 难过 酷 冷汗 抓狂 吐 偷笑 愉快 可爱 白眼
        傲慢 饥饿 困 惊恐 流汗 憨笑 大兵 悠闲 奋斗 咒骂 疑问 嘘 晕 疯了 折磨 衰 骷髅 敲打 再见 擦汗 抠鼻 鼓掌 糗大了 坏笑
        左哼哼 右哼哼 哈欠 鄙视 委屈 快哭了 阴险 亲亲 吓 可怜 菜刀 西瓜 啤酒 篮球 乒乓 咖啡 饭 猪头 玫瑰 凋谢 嘴唇 示爱
        爱心 心碎 蛋糕 闪电 炸弹 刀 足球 瓢虫 便便 月亮 太阳 礼物 拥抱 强 弱 握手 胜利 抱拳 勾引 拳头 差劲 爱你 no ok
        爱情 飞吻 跳跳 发抖 怄火 转圈 磕头 回头 跳绳 挥手 投降 激动 街舞 献吻 左太极 右太极 嘿哈 捂脸 奸笑 机智 皱眉 耶
        红包 發 发 小狗 社会社会 旺柴 好的 打脸 哇 翻白眼 666 让我看看 叹气 苦涩 裂开 加油 加油加油 天啊 汗 emm 福 烟花
        爆竹 庆祝 合十 恐惧 生病 破涕为笑 无语 失望 脸红 嘴馋 茶 炸裂 吃瓜 doge 二哈 允悲 泪 心 笑cry 拜拜 怒 跪了 摊手
        哈哈 喵喵 笑而不语 作揖 悲伤 费解 伤心 太开心 思考 挤眼 挖鼻 嘻嘻 污 黑线 哼 并不简单 蜡烛 good 憧憬 微风 兔子 偷乐
        鲜花 泪流满面 话筒 馋嘴 怒骂 草泥马 吃惊 赞 威武 给力 囧 萌 神马 浮云 互粉 最右 顶 钱 疑惑 感冒 左哼 右哼 阴天 下雨
        雪花 沙尘 月 干杯 礼盒 熊猫 浪 干饭人 打call 酸 舔屏 坏笑 抱抱 摸头 抱一抱 求关注 求饶 阴脸 开学季 中国赞 点亮平安灯
        米奇喜欢 亲嘴 攀爬 敬礼 喝彩 嗑瓜子 嗯 哦 呆 大笑 笑 笑哭 笑死 笑哈哈 哭 哭泣 大哭了 发火 生气 气愤 愤怒 害怕 惊喜 期待
        喜欢 星星眼 喜极而泣 给心心 送心 比心 笔芯 花 撒花 玫瑰花 鲜花鲜花 蹭蹭 嫌弃 捂嘴 捂嘴笑 偷看 绝望 滑稽 斜眼笑 托腮
        呵呵 吐舌 吐血 吐槽 骂 辣眼睛 保佑 奋斗吧 胜利了 锦鲤 抽奖 藏狐 妙啊 歪嘴 墨镜 调皮眨眼 老鼠 灵光一闪 响指 支持 知识增加
        热 冷 冰 火 星星 心动 泣不成声 泣 石化 委屈巴巴 不开心 开心 高兴 得瑟 装可爱 想一想 思索 流鼻涕 尬笑 我想静静 晕了 睡觉
        看 听歌 音乐 相机 照相机 电影 手套 围观 推荐 转发 关注 扣1 加一 收到 谢谢 你好 晚安 早安 早上好 生日快乐 新年快乐
        图片 表情 动画表情 语音 视频 链接 文件 位置 名片 小程序 聊天记录 转账 音乐分享 视频号 卡片 群公告 拍一拍 接龙 强壮 祈祷
        数字x 金额x 日期x 时间x 站点x 地址x 姓名x 机构x 电话x 订单编号 链接x
        """.split()
    )
)
