"""How each aggregate is split: what every chunk computes, and how the parts become the whole."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlglot import exp

Parts = tuple[exp.Expr, ...]
_FRACTION = re.compile(r"0?\.[0-9]{1,9}|[01]")


@dataclass(frozen=True)
class Pick:
    """One exact quantile: the value at this fraction (a decimal literal) of all, or one between its two neighbours."""

    fraction: str
    continuous: bool


@dataclass(frozen=True)
class Counted:
    """How an aggregate is had from its values and how often each occurs: what is picked, and what is made of that.

    `value` is null where it does not count.
    """

    value: exp.Expr
    picks: tuple[Pick, ...]
    final: Callable[[Parts], exp.Expr]


@dataclass(frozen=True)
class Split:
    """The partial aggregates of one chunk, and the final expression over the columns that hold them.

    With `counted` the one partial is all values of the chunk, for which counted values can stand.
    """

    partials: Parts
    final: Callable[[Parts], exp.Expr]
    counted: Counted | None = None


class NotSplittable(Exception):
    """The query needs all rows in one place; the message says why."""


def split(aggregate: exp.Expr) -> Split:
    """Split one aggregate with its FILTER clause, if any. Raises NotSplittable.

    Exactness: counts and integer sums are added as integers; a mean is a sum by a count; quantiles and distinct
    counts carry their values, so that they are those of the whole and not of the chunks.
    """
    if isinstance(aggregate, exp.Filter):
        return _filtered(split(aggregate.this), aggregate.expression)
    rule = _RULES.get(type(aggregate))
    if rule is None:
        raise NotSplittable(f"{_name(aggregate)} can't be computed in parts")
    return rule(aggregate)


def is_aggregate(node: exp.Expr, aggregate_names: frozenset[str]) -> bool:
    """Whether a node is an aggregate: a known class, its FILTER or WITHIN GROUP, or a name the engine lists."""
    if isinstance(node, exp.Filter | exp.WithinGroup | exp.AggFunc | exp.IgnoreNulls | exp.RespectNulls):
        return True
    return isinstance(node, exp.Anonymous) and node.name.casefold() in aggregate_names


def _name(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return node.name.upper()
    return node.sql_name() if isinstance(node, exp.Func) else node.key.upper()


def _filtered(whole: Split, where: exp.Expr) -> Split:
    """Put the filter on every partial; one that has a filter of its own (values that are not null) gets both."""
    partials: list[exp.Expr] = []
    for partial in whole.partials:
        if isinstance(partial, exp.Filter):
            both = exp.and_(partial.expression.this.copy(), where.this.copy(), dialect="duckdb")
            partials.append(exp.Filter(this=partial.this.copy(), expression=exp.Where(this=both)))
        else:
            partials.append(exp.Filter(this=partial.copy(), expression=where.copy()))
    return Split(tuple(partials), whole.final, _counted_where(whole.counted, where))


def _counted_where(counted: Counted | None, where: exp.Expr) -> Counted | None:
    if counted is None:
        return None
    return replace(counted, value=exp.Case().when(where.this.copy(), counted.value.copy()))


def _argument(node: exp.Expr) -> exp.Expr:
    """The one plain argument of an aggregate. Raises NotSplittable for DISTINCT, ORDER BY and further arguments."""
    argument = node.this
    extra = [value for key, value in node.args.items() if key not in {"this", "big_int"} and value]
    if extra or not isinstance(argument, exp.Expr) or isinstance(argument, exp.Distinct | exp.Order):
        raise NotSplittable(f"{_name(node)} with DISTINCT, ORDER BY or further arguments can't be computed in parts")
    return argument


def _count(node: exp.Expr) -> Split:
    if isinstance(node.this, exp.Distinct):
        return _count_distinct(node, node.this)
    if node.expressions:
        raise NotSplittable("COUNT over several values can't be computed in parts")
    return Split((node.copy(),), lambda parts: _call("COALESCE", _bigint(exp.Sum(this=parts[0])), _number(0)))


def _count_distinct(node: exp.Expr, distinct: exp.Distinct) -> Split:
    if len(distinct.expressions) != 1 or node.args.get("expressions"):
        raise NotSplittable("COUNT(DISTINCT …) over several values can't be computed in parts")
    value = distinct.expressions[0]
    values = exp.Anonymous(this="LIST", expressions=[exp.Distinct(expressions=[value.copy()])])
    return Split(
        (_not_null(values, value),),
        lambda parts: _call("COALESCE", _call("LEN", _call("LIST_DISTINCT", _flattened(parts[0]))), _number(0)),
    )


def _again(node: exp.Expr) -> Split:
    """MIN of MINs, SUM of SUMs: the aggregate of the partial aggregates is the aggregate of the whole."""
    _argument(node)
    kind = type(node)
    return Split((node.copy(),), lambda parts: kind(this=parts[0]))


def _count_if(node: exp.Expr) -> Split:
    _argument(node)
    return Split((node.copy(),), lambda parts: exp.Sum(this=parts[0]))


def _mean(node: exp.Expr) -> Split:
    value = _argument(node)
    total, count = exp.Sum(this=value.copy()), exp.Count(this=value.copy(), big_int=True)
    return Split((total, count), _divide)


def _divide(parts: Parts) -> exp.Expr:
    total = exp.cast(exp.Sum(this=parts[0]), "DOUBLE", dialect="duckdb")
    return exp.Paren(this=exp.Div(this=total, expression=_call("NULLIF", exp.Sum(this=parts[1]), _number(0))))


def _sample(node: exp.Expr) -> Split:
    return _spread(node, "CASE WHEN q['n'] > 1 THEN q['s'] / (q['n'] - 1) END")


def _population(node: exp.Expr) -> Split:
    return _spread(node, "q['s'] / q['n']")


def _root(of: Callable[[exp.Expr], Split]) -> Callable[[exp.Expr], Split]:
    def rule(node: exp.Expr) -> Split:
        whole = of(node)
        return Split(whole.partials, lambda parts: _call("SQRT", whole.final(parts)))

    return rule


def _spread(node: exp.Expr, ending: str) -> Split:
    """Count, mean and variance of each chunk, merged pairwise (Chan, Golub, LeVeque 1979, eq. 2.1).

    That is how the engine merges its own threads' parts; sums of squares would lose all digits of large values.
    """
    value = _argument(node)
    count = exp.Count(this=value.copy(), big_int=True)
    partials = (count, exp.Avg(this=value.copy()), exp.VariancePop(this=value.copy()))
    return Split(partials, lambda parts: _merged(parts, ending))


_MERGE = """lambda x, y: {
    'n': x['n'] + y['n'],
    'm': (x['n'] * x['m'] + y['n'] * y['m']) / (x['n'] + y['n']),
    's': x['s'] + y['s'] + (y['m'] - x['m']) * (y['m'] - x['m']) * x['n'] * y['n'] / (x['n'] + y['n'])
}"""


def _merged(parts: Parts, ending: str) -> exp.Expr:
    count, mean, variance = (exp.cast(part, "DOUBLE", dialect="duckdb") for part in parts)
    members = {"n": count, "m": mean, "s": exp.Mul(this=variance, expression=count.copy())}
    row = exp.Struct(
        expressions=[exp.PropertyEQ(this=exp.to_identifier(name), expression=part) for name, part in members.items()]
    )
    some = exp.Where(this=exp.GT(this=parts[0].copy(), expression=_number(0)))
    whole = _call("LIST_REDUCE", exp.Filter(this=_call("LIST", row), expression=some), _lambda(_MERGE))
    ended = _call("LIST_TRANSFORM", _call("LIST_VALUE", whole), _lambda(f"lambda q: {ending}"))
    return _call("LIST_EXTRACT", ended, _number(1))


def _lambda(text: str) -> exp.Expr:
    """Parsed within a call, the only place where the parser knows lambdas."""
    call: exp.Expr = exp.maybe_parse(f"list_transform(rows, {text})", dialect="duckdb")
    found = call.find(exp.Lambda)
    assert found is not None  # noqa: S101 - our own text
    return found


def _median(node: exp.Expr) -> Split:
    value = _argument(node)
    return _of_values(value, "median", counted=_counted(value, _number(0.5), continuous=True))


def _quantile(node: exp.Expr) -> Split:
    names: dict[type[exp.Expr], str] = {exp.PercentileCont: "quantile_cont", exp.PercentileDisc: "quantile_disc"}
    fraction = node.args.get("expression") or node.args.get("quantile")
    if fraction is None or not _is_constant(fraction) or isinstance(node.this, exp.Distinct | exp.Order):
        raise NotSplittable(f"{_name(node)} needs one value and a constant fraction to be computed in parts")
    name = names.get(type(node), "quantile_disc")
    counted = _counted(node.this, fraction, continuous=name == "quantile_cont")
    return _of_values(node.this, name, fraction, counted=counted)


def _quantile_within_group(node: exp.Expr) -> Split:
    order = node.expression.expressions
    if not isinstance(node.this, exp.PercentileCont | exp.PercentileDisc) or len(order) != 1:
        raise NotSplittable("this WITHIN GROUP can't be computed in parts")
    if order[0].args.get("desc") or not _is_constant(node.this.this):
        raise NotSplittable("a quantile WITHIN GROUP needs ascending order and a constant fraction")
    return _quantile(type(node.this)(this=order[0].this.copy(), expression=node.this.this.copy()))


def _of_values(value: exp.Expr, function: str, *arguments: exp.Expr, counted: Counted | None) -> Split:
    values = exp.Anonymous(this="LIST", expressions=[value.copy()])
    name = exp.Literal.string(function)
    return Split(
        (_not_null(values, value),),
        lambda parts: _call("LIST_AGGREGATE", _flattened(parts[0]), name, *(item.copy() for item in arguments)),
        counted,
    )


def _counted(value: exp.Expr, fraction: exp.Expr, *, continuous: bool) -> Counted | None:
    """None where the fraction is not a plain decimal from 0 to 1, or the value is the same for all rows."""
    several = isinstance(fraction, exp.Array)
    texts = [item.sql(dialect="duckdb") for item in (fraction.expressions if several else [fraction])]
    if not texts or not all(map(_FRACTION.fullmatch, texts)) or not value.find(exp.Column):
        return None
    picks = tuple(Pick(text, continuous) for text in texts)
    return Counted(value, picks, _all_or_null if several else lambda parts: parts[0])


def _all_or_null(parts: Parts) -> exp.Expr:
    """Without a value there is no list of quantiles either."""
    some = exp.Not(this=exp.Is(this=parts[0].copy(), expression=exp.Null()))
    return exp.Case().when(some, _call("LIST_VALUE", *(part.copy() for part in parts)))


def _is_constant(node: exp.Expr) -> bool:
    return not node.find(exp.Column, exp.Func) or (isinstance(node, exp.Array) and not node.find(exp.Column))


def _not_null(aggregate: exp.Expr, value: exp.Expr) -> exp.Filter:
    present = exp.Not(this=exp.Is(this=exp.paren(value.copy()), expression=exp.Null()))
    return exp.Filter(this=aggregate, expression=exp.Where(this=present))


def _flattened(part: exp.Expr) -> exp.Expr:
    return _call("FLATTEN", _call("LIST", part))


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _bigint(value: exp.Expr) -> exp.Expr:
    return exp.cast(value, "BIGINT", dialect="duckdb")


def _number(value: float) -> exp.Expr:
    return exp.Literal.number(value)


_RULES: dict[type[exp.Expr], Callable[[exp.Expr], Split]] = {
    exp.Count: _count,
    exp.CountIf: _count_if,
    exp.Sum: _again,
    exp.Min: _again,
    exp.Max: _again,
    exp.LogicalAnd: _again,
    exp.LogicalOr: _again,
    exp.Avg: _mean,
    exp.Variance: _sample,
    exp.VariancePop: _population,
    exp.Stddev: _root(_sample),
    exp.StddevSamp: _root(_sample),
    exp.StddevPop: _root(_population),
    exp.Median: _median,
    exp.Quantile: _quantile,
    exp.PercentileCont: _quantile,
    exp.PercentileDisc: _quantile,
    exp.WithinGroup: _quantile_within_group,
}
"""The aggregates that can be split, by class; whatever is not here runs on one node."""
