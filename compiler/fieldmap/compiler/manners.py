"""How a connector behaves towards its source: limits, breakers, repetitions, and TLS."""

from __future__ import annotations

from collections.abc import Callable

from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.runtime import plan

_PERIODS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}


def tls(node: ast.Tls, composed: Callable[[ast.Expr], plan.Composed | None], report: Report) -> plan.ClientTls | None:
    known = ("certificate", "key", "password", "roots")
    given: dict[str, plan.Composed] = {}
    for setting in node.settings:
        if setting.name.text not in known:
            report.unknown("FM0403", "setting of tls called", setting.name, known)
            return None
        value = composed(setting.value)
        if value is None:
            return None
        given[setting.name.text] = value
    if not given or ("key" in given and "certificate" not in given):
        report.error(
            "FM0401",
            "tls lacks its certificate" if given else "tls says nothing",
            node.span,
            help="add: certificate env.CLIENT_CERTIFICATE, the name of a file in PEM",
        )
        return None
    return plan.ClientTls(**given)


def limit(node: ast.Limit, report: Report) -> plan.RateLimit | None:
    period = _PERIODS.get(node.unit.text) if node.unit is not None else 1000
    if period is None:
        assert node.unit is not None  # noqa: S101  (it named no span of time)
        report.unknown("FM0403", "span of time for a limit called", node.unit, _PERIODS)
        return None
    if node.requests == 0 or node.at_once == 0:
        report.error("FM0403", "a limit of no requests lets nothing through", node.span, help="name 1 or more")
        return None
    return plan.RateLimit(requests=node.requests or 0, period_ms=period, at_once=node.at_once or 0)


def breaker(node: ast.Breaker, report: Report) -> plan.BreakerPolicy | None:
    if node.failures < 1:
        report.error("FM0403", "a breaker opens after 1 failure or more", node.span, help="opens after 10")
        return None
    if node.probe is None:
        return plan.BreakerPolicy(failures=node.failures)
    return plan.BreakerPolicy(failures=node.failures, probe_ms=node.probe.milliseconds)


def retry(node: ast.Retry, report: Report) -> plan.RetryPolicy | None:
    statuses: list[int] = []
    server_errors = timeouts = False
    for cause in node.causes:
        if cause.text == "5xx":
            server_errors = True
        elif cause.text == "timeout":
            timeouts = True
        elif cause.text.isdigit() and 400 <= int(cause.text) <= 599:
            statuses.append(int(cause.text))
        else:
            report.error(
                "FM0403",
                f"{cause.text} is nothing to try again on",
                cause.span,
                help="name statuses such as 429, and 5xx, timeout",
            )
            return None
    if node.times > 20:
        report.error(
            "FM0403",
            "no more than 20 repetitions",
            node.span,
            help="a source that fails so often is down; sync again later",
        )
        return None
    default = plan.RetryPolicy()
    return plan.RetryPolicy(
        times=node.times,
        statuses=tuple(statuses),
        server_errors=server_errors,
        timeouts=timeouts,
        first_ms=node.first.milliseconds if node.first is not None else default.first_ms,
        longest_ms=node.longest.milliseconds if node.longest is not None else default.longest_ms,
    )
