"""The report as a file: one HTML page that needs nothing from elsewhere, or Markdown."""

import html
from collections.abc import Iterator, Mapping
from pathlib import Path

from cli.console import instant
from cli.report_sections import Section, advice, headline, sections
from control_tower.report import Report
from domain.health import SystemStatus

_COLOURS = {
    SystemStatus.HEALTHY: "#2e9e5b",
    SystemStatus.DEGRADED: "#b8860b",
    SystemStatus.CRITICAL: "#d0342c",
    SystemStatus.EMERGENCY_STOP: "#6a1b9a",
}
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1c1c1c; background: #fff; max-width: 72rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
.status { display: inline-block; color: #fff; padding: .1rem .6rem; border-radius: .3rem; font-weight: 600; }
.when, .empty { color: #666; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #e6e6e6;
         overflow-wrap: anywhere; min-width: 3rem; }
th { font-weight: 600; color: #444; white-space: nowrap; }
svg { max-width: 100%; height: auto; display: block; margin: .4rem 0 .8rem; }
"""


def as_html(report: Report) -> str:
    """Write the page, its pictures inside."""
    from cli.report_plots import draw  # late: the plotting library costs half a second

    return "\n".join(_html(report, draw(report)))


def as_markdown(report: Report) -> str:
    """Write it as Markdown, without pictures: for mails and chats too."""
    return "\n".join(_markdown(report)) + "\n"


def write(report: Report, path: Path) -> None:
    """Write the file that its ending asks for: .html (or .htm), else Markdown."""
    is_page = path.suffix.lower() in {".html", ".htm"}
    path.write_text(as_html(report) if is_page else as_markdown(report), encoding="utf-8")


def _html(report: Report, pictures: Mapping[str, str]) -> Iterator[str]:
    status = report.system.status
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    yield f"<title>Stakazo report, {instant(report.until)}</title><style>{_STYLE}</style></head><body>"
    yield f'<h1>Stakazo <span class="status" style="background:{_COLOURS[status]}">'
    yield f"{status.upper().replace('_', ' ')}</span></h1>"
    yield f'<p class="when">{instant(report.since)} to {instant(report.until)}</p>'
    yield f"<p>{html.escape(headline(report))}</p>"
    told = list(advice(report))
    if told:
        yield f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in told)}</ul>"
    for section in sections(report):
        yield from _html_section(section, pictures)
    yield "</body></html>"


def _html_section(section: Section, pictures: Mapping[str, str]) -> Iterator[str]:
    yield f"<h2>{html.escape(section.title)}</h2>"
    yield pictures.get(section.picture, "")
    if not section.rows:
        yield f'<p class="empty">{html.escape(section.empty)}</p>'
        return
    yield '<div class="wide"><table><thead><tr>'
    yield "".join(f"<th>{html.escape(name)}</th>" for name in section.columns)
    yield "</tr></thead><tbody>"
    for row in section.rows:
        yield f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>"
    yield "</tbody></table></div>"


def _markdown(report: Report) -> Iterator[str]:
    yield f"# Stakazo: {report.system.status.upper().replace('_', ' ')}"
    yield f"{instant(report.since)} to {instant(report.until)}"
    yield ""
    yield headline(report)
    yield ""
    yield from (f"- {_plain(line)}" for line in advice(report))
    for section in sections(report):
        yield ""
        yield f"## {section.title}"
        if not section.rows:
            yield section.empty
            continue
        yield f"| {' | '.join(section.columns)} |"
        yield f"|{'---|' * len(section.columns)}"
        yield from (f"| {' | '.join(map(_plain, row))} |" for row in section.rows)


def _plain(text: str) -> str:
    """Text from outside without force on a Markdown page."""
    for mark in "\\*_[]<>|#":
        text = text.replace(mark, f"\\{mark}")
    return text
