-- 60M pairs, about 15M of them distinct
-- rows: 60000000
-- types: {a: 'BIGINT', b: 'INTEGER'}
SELECT (hash(i) % ($rows // 60))::BIGINT AS a, (hash(i + 5000000000) % 15)::INTEGER AS b
FROM range($rows) t(i)
