"""What people complain about and ask for, under the names that pains are counted by."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """A name to count by and the risk category that it belongs to."""

    name: str
    category: str


OTHER = 0
"""Index of "something else": the pain then goes by its own words."""

TARGETS: tuple[Target, ...] = (
    Target("", "other"),
    Target("物流速度", "delivery_delay"),
    Target("送餐速度", "delivery_delay"),
    Target("发货速度", "delivery_delay"),
    Target("错漏发货", "refund_aftersale"),
    Target("包装破损", "product_quality"),
    Target("食品异物", "food_safety"),
    Target("食品变质", "food_safety"),
    Target("食品卫生", "food_safety"),
    Target("食后不适", "health_injury"),
    Target("口味", "product_quality"),
    Target("分量", "product_quality"),
    Target("新鲜度", "product_quality"),
    Target("皮肤过敏", "health_injury"),
    Target("人身安全", "health_injury"),
    Target("客服态度", "service_attitude"),
    Target("服务态度", "service_attitude"),
    Target("售后推诿", "service_attitude"),
    Target("售后维修", "refund_aftersale"),
    Target("退款退货", "refund_aftersale"),
    Target("赔偿补偿", "refund_aftersale"),
    Target("价格", "price_dispute"),
    Target("降价保价", "price_dispute"),
    Target("收费扣费", "price_dispute"),
    Target("优惠活动", "price_dispute"),
    Target("会员积分", "price_dispute"),
    Target("虚假宣传", "fraud_fake"),
    Target("假货真伪", "fraud_fake"),
    Target("诈骗", "fraud_fake"),
    Target("信息泄露", "privacy_security"),
    Target("账号登录", "outage"),
    Target("闪退卡顿", "outage"),
    Target("网络信号", "outage"),
    Target("系统故障", "outage"),
    Target("电池续航", "product_quality"),
    Target("充电", "product_quality"),
    Target("发热", "product_quality"),
    Target("屏幕显示", "product_quality"),
    Target("音质", "product_quality"),
    Target("异响噪音", "product_quality"),
    Target("异味", "product_quality"),
    Target("发动机", "product_quality"),
    Target("变速箱", "product_quality"),
    Target("刹车", "product_quality"),
    Target("油耗", "product_quality"),
    Target("车机系统", "product_quality"),
    Target("做工材质", "product_quality"),
    Target("尺码尺寸", "product_quality"),
    Target("颜色外观", "product_quality"),
    Target("产品质量", "product_quality"),
    Target("产品设计", "product_quality"),
    Target("使用效果", "product_quality"),
    Target("功能使用", "other"),
    Target("安装设置", "other"),
    Target("商品推荐", "other"),
    Target("购买渠道", "other"),
    Target("订单修改", "other"),
    Target("发票", "other"),
    Target("贷款额度", "other"),
    Target("信用卡", "other"),
    Target("还款支付", "other"),
    Target("保险社保", "other"),
    Target("工资劳动", "legal_regulatory"),
    Target("政务办理", "legal_regulatory"),
    Target("举报监管", "legal_regulatory"),
    Target("地域歧视", "discrimination_values"),
    Target("玩家素质", "other"),
    Target("游戏机制", "other"),
    Target("角色养成", "other"),
    Target("剧情内容", "other"),
    Target("课程教学", "other"),
    Target("环境卫生", "other"),
    Target("酒店房间", "other"),
    Target("房屋租售", "other"),
    Target("预约排队", "other"),
    Target("育儿健康", "other"),
    Target("疾病用药", "other"),
)
