"""A plan as one self-contained HTML file: no script, no network, readable in any browser, kept as an artifact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from reconciler.display import line
from reconciler.model.plan import Action
from reconciler.render import timeline
from reconciler.render.rows import Detail
from reconciler.render.view import Affected, Note, Reader, Row, View

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1f2328;--dim:#59636e;--page:#fff;--card:#f6f8fa;--edge:#d1d9e0;
--add:#1a7f37;--gone:#d1242f;--swap:#9a6700;--note:#0969da}
@media(prefers-color-scheme:dark){:root{--ink:#f0f6fc;--dim:#9198a1;--page:#0d1117;--card:#151b23;--edge:#3d444d;
--add:#3fb950;--gone:#f85149;--swap:#d29922;--note:#4493f8}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:72rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
.sum{font-weight:600}.dim{color:var(--dim)}
.card{background:var(--card);border:1px solid var(--edge);border-radius:6px;padding:.75rem 1rem}
ul{list-style:none;padding:0;margin:.5rem 0}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--edge)}
.add{color:var(--add)}.gone{color:var(--gone)}.swap{color:var(--swap)}.note{color:var(--note)}
.tag{border:1px solid currentColor;border-radius:1rem;padding:0 .5rem;font-size:12px;color:var(--gone)}
svg{width:100%;height:auto;font:12px ui-monospace,monospace}svg text{fill:var(--ink)}svg .axis{fill:var(--dim)}
.stays{fill:var(--dim);opacity:.5}.goes{fill:var(--gone)}.comes{fill:var(--add)}
.sign{white-space:nowrap}
@media(max-width:45rem){thead{display:none}tr,td{display:block}tr{border-bottom:1px solid var(--edge);padding:.4rem 0}
td{border:0;padding:0 0 0 2.5rem}td:first-child{float:left;padding:0}}
.now{stroke:var(--note);stroke-dasharray:4 3}
"""

_CLASSES: Final = {
    Action.CREATE: "add",
    Action.REPLACE: "swap",
    Action.REVOKE: "gone",
    Action.FORGET: "gone",
    Action.STATE_ONLY: "note",
    Action.NO_OP: "dim",
}


def render(view: View) -> str:
    """Return the page."""
    # whatever a line begins with: a pipeline prints the page, and obeys what begins with `::`
    return "\n".join(line(each) for each in "\n".join(_page(view)).split("\n")) + "\n"


def _page(view: View) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f'<meta name="plan-digest" content="{escape(view.digest)}">'
    yield f"<title>{escape(view.headline)}</title>"
    yield f"<style>{_STYLE}</style></head><body>"
    yield f"<h1>{escape(view.headline)}</h1>"
    yield f'<p class="sum">{escape(view.summary_line)}</p>'
    yield from _people_of(view)
    yield from _notes("Refused", view.refusals, "gone")
    yield from _table("This change causes", view.rows)
    yield from _table("Would happen anyway", view.anyway)
    yield from _notes("Attention", view.attention, "swap")
    yield from _table("Changes to the state alone", view.recorded)
    lifetimes = timeline.render(view)
    if lifetimes:
        yield "<h2>Lifetimes</h2>"
        yield '<p class="dim">Grey stays, red is revoked, green is created; the dashed line is the plan.</p>'
        yield lifetimes
    yield from _unchanged(view.unchanged)
    yield '<p class="dim">'
    yield f"{escape(view.server)}, as of {view.as_of:%Y-%m-%d %H:%M} UTC{', offline' if view.offline else ''}"
    yield f"<br><code>{escape(view.digest)}</code></p>"
    yield "</body></html>"


def _people_of(view: View) -> Iterator[str]:
    if not view.groups and not view.remarks:
        return
    yield '<div class="card" id="access">'
    if view.groups:
        yield "<ul>"
        yield from (_group(group) for group in view.groups)
        yield "</ul>"
    if view.remarks:
        yield f"<p>{escape(' '.join(view.remarks))}</p>"
    yield "</div>"


