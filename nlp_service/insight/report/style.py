"""The style sheet of a report in HTML: dark and light, from a telephone to A4 paper."""

STYLE = """
:root{color-scheme:light dark;--page:#fff;--text:#1d2129;--muted:#646a73;--line:#e3e5e9;--soft:#f5f6f8;--accent:#245bdb;
--good:#0f7a44;--bad:#c2261d;--warn:#9a5b00;--mark:#fff0c2;--act:#fde8e6;--plan:#fdf3e1;--watch:#fdf3e1;--note:#f1f3f5}
@media (prefers-color-scheme:dark){:root{--page:#16181c;--text:#e4e6ea;--muted:#9aa0aa;--line:#33373f;--soft:#1f2228;
--accent:#82a7ff;--good:#5cc98d;--bad:#ff8a80;--warn:#e8b04a;--mark:#5a4a14;--act:#46211f;--plan:#3d321c;--watch:#3d321c;
--note:#262a31}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.65 "Helvetica Neue","Segoe UI",Arial,"PingFang SC",
"HarmonyOS Sans SC","Microsoft YaHei","Noto Sans CJK SC","Source Han Sans SC","Noto Sans SC","WenQuanYi Micro Hei",
sans-serif;font-variant-numeric:tabular-nums;line-break:strict;overflow-wrap:anywhere;text-autospace:normal;
text-spacing-trim:normal;hanging-punctuation:allow-end}
main{max-width:64rem;margin:0 auto;padding:2rem 1.5rem 4rem}
h1{font-size:1.7rem;line-height:1.3;margin:0 0 .25rem}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.5rem 0 .2rem}
p,ul{margin:.3rem 0}
ul{padding-left:1.2rem}
li{margin:.2rem 0}
a{color:var(--accent);text-decoration:none}
a:hover{text-decoration:underline}
nav{margin:.6rem 0 0;font-size:.85rem;color:var(--muted)}
nav a{margin-right:1em;white-space:nowrap}
.n{white-space:nowrap}
.lead{font-size:1.05rem}
.note,.muted,footer,figcaption{color:var(--muted)}
.note,footer,figcaption{font-size:.87rem}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.strong{font-weight:600}
a.good,a.bad,a.muted{text-decoration:underline dotted;text-underline-offset:3px}
.tag{font-size:.78rem;padding:.05em .5em;border-radius:3px;background:var(--soft);color:var(--muted);white-space:nowrap}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.6rem;margin:.6rem 0}
.tile{background:var(--soft);border-radius:6px;padding:.6rem .8rem}
.tile .label{font-size:.82rem;color:var(--muted)}
.tile .value{font-size:1.45rem;line-height:1.35;font-weight:600}
.tile .value a{color:inherit}
.tile.good .value{color:var(--good)}.tile.bad .value{color:var(--bad)}
.tile .below{font-size:.8rem;line-height:1.45}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;line-height:1.5;margin:.4rem 0}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
th,td{padding:.36rem .5rem;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--line)}
th{font-weight:500;color:var(--muted);font-size:.82rem;white-space:nowrap}
.r{text-align:right}
td.r{white-space:nowrap}
blockquote{margin:.35rem 0;padding:.1rem 0 .1rem .8rem;border-left:2px solid var(--line)}
blockquote p{margin:0;unicode-bidi:isolate}
blockquote footer{font-size:.78rem}
mark{background:var(--mark);color:inherit;border-radius:2px}
.beside td:nth-child(2){white-space:nowrap}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(22rem,100%),1fr));gap:1rem 1.5rem}
.beside{display:grid;grid-template-columns:minmax(0,1fr) 15rem;gap:1.2rem;align-items:start}
figure{margin:.4rem 0}
svg.lines,svg.matrix{display:block;width:100%;height:auto}
svg text{font-size:11px;fill:var(--muted)}
svg .grid{stroke:var(--line)}
svg polyline{fill:none;stroke-linejoin:round;stroke-linecap:round}
svg polyline.now{stroke:var(--accent);stroke-width:1.8}
svg polyline.before{stroke:var(--muted);stroke-width:1.2;stroke-dasharray:3 3;opacity:.75}
svg circle.now{fill:var(--accent)}
svg.spark{width:72px;height:18px;vertical-align:-4px}
svg.spark polyline.now{stroke-width:1.3}
svg rect{stroke:var(--page);stroke-width:2}
rect.act{fill:var(--act)}rect.plan{fill:var(--plan)}rect.watch{fill:var(--watch)}rect.note{fill:var(--note)}
circle.dot{fill:var(--muted)}circle.dot.act{fill:var(--bad)}circle.dot.plan,circle.dot.watch{fill:var(--warn)}
circle.item{fill:var(--page);stroke:var(--muted);stroke-width:1.2}
svg text.item{fill:var(--text);font-size:10px}
svg text.dot{fill:var(--page);font-weight:600;font-size:10px}
.key{display:inline-block;width:1.4em;border-top:2px solid var(--accent);vertical-align:.3em;margin:0 .3em 0 .9em}
.key.before{border-top:1px dashed var(--muted)}
details{border-bottom:1px solid var(--line);padding:.3rem 0;font-size:.87rem}
summary{cursor:pointer}
summary .no{display:inline-block;min-width:2.6em;color:var(--muted)}
details:target{background:var(--soft)}
details:target::details-content{content-visibility:visible;display:block;height:auto;block-size:auto}
.ids{color:var(--muted);line-height:1.9;margin:.3rem 0}
.ids span,.ids a{margin-right:.9em;display:inline-block}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@media (max-width:44rem){
body{font-size:16px}
main{padding:1.2rem 1rem 3rem}
.beside{grid-template-columns:minmax(0,1fr)}
.beside figure{max-width:17rem}
.tiles{grid-template-columns:repeat(2,1fr)}
table,tbody,tr,td{display:block}
thead{display:none}
tr{padding:.55rem 0;border-bottom:1px solid var(--line)}
td{display:inline;border:0;padding:0;margin-right:.75em;text-align:left}
td.r{text-align:left}
td[data-label]:not(:empty)::before{content:attr(data-label) " ";color:var(--muted);font-size:.82rem}
td:empty{display:none}
}
@page{size:A4;margin:14mm 13mm 15mm}
@media print{
:root{color-scheme:light;--page:#fff;--text:#111;--muted:#555;--line:#ccc;--soft:#f3f4f6;--accent:#1a3f9c;--good:#0b6536;
--bad:#a81c14;--warn:#7a4700;--mark:#fff0c2;--act:#fde8e6;--plan:#fdf3e1;--watch:#fdf3e1;--note:#f1f3f5}
html{print-color-adjust:exact;-webkit-print-color-adjust:exact}
body{font-size:9.5pt;line-height:1.5}
main{max-width:none;padding:0}
nav{display:none}
h1{font-size:16pt}
h2{margin:1.1rem 0 .35rem}
h2,h3,summary{break-after:avoid}
tr,blockquote,figure,.tile,li{break-inside:avoid}
thead{display:table-header-group}
.tiles{grid-template-columns:repeat(6,1fr)}
.tile{padding:.35rem .5rem}
.tile .value{font-size:12.5pt}
.tile .below{font-size:7.5pt}
.tile .label{font-size:8pt}
table{font-size:8.5pt}
th,td{padding:.18rem .35rem}
.beside{grid-template-columns:minmax(0,1fr) 12rem}
.charts{grid-template-columns:1fr 1fr}
.break{break-after:page}
a{color:inherit}
summary{list-style:none}
}
"""
