-- 60M random distinct keys of 64 bits and a small integer
-- rows: 60000000
-- types: {k: 'BIGINT', v: 'INTEGER'}
SELECT (hash(i) >> 1)::BIGINT AS k, (hash(i + 5000000000) % 1000)::INTEGER AS v
FROM range($rows) t(i)
