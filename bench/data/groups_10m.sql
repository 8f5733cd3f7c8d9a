-- 10M rows, 1M uniformly random groups, a double in [0, 1)
-- rows: 10000000
SELECT (hash(i) % ($rows // 10))::BIGINT AS k,
       (hash(i + 5000000000) >> 11)::DOUBLE / 9007199254740992 AS v
FROM range($rows) t(i)
