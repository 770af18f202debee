"""A document's parts as the bytes of a file: Markdown, HTML, plain text, PDF."""

from collections.abc import Iterator, Sequence
from html import escape
from textwrap import wrap

from vecstream_cli.api.bench.pdf_writer import Line, pdf, wrapped
from vecstream_cli.api.bench.prose import Part


def markdown(title: str, parts: Sequence[Part], *, front_matter: bool) -> bytes:
    """Markdown, half of it with front matter, as found in the wild."""
    out = [f"---\ntitle: {title}\nstatus: draft\n---\n"] if front_matter else []
    out.append(f"# {title}\n")
    for part in parts:
        match part.kind:
            case "heading":
                out.append(f"{'#' * part.level} {part.lines[0]}\n")
            case "list":
                out.append("\n".join(f"- {line}" for line in part.lines) + "\n")
            case "code":
                out.append("```\n" + "\n".join(part.lines) + "\n```\n")
            case "table":
                rows = [f"| {' | '.join(row.split(chr(9)))} |" for row in part.lines]
                out.append("\n".join((rows[0], "|---|---|---|", *rows[1:])) + "\n")
            case _:
                out.append("\n".join(wrap(part.lines[0], 96)) + "\n")
    return "\n".join(out).encode()


def text(title: str, parts: Sequence[Part]) -> bytes:
    """Plain text in lines of 72 characters."""
    out = [title, "=" * len(title), ""]
    for part in parts:
        match part.kind:
            case "heading":
                out += [part.lines[0], "-" * len(part.lines[0]), ""]
            case "list":
                for line in part.lines:
                    out += wrap(line, 72, initial_indent="  * ", subsequent_indent="    ")
                out.append("")
            case "code":
                out += [f"    {line}" for line in part.lines] + [""]
            case "table":
                out += [
                    "  ".join(f"{c:<22}" for c in row.split("\t")).rstrip() for row in part.lines
                ]
                out.append("")
            case _:
                out += [*wrap(part.lines[0], 72), ""]
    return ("\n".join(out) + "\n").encode()


def html(title: str, parts: Sequence[Part], *, menu: Sequence[str]) -> bytes:
    """A page with what surrounds an article: a style sheet, a menu, a footer."""
    links = "\n".join(
        f'      <li><a class="nav-link" href="{n}.html" title="Go to {escape(name)}">'
        f"<span>{escape(name)}</span></a></li>"
        for n, name in enumerate(menu)
    )
    body = "\n".join(_html_part(part) for part in parts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>{escape(title)} | Documents</title>
  <style>body {{ font: 16px sans-serif; }} .nav-link {{ color: #246; }} {_STYLE}</style>
  <script>window.documents = window.documents || []; documents.push({len(body)});</script>
</head>
<body>
  <nav aria-label="Documents">
    <ul>
{links}
    </ul>
  </nav>
  <main role="main">
    <article>
      <h1>{escape(title)}</h1>
{body}
    </article>
  </main>
  <footer><p>All rights reserved. <a href="privacy.html">Privacy</a></p></footer>
</body>
</html>
""".encode()


def paper(title: str, parts: Sequence[Part]) -> bytes:
    """A PDF of A4 pages, set justified."""
    return pdf(title, [Line(title, size=18, font=1), *_paper_lines(parts)])


_STYLE = " ".join(f".c{n} {{ margin: 0 {n}px; padding: {n % 7}px 0 }}" for n in range(40))


def _html_part(part: Part) -> str:
    match part.kind:
        case "heading":
            return f'      <h{part.level} class="c1">{escape(part.lines[0])}</h{part.level}>'
        case "list":
            items = "".join(f"<li>{escape(line)}</li>" for line in part.lines)
            return f"      <ul>{items}</ul>"
        case "code":
            return f"      <pre><code>{escape(chr(10).join(part.lines))}</code></pre>"
        case "table":
            rows = "".join(
                "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row.split("\t")) + "</tr>"
                for row in part.lines
            )
            return f"      <table>{rows}</table>"
        case _:
            return f"      <p>{escape(part.lines[0])}</p>"


def _paper_lines(parts: Sequence[Part]) -> Iterator[Line]:
    for part in parts:
        match part.kind:
            case "heading":
                yield Line(part.lines[0], size=13, font=1, gap=10)
            case "code":
                for number, line in enumerate(part.lines):
                    yield Line(line, size=9, font=2, gap=0 if number else 6)
            case "table":
                for number, row in enumerate(part.lines):
                    yield Line("   ".join(row.split("\t")), size=9.5, gap=0 if number else 6)
            case "list":
                for item in part.lines:
                    for number, line in enumerate(wrapped(f"• {item}")):
                        yield Line(line, gap=0 if number else 3)
            case _:
                lines = wrapped(part.lines[0])
                for number, line in enumerate(lines):
                    last = number == len(lines) - 1
                    yield Line(line, justified=not last, gap=0 if number else 6)
