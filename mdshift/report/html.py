"""A page as one self-contained HTML file: no script, nothing from outside, everything escaped, charts as inline SVG."""

from __future__ import annotations

from mdshift.report.page import Page
from mdshift.report.text import clean

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --muted: #6e6e6e; --grid: #dadada; --shade: #f3f3f3;
--source: #0072b2; --target: #d55e00; --bar: #66788a; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper); overflow-wrap: break-word; }
h1 { line-height: 1.2; } h2 { margin: 2rem 0 .5rem; line-height: 1.25; break-after: avoid; }
.verdict { font-size: 1.15rem; font-weight: 600; margin: .3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; vertical-align: top; border-bottom: 1px solid var(--grid); min-width: 6.2rem; overflow-wrap: anywhere; }
th:first-child, td:first-child { min-width: 8.5rem; }
td:last-child:not(.right) { min-width: 11rem; }
th.right, td.right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; min-width: 2rem; }
tr { break-inside: avoid; }
pre { background: var(--shade); padding: .6rem; overflow-x: auto; overflow-wrap: normal; }
footer, .remark, figcaption, .legend { color: var(--muted); font-size: .9rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); gap: 1rem 1.5rem; margin: .8rem 0; }
.figures.many { grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); }
figure { margin: 0; max-width: 30rem; min-width: 0; break-inside: avoid; }
figure .name { margin: 0; font-weight: 600; }
figure .legend { margin: 0; }
.legend span { margin-right: 1rem; white-space: nowrap; }
.legend .source { color: var(--source); } .legend .target { color: var(--target); } .legend .bar { color: var(--bar); } .legend .ink { color: var(--ink); }
svg { display: block; width: 100%; height: auto; font-family: system-ui, sans-serif; }
@media screen and (prefers-color-scheme: dark) {
:root { --ink: #e6e6e6; --paper: #161616; --muted: #a6a6a6; --grid: #444; --shade: #242424; --source: #56b4e9; --target: #f0a150; --bar: #8fa1b3; }
}
@media print {
:root { color-scheme: light; } body { max-width: none; margin: 0; font-size: 11pt; }
svg, .legend { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.scroll { overflow: visible; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.figures { grid-template-columns: repeat(2, 1fr); } .figures.many { grid-template-columns: repeat(3, 1fr); }
}
"""

MARKS = {"source": "●", "target": "✕"}  # source and target differ in more than colour

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mdshift: {{ page.title }}</title>
<style>{{ style }}</style>
</head>
<body>
<main>
<h1>{{ page.title | clean }}</h1>
{% for line in page.verdict %}<p class="verdict">{{ line | clean }}</p>
{% endfor %}
{%- for section in page.sections %}<section>
{% if section.heading %}<h2>{{ section.heading | clean }}</h2>
{% endif %}
{%- if section.figures %}<div class="figures{% if section.figures[0].small %} many{% endif %}">
{% for figure in section.figures %}<figure>
{% if figure.title %}<p class="name">{{ figure.title | clean }}</p>
{% endif %}{{ figure | drawn }}
{% if figure.legend %}<p class="legend">{% for mark, words in figure.legend %}<span class="{{ mark }}">{{ marks.get(mark, "■") }} {{ words | clean }}</span>{% endfor %}</p>
{% endif %}{% if figure.caption %}<figcaption>{{ figure.caption | clean }}</figcaption>
{% endif %}</figure>
{% endfor %}</div>
{% endif %}
{%- if section.table %}<div class="scroll"><table>
<thead><tr>{% for h in section.table.headers %}<th scope="col"{% if loop.index0 in section.table.right %} class="right"{% endif %}>{{ h | clean }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in section.table.rows %}<tr>{% for cell in row %}<td{% if loop.index0 in section.table.right %} class="right"{% endif %}>{{ cell | clean }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endif %}
{%- for line in section.lines %}<p>{{ line | clean }}</p>
{% endfor %}
{%- if section.remark %}<p class="remark">{{ section.remark | clean }}</p>
{% endif %}</section>
{% endfor %}
{%- for command in page.commands %}<pre><code>{{ command | clean }}</code></pre>
{% endfor %}</main>
<footer>{{ page.footer | clean }}</footer>
</body>
</html>
"""


def render(page: Page) -> str:
    """Lay the page out."""
    from jinja2 import Environment
    from markupsafe import Markup

    environment = Environment(autoescape=True)
    environment.filters["clean"] = lambda text: clean(text, 1000)
    environment.filters["drawn"] = lambda figure: Markup(figure.draw())  # noqa: S704 - every text in it is escaped where it is drawn
    return environment.from_string(TEMPLATE).render(page=page, style=Markup(STYLE), marks=MARKS) + "\n"  # noqa: S704 - a constant
