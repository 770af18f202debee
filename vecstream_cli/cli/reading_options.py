"""The options that say how files are read, each defined once as those in `options`."""

from typing import Annotated

from typer import Option

_READING = "How to read it"

Ocr = Annotated[
    str | None,
    Option(
        "--ocr",
        metavar="[=LANGUAGES]",
        help="Read scanned pages and images of text with Tesseract, if installed. Default: eng.",
        rich_help_panel=_READING,
    ),
]
PdfPasswordFile = Annotated[
    str | None,
    Option(
        "--pdf-password-file",
        metavar="FILE",
        help="Open encrypted PDFs with the password in FILE.",
        rich_help_panel=_READING,
    ),
]
PdfPasswordCommand = Annotated[
    str | None,
    Option(
        "--pdf-password-command",
        metavar="COMMAND",
        help="Open them with the password that COMMAND prints.",
        rich_help_panel=_READING,
    ),
]
JsonText = Annotated[
    str | None,
    Option(
        "--json-text",
        metavar="POINTER",
        help="Of JSON take only the text at POINTER, such as /body/text; of JSONL, in each line.",
        rich_help_panel=_READING,
    ),
]
Archives = Annotated[
    bool | None,
    Option(
        "--archives/--no-archives",
        help="Read what is in zip, tar, gz, bz2 and xz files, too.",
        rich_help_panel=_READING,
    ),
]