def _group(group: Affected) -> str:
    style = {"+": "add", "-": "gone", "~": "note"}[group.sign]
    who = ", ".join(
        f'<span class="{style}">{group.sign} {_code(reader.name)}</span>{_tags(reader)}'
        for reader in group.readers
    )
    meanings = []
    if group.losses:
        said = (
            f"{_code(loss.address)} <b>({escape(loss.hint)})</b>" if loss.hint else _code(loss.address)
            for loss in group.losses
        )
        meanings.append(", ".join(said))
    if group.gains:
        sign = '<span class="add">+</span> ' if group.losses else ""
        meanings.append(sign + ", ".join(map(_code, group.gains)))
    if group.relinked:
        meanings.append("new link for " + ", ".join(map(_code, group.relinked)))
    return f"<li>{who} → {'; '.join(meanings)}</li>"


def _change(detail: Detail) -> str:
    if detail.name == "source":
        return f"source {_code(detail.after)}, was {_code(detail.before)}"
    return f"{escape(detail.name)} {_code(detail.before)} → {_code(detail.after)}"


def _tags(reader: Reader) -> str:
    return "".join(f' <span class="tag">{escape(label)}</span>' for label in reader.labels)


def _notes(title: str, notes: Sequence[Note], style: str) -> Iterator[str]:
    if not notes:
        return
    yield f'<h2 class="{style}">{title}</h2><ul>'
    for note in notes:
        address = f"{_code(note.address)}: " if note.address else ""
        following = f'<br><span class="dim">Next: {_prose(note.next)}</span>' if note.next else ""
        yield f"<li>{address}{_prose(note.text)}{following}</li>"
    yield "</ul>"


def _table(title: str, rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    yield f"<h2>{title}</h2>"
    columns = ("", "secret", "why", "share", "from", "recipients")
    yield f"<table><thead><tr>{''.join(f'<th>{column}</th>' for column in columns)}</tr></thead>"
    yield "<tbody>"
    for row in rows:
        yield from _row(row)
    yield "</tbody></table>"


def _row(row: Row) -> Iterator[str]:
    place = f'<br><span class="dim">{escape(row.mark.file)}:{row.mark.line}</span>' if row.mark else ""
    about = f'<br><span class="dim">“{escape(row.description)}”</span>' if row.description else ""
    why = "<br>".join((*map(escape, row.why), *map(_change, row.details)))
    facts = escape(", ".join(row.facts)) if row.makes else ""
    yield f'<tr><td class="{_CLASSES[row.action]}"><code class="sign">{escape(row.sign)}</code></td>'
    yield f"<td>{_code(row.address)}{place}{about}</td><td>{why}</td><td>{facts}</td>"
    yield f"<td>{_code(row.origin) if row.origin else ''}</td><td>{_people(row)}</td></tr>"


def _people(row: Row) -> str:
    """Return who stays as they are, and who gains and loses with a sign."""
    gained, lost = {r.name for r in row.gained}, {r.name for r in row.lost}
    stay = [r for r in row.recipients if r.name not in gained | lost]
    lines = [
        *_signed("+", "add", row.gained),
        *_signed("-", "gone", row.lost),
        *(f"{_code(r.name)}{_tags(r)}" for r in stay),
    ]
    if row.opened and row.action.changes_vaults:
        lines.append(f'<span class="dim">opened {row.opened}x</span>')
    return "<br>".join(lines)


def _signed(sign: str, style: str, readers: Iterable[Reader]) -> Iterator[str]:
    for reader in readers:
        yield f'<span class="{style}">{sign} {_code(reader.name)}</span>{_tags(reader)}'


def _unchanged(rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    yield f"<details><summary>{len(rows):,} unchanged</summary><ul>"
    for row in rows:
        ends = f' <span class="dim">until {row.expires:%Y-%m-%d %H:%M} UTC</span>' if row.expires else ""
        yield f"<li>{_code(row.address)}{ends}</li>"
    yield "</ul></details>"


def _prose(text: str) -> str:
    """Return a sentence without backticks: marked up they could be the manifest's own, and they read as noise."""
    return escape(text.replace("`", ""))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
