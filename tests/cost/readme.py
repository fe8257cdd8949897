"""The page as it stands in README.md, between two marks."""

from template import ROOT

README = ROOT / "README.md"
BEGIN, END = "<!-- What `make cost ARGUMENTS=--readme` writes. -->\n", "<!-- So far. -->\n"


def read() -> str:
    """What stands there."""
    _, page, _ = _parts()
    return page


def write(page: str) -> None:
    """Puts a page there."""
    before, _, after = _parts()
    README.write_text(f"{before}{BEGIN}\n{page}\n{END}{after}", encoding="utf-8")


def _parts() -> tuple[str, str, str]:
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    page, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{README.name} has no place for the page: {BEGIN.strip()} … {END.strip()}")
    return before, page.strip("\n") + "\n", after
