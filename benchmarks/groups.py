"""The groups of work that can be asked for by name; each yields its lines as they are measured."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bars, peers
from benchmarks.data import EVENTS, LISTING, PILOT, TABLE, write_multiple
from benchmarks.lines import Bar, Line, Peer
from benchmarks.measure import Cost, NotDoneError, run, runs
from benchmarks.pages import measure_listing, measure_report
from benchmarks.portfolios import SIZES, measure_portfolios
from cgbm1_report.emit.escape import anchor
from cgbm1_report.errors import number_of

NAN = float("nan")
CLI = ("-m", "cgbm1_report.cli")
#: A peer that would need longer than this is not run.
PATIENCE = 60.0
#: Multiples of the pilot, and what the listing may take as PDF and in the formats written alone.
TABLE_BARS = {1: Bar(0.8), 50: Bar(1.2)}
PDF_BARS = {1: Bar(2.2, 1.5), 10: Bar(11.0, 1.5), 50: Bar(71.0, 1.5)}
ALONE = Bar(2.0)
DEMO = Bar(times_less=5.0)
PEERS_ALONE = {"docx": ("gt-docx", "great_tables, pandoc"), "rtf": ("rtflite", "rtflite"), "html": ("gt-html", "great_tables")}


@dataclass(frozen=True)
class Setting:
    """Where files go, and whether only the small sizes are wanted."""

    folder: Path
    quick: bool = False

    def sizes(self, *all_of_them: int) -> tuple[int, ...]:
        return all_of_them[:1] if self.quick else all_of_them


def rows_of(times: int) -> str:
    return f"{times * EVENTS:,} rows"


class Compared:
    """A peer's work at growing sizes; it is not run where the size before tells that it would take too long."""

    def __init__(self, setting: Setting, work: str, name: str) -> None:
        self.setting, self.work, self.name = setting, work, name
        self.before: tuple[int, float] | None = None

    def at(self, times: int) -> Peer:
        lacking = peers.absent(self.work)
        if lacking:
            return Peer(self.name, why_not=f"absent ({', '.join(lacking)} not installed)")
        if self.before is None and times > 1:
            return Peer(self.name, why_not="not run at this size")
        if self.before is not None:
            expected = self.before[1] * times / self.before[0]
            if expected > PATIENCE:
                return Peer(self.name, why_not=f"not run (about {expected:.0f} s by its time at {rows_of(self.before[0])})")
        try:
            texts = texts_at(self.setting, times)
            target = self.setting.folder / f"{self.work}-{times}.{self.work.rpartition('-')[2]}"
            cost = run("-m", "benchmarks.peers", self.work, texts, target, timeout=2 * PATIENCE)
        except NotDoneError as error:
            return Peer(self.name, why_not=f"failed ({str(error).splitlines()[0]})")
        self.before = (times, cost.wall)
        return Peer(self.name, cost)


def texts_at(setting: Setting, times: int) -> Path:
    target = setting.folder / f"texts-{times}.parquet"
    if not target.exists():
        run("-m", "benchmarks.listings", "texts", write_multiple(setting.folder, times), target)
    return target


def bench_cut(setting: Setting) -> Iterator[Line]:
    """Reading, validating and deriving: `benchmarks.bars`."""
    for task in bars.TASKS:
        if setting.quick and task.scale > 1:
            continue
        cut = bars.simulate(setting.folder, task.scale)
        cost = runs(1 if setting.quick else task.runs, "-m", "benchmarks.work", task.work, cut)
        yield Line(task.name, cost, Bar(task.seconds, task.memory))


def bench_table(setting: Setting) -> Iterator[Line]:
    for times in setting.sizes(1, 50):
        cut = write_multiple(setting.folder, times)
        cost = runs(1 if setting.quick else 5, *CLI, "show", TABLE, cut, "--trial", PILOT)
        yield Line(f"AE by SOC and PT, {rows_of(times)} of ADAE to text, whole process", cost, TABLE_BARS[times])


def bench_pdf(setting: Setting) -> Iterator[Line]:
    peer = Compared(setting, "gt-pdf", "great_tables, pandoc, typst")
    for times in setting.sizes(1, 10, 50):
        cut, target = write_multiple(setting.folder, times), setting.folder / f"listing-{times}.pdf"
        cost = runs(3 if times == 1 and not setting.quick else 1, "-m", "benchmarks.listings", "pdf", cut, target)
        check_pages(target)
        yield Line(f"AE listing, {rows_of(times)}, cut to PDF, whole process", cost, PDF_BARS[times], peer.at(times))


