"""What a parser throws at hostile bytes becomes a `DocumentError`: it costs that document."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from vecstream_cli.errors import DocumentError


@contextmanager
def document_errors(what: str) -> Iterator[None]:
    """Inside, a library reads `what` ("the PDF"); whatever it raises leaves as a DocumentError.

    Parsers fed bytes that nobody wrote by hand raise anything from KeyError to struct.error, so
    everything is caught here, and nothing is lost: the cause is chained and named.
    """
    try:
        yield
    except DocumentError:
        raise
    except MemoryError as error:
        raise DocumentError("out-of-memory", f"Not enough memory to read {what}.") from (error)
    except RecursionError as error:
        raise DocumentError("malformed", f"Cannot read {what}: it is nested too deep.") from error
    except Exception as error:
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(".: ")
        raise DocumentError("malformed", f"Cannot read {what} ({detail}).") from (error)


@contextmanager
def silenced(*loggers: str) -> Iterator[None]:
    """Inside, Python warnings and the named loggers below CRITICAL are dropped.

    Never held across a `yield` of ours: the state is the process's, not the generator's.
    """
    for name in loggers:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
