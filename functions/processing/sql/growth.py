"""Which queries could make values of any size, whatever their rows."""

from sqlglot import exp

from functions.processing.sql.guard import function_name

BOUNDED = frozenset({
    "abs", "acos", "and", "any_value", "approx_count_distinct", "arg_max", "arg_min", "array_agg", "arrayagg",
    "ascii", "asin", "atan", "atan2", "avg", "bit_and", "bit_count", "bit_or", "bit_xor", "bool_and", "bool_or",
    "case", "cbrt", "ceil", "ceiling", "century", "coalesce", "columns", "contains", "corr", "cos", "count",
    "count_if", "covar_pop", "covar_samp", "cume_dist", "current_date", "current_timestamp", "date_add",
    "date_diff", "date_part", "date_sub", "date_trunc", "datediff", "day", "dayname", "dayofmonth", "dayofweek",
    "dayofyear", "decade", "degrees", "dense_rank", "ends_with", "entropy", "epoch", "epoch_ms", "even", "exists",
    "exp", "extract", "first", "first_value", "floor", "greatest", "hash", "histogram", "hour", "if", "ifnull",
    "instr", "isfinite", "isinf", "isnan", "isodow", "isoyear", "kurtosis", "lag", "last", "last_day", "last_value",
    "lead", "least", "left", "len", "length", "list", "ln", "log", "log10", "log2", "logical_and", "logical_or",
    "lower", "ltrim", "mad", "make_date", "max", "max_by", "md5", "mean", "median", "microsecond", "millisecond",
    "min", "min_by", "minute", "mod", "mode", "month", "monthname", "now", "nth_value", "ntile", "nullif",
    "percent_rank", "percentile_cont", "percentile_disc", "pi", "position", "pow", "power", "prefix", "product",
    "quantile", "quantile_cont", "quantile_disc", "quarter", "radians", "random", "rank", "regexp_extract",
    "regexp_full_match", "regexp_matches", "regr_slope", "right", "round", "row_number", "rtrim", "second",
    "sha256", "sign", "sin", "skewness", "split_part", "sqrt", "starts_with", "stddev", "stddev_pop", "stddev_samp",
    "str_position", "strftime", "strlen", "strpos", "strptime", "substr", "substring", "suffix", "sum", "tan",
    "to_timestamp", "trim", "trunc", "upper", "uuid", "var_pop", "var_samp", "variance", "week", "weekday",
    "weekofyear", "year", "yearweek",
})  # fmt: skip
"""Functions whose values are no larger than their arguments, or of a fixed size. Others may be harmless, too: not to be
here only costs a query a process of its own."""


def growing(tree: exp.Query) -> frozenset[str]:
    """The functions and operators of a query that could make a value larger than what they are given."""
    names = {name for function in tree.find_all(exp.Func) if (name := function_name(function)) not in BOUNDED and name}
    if tree.find(exp.DPipe, exp.Concat, exp.ConcatWs):
        names.add("||")
    if tree.find(exp.Lambda):
        names.add("lambda")
    if any(with_.recursive for with_ in tree.find_all(exp.With)):
        names.add("recursive")
    return frozenset(names)
