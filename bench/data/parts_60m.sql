-- 60M rows in 1M partitions, ordered by t within each, all in random order
-- rows: 60000000
-- types: {p: 'INTEGER', t: 'BIGINT', v: 'INTEGER'}
SELECT (h % ($rows // 60))::INTEGER AS p, (h >> 24)::BIGINT AS t, ((h >> 10) % 1000)::INTEGER AS v
FROM (SELECT hash(i) AS h FROM range($rows) t(i))
