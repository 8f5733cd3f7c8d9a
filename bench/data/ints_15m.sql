-- 15M integers, about 9.5M of them distinct
-- rows: 15000000
-- types: {k: 'BIGINT'}
SELECT (hash(i) % $rows)::BIGINT AS k
FROM range($rows) t(i)
