"""The style sheet of the page. The page contains it, and the page's CSP names its hash.

Light or dark as the reader's system is; print is always light. No picture, font or script is loaded.
Numbers have digits of equal width and are aligned to the right, so that a column is easy to compare.
Content wider than the window scrolls in its own box.
"""

import base64
import hashlib

from . import palette


def _variables(colours, **more):
    named = {
        "ink": colours[palette.INK],
        "muted": colours[palette.MUTED],
        "line": colours[palette.GRID],
        "paper": colours[palette.PAPER],
        "link": colours[palette.SERIES],
    }
    return "".join(f"--{name}:{value};" for name, value in (named | more).items())


_LIGHT = _variables(palette.LIGHT, soft="#f5f7f9", warn="#fff6e0", warn_line="#d99a00", shade="#00000033")
_DARK = _variables(palette.DARK, soft="#1d232a", warn="#2e2714", warn_line="#c08b1d", shade="#ffffff40")

SHEET = (
    ":root{color-scheme:light dark;"
    + _LIGHT
    + "}"
    + palette.rules(palette.LIGHT, "svg ")
    + "@media screen and (prefers-color-scheme:dark){:root{"
    + _DARK
    + "}"
    + palette.rules(palette.DARK, "svg ")
    + "}"
    + """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:2.5rem 1.5rem 4rem;max-width:62rem;background:var(--paper);color:var(--ink);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.01em;margin:0 0 .4rem;overflow-wrap:anywhere}
h2{font-size:1.3rem;line-height:1.3;margin:2.6rem 0 .7rem;padding-top:.6rem;border-top:1px solid var(--line)}
h3{font-size:1.02rem;margin:2rem 0 .5rem}
p,ul{margin:.6rem 0;max-width:46rem;overflow-wrap:anywhere}
ul{padding-left:1.3rem}
a{color:var(--link)}
.meta,.how,figcaption,caption,.range,.muted{color:var(--muted)}
.meta,.how,figcaption{font-size:.9rem}
.meta{margin:0 0 1rem}
nav ul{list-style:none;padding:0;margin:1.2rem 0 0;display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;font-size:.9rem;max-width:none}
.question{font-size:1.15rem}
.answer{font-size:1.15rem;font-weight:600;max-width:50rem}
.long{font-size:1.05rem;font-weight:400}
.warnings{list-style:none;padding:0}
.warnings li{background:var(--warn);border-left:4px solid var(--warn_line);padding:.5rem .8rem;margin:.5rem 0;border-radius:0 4px 4px 0}
figure{margin:1.4rem 0}
figcaption{margin-top:.35rem;max-width:46rem}
.plot{overflow-x:auto}
.plot svg{display:block;width:100%;min-width:36rem;max-width:54rem;height:auto;font-family:inherit}
.wide{overflow-x:auto;margin:1rem 0;max-width:100%}
/* A scrolling box has a shade at each edge that hides something. */
.wide,.plot{background:linear-gradient(to right,var(--paper) 40%,transparent) left/2.5rem 100% local,
linear-gradient(to left,var(--paper) 40%,transparent) right/2.5rem 100% local,
linear-gradient(to right,var(--shade),transparent) left/.9rem 100% scroll,
linear-gradient(to left,var(--shade),transparent) right/.9rem 100% scroll;background-repeat:no-repeat}
.wide:focus-visible,pre:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums lining-nums}
caption{text-align:left;font-size:.9rem;padding:0 0 .45rem;max-width:46rem}
th,td{padding:.34rem .9rem .34rem 0;text-align:left;vertical-align:top}
th:last-child,td:last-child{padding-right:0}
thead th{font-weight:600;vertical-align:bottom;border-bottom:1.5px solid var(--muted);line-height:1.3}
tbody th{font-weight:500}
.short{white-space:nowrap}
tbody tr+tr>*{border-top:1px solid var(--line)}
.number{text-align:right;white-space:nowrap}
thead .number{white-space:normal;min-width:5.2rem}
.unit{display:block;font-weight:400;color:var(--muted)}
.range{display:block;font-size:.82rem}
.primary{font-weight:600}
.primary .range{font-weight:400}
.environment{width:100%}
.environment th{width:14rem;min-width:9rem;overflow-wrap:anywhere}
.environment td{overflow-wrap:anywhere}
details{margin:.7rem 0}
summary{cursor:pointer;font-size:.92rem;color:var(--link)}
summary:hover{text-decoration:underline}
pre{background:var(--soft);border:1px solid var(--line);border-radius:5px;padding:.7rem .9rem;overflow-x:auto;margin:.5rem 0 1rem;
font:.83rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;white-space:pre-wrap;overflow-wrap:anywhere}
footer{margin-top:3.5rem;padding-top:.8rem;border-top:1px solid var(--line);font-size:.85rem;color:var(--muted)}
@media (max-width:40rem){body{padding:1.4rem 1rem 3rem}h1{font-size:1.5rem}h2{margin-top:2.4rem}
.question,.answer{font-size:1.05rem}.plot svg{min-width:42rem}
caption{position:sticky;left:0;width:calc(100vw - 2rem);max-width:calc(100vw - 2rem)}}
@page{size:A4;margin:16mm 15mm}
@media print{html{font-size:9.5pt}body{max-width:none;padding:0}
nav,summary{display:none}
h1{font-size:18pt}h2{font-size:13pt;margin-top:16pt}h3{font-size:10.5pt}
h2,h3,caption,summary{break-after:avoid}
figure,.plot,svg,tr,pre,li{break-inside:avoid}
thead{display:table-header-group}
.wide,.plot{overflow:visible;background:none}
.plot svg{min-width:0;max-width:100%;max-height:235mm}
table{font-size:7.6pt}.range,.unit{font-size:.92em}th,td{padding:2pt 7pt 2pt 0}.number{white-space:normal}
thead .number{min-width:0}
a{color:inherit;text-decoration:none}
pre{font-size:7.5pt;white-space:pre-wrap}
details.print::details-content{content-visibility:visible;display:block}
details:not(.print):not([open]){display:none}}
"""
)
#: The page's Content-Security-Policy: it allows this sheet and nothing else.
HASH = "sha256-" + base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src '{HASH}'; base-uri 'none'; form-action 'none'"
