"""What can be read: each format's reader, its version, and what its files are called."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from vecstream_cli.settings import ReadingOptions


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of document.

    `version` changes when the reader's output does. `reader` is a module of this package and a
    function in it, imported with the first such document. `options` names the fields of
    `ReadingOptions` that change what the reader makes of a file; without the one that `needs`
    names, or any of several, no such file is looked for. `pictures`, another function, finds the
    images inside one. One that `holds` other documents changes with whatever changes those.
    """

    version: str
    reader: str
    suffixes: tuple[str, ...]
    options: tuple[str, ...] = ()
    needs: str | tuple[str, ...] | None = None
    pictures: str | None = None
    holds: bool = False

    def is_read(self, options: ReadingOptions) -> bool:
        """Whether such a file is read at all: the model may have no use for what it holds."""
        if self.needs is not None:
            needed = (self.needs,) if isinstance(self.needs, str) else self.needs
            return any(getattr(options, name) for name in needed)
        return options.text or self.has_pictures(options)

    def has_pictures(self, options: ReadingOptions) -> bool:
        """Whether the images inside such a file are taken."""
        wanted = options.embedded_images and options.image is not None
        return wanted and self.pictures is not None


IMAGES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".tif", ".tiff"),
    *(".bmp", ".dib", ".avif", ".jp2"),
)
_IN_PARTS = "office_images:pictures"
_CODE = (
    ".py", ".pyi", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".go",
    ".rs", ".java", ".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".rb",
    ".sh", ".bash", ".cs", ".php", ".kt", ".kts", ".scala", ".swift", ".lua", ".pl",
    ".pm", ".r", ".jl", ".hs", ".ex", ".exs", ".erl", ".clj", ".dart", ".sql", ".ps1",
    ".proto", ".graphql", ".vue", ".svelte", ".zig",
)  # fmt: skip

FORMATS: Mapping[str, Format] = {
    "text": Format("text/2", "text:read_text", (".txt", ".text")),
    "rst": Format("rst/2", "text:read_rst", (".rst", ".rest")),
    "markdown": Format(
        "markdown/2", "markdown:read_markdown", (".md", ".markdown", ".mdown", ".mkd", ".mdx")
    ),
    "html": Format("html/1", "html:read_html", (".html", ".htm", ".xhtml")),
    "pdf": Format("pdf/2", "pdf:read_pdf", (".pdf",), ("ocr",), pictures="pdf_images:pictures"),
    "docx": Format(
        "docx/1", "docx:read_docx", (".docx", ".docm", ".dotx", ".dotm"), pictures=_IN_PARTS
    ),
    "pptx": Format(
        "pptx/1",
        "pptx:read_pptx",
        (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx"),
        pictures=_IN_PARTS,
    ),
    "xlsx": Format(
        "xlsx/1", "xlsx:read_xlsx", (".xlsx", ".xlsm", ".xltx", ".xltm"), pictures=_IN_PARTS
    ),
    "odt": Format("odt/1", "odf:read_odt", (".odt", ".ott"), pictures=_IN_PARTS),
    "odp": Format("odp/1", "odf:read_odp", (".odp", ".otp"), pictures=_IN_PARTS),
    "ods": Format("ods/1", "ods:read_ods", (".ods", ".ots"), pictures=_IN_PARTS),
    "rtf": Format("rtf/1", "rtf:read_rtf", (".rtf",)),
    "epub": Format("epub/1", "epub:read_epub", (".epub",), pictures=_IN_PARTS),
    "image": Format(
        "image/1",
        "image:read_image",
        IMAGES,
        ("ocr",),
        needs=("image", "ocr"),
    ),
    "csv": Format("csv/1", "csv_table:read_csv", (".csv", ".tsv", ".tab")),
    "json": Format("json/1", "json_fields:read_json", (".json",), options=("json_text",)),
    "jsonl": Format(
        "jsonl/1", "json_fields:read_jsonl", (".jsonl", ".ndjson"), options=("json_text",)
    ),
    "notebook": Format("notebook/1", "notebook:read_notebook", (".ipynb",)),
    "xml": Format(
        "xml/1", "xml_text:read_xml", (".xml", ".rss", ".atom", ".opml", ".dita", ".dbk", ".tei")
    ),
    "latex": Format("latex/1", "latex:read_latex", (".tex", ".latex", ".ltx")),
    "subtitles": Format("subtitles/1", "subtitles:read_subtitles", (".srt", ".vtt")),
    "mail": Format("mail/1", "mail:read_mail", (".eml",), holds=True),
    "mhtml": Format("mhtml/1", "mail:read_mhtml", (".mhtml", ".mht")),
    "mbox": Format("mbox/1", "mail:read_mbox", (".mbox",), holds=True),
    "archive": Format(
        "archive/1",
        "archives:read_archive",
        (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz"),
        holds=True,
        needs="archives",
    ),
    "code": Format(
        "code/1",
        "code:read_code",
        _CODE,
    ),
}

BY_SUFFIX: Mapping[str, str] = {
    suffix: name for name, each in FORMATS.items() for suffix in each.suffixes
}


def suffixes(options: ReadingOptions) -> frozenset[str]:
    """What the files are called that a folder is searched for."""
    return frozenset(suffix for suffix, name in BY_SUFFIX.items() if FORMATS[name].is_read(options))


def versions(options: ReadingOptions) -> Mapping[str, str]:
    """Format to version, as the manifest remembers which reader read a document, and how.

    That a password is given stands beside them: what failed before is tried again, what was read
    is not, and nothing tells what the password is.
    """
    found = {name: version(each, options) for name, each in FORMATS.items()}
    if options.pdf_password is not None:
        found["pdf-password"] = "pdf-password/given"
    return found


def version(form: Format, options: ReadingOptions) -> str:
    """A format's version, with those of its options that are not at their default."""
    default = {field.name: field.default for field in fields(options)}
    names = (*form.options, "embedded_images") if form.pictures else form.options
    if form.holds:
        others = {name for each in FORMATS.values() for name in each.options}
        names = tuple(sorted({*others, "archives", "embedded_images"}))
    told = (
        f";{name}={getattr(options, name)}"
        for name in names
        if getattr(options, name) != default[name]
    )
    return "".join((form.version, *told))
