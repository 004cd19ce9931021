"""A page as one self-contained HTML file: no script, nothing from outside, everything escaped."""

from __future__ import annotations

from mdshift.report.page import Page
from mdshift.report.text import clean

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mdshift: {{ page.title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; }
.verdict { font-size: 1.15rem; font-weight: 600; margin: .3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; vertical-align: top; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }
th.right, td.right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { background: #f3f3f3; padding: .6rem; overflow-x: auto; }
footer, .remark { color: #595959; font-size: .9rem; }
@media (prefers-color-scheme: dark) {
body { color: #e6e6e6; background: #161616; } th, td { border-color: #444; } pre { background: #242424; } footer, .remark { color: #a6a6a6; }
}
</style>
</head>
<body>
<main>
<h1>{{ page.title | clean }}</h1>
{% for line in page.verdict %}<p class="verdict">{{ line | clean }}</p>
{% endfor %}
{%- for section in page.sections %}<section>
{% if section.heading %}<h2>{{ section.heading | clean }}</h2>
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

    environment = Environment(autoescape=True)
    environment.filters["clean"] = lambda text: clean(text, 1000)
    return environment.from_string(TEMPLATE).render(page=page) + "\n"
