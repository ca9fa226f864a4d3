"""Jobs that a source works on: `job`, `poll`, `done when`, `failed when`, `download` of a resource."""

from __future__ import annotations

from collections.abc import Callable

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.pages import Found
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.runtime import plan
from fieldmap.runtime.acquire.elsewhere import origin_of

_LINES = {
    "job": "job $.id",
    "poll": 'poll "/exports/{job}" every 10 s for 1 h',
    "done when": 'done when $.status == "COMPLETED" otherwise false',
    "download": 'download "/exports/{job}/file"',
}
# The lines of a resource that are about a job, as the tree names them.
EXPORT = ("job", "poll", "done_when", "failed_when", "download")
Compose = Callable[[ast.Expr, tuple[str, ...]], plan.Composed | None]


def lower_export(
    node: ast.Resource, checker: Checker, compose: Compose
) -> tuple[plan.Export | None, dict[str, ir.Read], dict[str, ir.Expr]]:
    """The job of a resource, None where it has none, or after a diagnostic; what is found in answers, and asked of them, by purpose."""
    report = checker.report
    lines = {"job": node.job, "poll": node.poll, "done when": node.done_when, "download": node.download}
    written = [line for line in (*lines.values(), node.failed_when) if line is not None]
    if not written or report.broken(node.span):
        return None, {}, {}
    missing = [name for name, line in lines.items() if line is None]
    if missing:
        report.error(
            "FM0401",
            f"{node.name.text} submits a job, and lacks its line {missing[0]}",
            written[0].span,
            help=f"add: {_LINES[missing[0]]}",
        )
        return None, {}, {}
    together = _goes_together(node, report)
    assert node.job and node.poll and node.download  # noqa: S101, PT018  (none is missing)
    assert node.done_when is not None  # noqa: S101
    finds = {"job": _found(node.job, report)}
    if node.download.at is not None:
        finds["link"] = _found(node.download.at, report)
    conditions = {"done": checker.condition(node.done_when, "done when")}
    if node.failed_when is not None:
        conditions["failed"] = checker.condition(node.failed_when, "failed when")
    # As everywhere in requests: beside what tells the job the paths may say what the parent's record says.
    poll = compose(node.poll.path, ("job",))
    download = compose(node.download.path, ("job",)) if node.download.path is not None else None
    origin = _origin(node, node.download, compose, report)
    if node.download.origin is not None and origin is None:
        return None, {}, {}
    if not together or poll is None or None in finds.values() or None in conditions.values():
        return None, {}, {}
    if node.download.at is None and download is None:
        return None, {}, {}
    default = plan.Export(job=Found("job"), poll=poll, done=Found("done"))
    export = plan.Export(
        job=Found("job"),
        poll=poll,
        done=Found("done"),
        failed=Found("failed") if node.failed_when is not None else None,
        download=download,
        link=Found("link") if node.download.at is not None else None,
        origin=origin,
        every_ms=node.poll.every.milliseconds if node.poll.every is not None else default.every_ms,
        life_ms=node.poll.life.milliseconds if node.poll.life is not None else default.life_ms,
    )
    return (
        export,
        {purpose: read for purpose, read in finds.items() if read is not None},
        {purpose: found for purpose, found in conditions.items() if found is not None},
    )


def _goes_together(node: ast.Resource, report: Report) -> bool:
    wrong: tuple[ast.Node, str, str] | None = None
    if node.pages is not None and node.pages.kind != "none":
        wrong = node.pages, "the file of a job has no pages", "leave the pages line out"
    elif node.poll is not None and node.poll.every is not None and node.poll.every.milliseconds < 1000:
        wrong = node.poll.every, "a job is asked after once a second at the most", "every 10 s"
    if wrong is not None:
        report.error("FM0402", wrong[1], wrong[0].span, help=wrong[2])
    return wrong is None


def _origin(resource: ast.Resource, node: ast.Download, compose: Compose, report: Report) -> plan.Composed | None:
    """Where files lie that are not on the connector's host. None where nothing is said, or after a diagnostic."""
    if node.origin is None:
        return None
    if resource.parent is not None and isinstance(node.origin, ast.Template):
        record = resource.parent.alias.text
        holes = [part.value for part in node.origin.parts if isinstance(part, ast.Hole)]
        said_of = next((path for path in holes if isinstance(path, ast.Path) and path.root == record), None)
        if said_of is not None:
            report.error(
                "FM0403",
                f"files are fetched from one host, whatever {record} is",
                said_of.span,
                help='name that host, or all below a name: "https://*.example.com"',
            )
            return None
    said = compose(node.origin, ())
    if said is None:
        return None
    stated = "".join(part for part in said.parts if isinstance(part, str))
    if any(isinstance(part, plan.SecretRef) for part in said.parts):
        report.error(
            "FM0403", "the host of a file is shown and stored", node.origin.span, help="use env instead of secret"
        )
        return None
    if len(said.parts) == 1 and isinstance(said.parts[0], str) and origin_of(stated) is None:
        report.error(
            "FM0403",
            "this is no host that a file can be fetched from",
            node.origin.span,
            help='write one such as "https://files.example.com" or "https://*.s3.amazonaws.com"',
        )
        return None
    return said


def _found(path: ast.Path, report: Report) -> ir.Read | None:
    found = shapes.walk(path, None, Report())
    if found is None or found.many:
        report.error("FM0403", "one value is wanted here", path.span, help="write a path such as $.id")
        return None
    return ir.Read(root="$", segments=found.segments, text=shapes.path_text(path))