def check_pages(made: Path, most: int = 40) -> None:
    """Pages spread over the PDF have their title and a true page x of y; else it was not worth timing."""
    from pypdf import PdfReader

    pages = PdfReader(made).pages
    for at in range(0, len(pages), max(1, len(pages) // most)):
        text = "".join(pages[at].extract_text().split())
        if "Listing16.2.7.1.1" not in text or f"age{at + 1}of{len(pages)}" not in text:
            raise NotDoneError(f"{made.name}: page {at + 1} lacks its title or its number")


def bench_files(setting: Setting) -> Iterator[Line]:
    for form, (work, name) in PEERS_ALONE.items():
        peer = Compared(setting, work, name)
        for times in setting.sizes(1, 10, 50):
            cut, target = write_multiple(setting.folder, times), setting.folder / f"listing-{times}.{form}"
            cost = run("-m", "benchmarks.listings", form, cut, target)
            yield Line(f"AE listing, {rows_of(times)}, to {form.upper()}, work only", cost, ALONE, peer.at(times))


def _reports(setting: Setting, build: Path, work: str, bar: Bar) -> Line:
    """The notebooks of a build to a report in three formats: ours against the stock tools."""
    cost = run("-m", "benchmarks.reports", "ours", build, setting.folder / f"{build.name}-ours")
    name, lacking = "papermill, pandoc, typst", peers.absent("stock")
    if lacking:
        return Line(work, cost, bar, Peer(name, why_not=f"absent ({', '.join(lacking)} not installed)"))
    try:
        stock = run("-m", "benchmarks.reports", "stock", build, setting.folder / f"{build.name}-stock")
    except NotDoneError as error:
        return Line(work, cost, bar, Peer(name, why_not=f"failed ({str(error).splitlines()[0]})"))
    return Line(work, cost, bar, Peer(name, stock))


def bench_notebook(setting: Setting) -> Iterator[Line]:
    from tests.pilot.cut import write_pilot_cut

    build = setting.folder / "pilot-build"
    run(*CLI, "build", write_pilot_cut(setting.folder / "pilot"), "--out", build, "--trial", PILOT, "--formats", "html", "--quiet")
    yield _reports(setting, build, "one notebook, CDISC pilot, 4 outputs, to HTML, DOCX and PDF", Bar())


def bench_demo(setting: Setting) -> Iterator[Line]:
    """The demo build, a second one that must be the same in every byte, and its notebooks against the stock tools."""
    cut = bars.simulate(setting.folder, 1)
    some = ("--only", TABLE, "--only", LISTING) if setting.quick else ()
    first, second = setting.folder / "demo-build", setting.folder / "demo-again"
    cost = run(*CLI, "build", cut, "--out", first, "--quiet", *some)
    run(*CLI, "build", cut, "--out", second, "--quiet", "--jobs", 1, *some)
    count = check_same(first, second)
    which = "two outputs" if setting.quick else "all outputs"
    yield Line(f"demo cut to build, {which}, 4 formats, {number_of(count, 'file')}, the same twice", cost)
    work = f"demo notebooks but for listings, {which}, to HTML, DOCX and PDF"
    yield _reports(setting, first, work, Bar() if setting.quick else DEMO)


def bench_portfolio(setting: Setting) -> Iterator[Line]:
    """Many small studies in one call."""
    yield from measure_portfolios(setting.folder, setting.sizes(*SIZES))


def bench_pages(setting: Setting) -> Iterator[Line]:
    """The demo's report in a browser, by its own clock."""
    cut, build = bars.simulate(setting.folder, 1), setting.folder / "pages-build"
    some = ("--only", TABLE, "--only", LISTING) if setting.quick else ()
    run(*CLI, "build", cut, "--out", build, "--quiet", "--formats", "html", *some)
    opened = measure_report(build, anchor(TABLE))
    for what, work, bar in (
        ("report", "report.html of the demo, from disk", Bar(2.0)),
        ("first number", "a first number opened: its data read", Bar(0.2)),
        ("number", "another number opened", Bar(0.2)),
    ):
        yield Line(work, Cost(opened[what], NAN, NAN), bar)
    listed = measure_listing(build, anchor(LISTING))
    for what, work, bar in (
        ("listing", "a listing of 20,000 rows, from disk", Bar(3.0)),
        ("grid", "the same, to be sorted and filtered", Bar()),
        ("sorted", "the same, sorted", Bar()),
    ):
        yield Line(work, Cost(listed[what], NAN, NAN), bar)


def check_same(first: Path, second: Path) -> int:
    """Files of two builds, which must be the same in every byte."""
    files = [sorted(path.relative_to(build) for path in build.rglob("*") if path.is_file()) for build in (first, second)]
    if files[0] != files[1]:
        raise NotDoneError(f"two builds of one cut differ in their files: {set(files[0]) ^ set(files[1])}")
    _, differing, unread = filecmp.cmpfiles(first, second, map(str, files[0]), shallow=False)
    if differing or unread:
        raise NotDoneError(
            f"two builds of one cut differ in {number_of(len(differing) + len(unread), 'file')}: {(differing + unread)[:5]}"
        )
    return len(files[0])


GROUPS: dict[str, Callable[[Setting], Iterator[Line]]] = {
    "cut": bench_cut,
    "table": bench_table,
    "files": bench_files,
    "pdf": bench_pdf,
    "notebook": bench_notebook,
    "demo": bench_demo,
    "portfolio": bench_portfolio,
    "pages": bench_pages,
}
