-- Delays by carrier and month. `input` is the dataset, `airlines` the reference data; dep_time is null when the
-- flight was cancelled. The 95th percentile interpolates linearly over all rows of the group.
SELECT
    input.carrier AS carrier,
    airlines.name AS name,
    input.month AS month,
    count(*) AS flights,
    sum(CASE WHEN input.dep_time IS NULL THEN 1 ELSE 0 END) AS cancelled,
    avg(input.dep_delay) AS mean_dep_delay,
    max(input.dep_delay) AS max_dep_delay,
    quantile_cont(input.dep_delay, 0.95) AS p95_dep_delay,
    avg(input.arr_delay) AS mean_arr_delay,
    sum(input.distance) AS distance
FROM input
JOIN airlines ON airlines.carrier = input.carrier
GROUP BY input.carrier, airlines.name, input.month
ORDER BY carrier, month
