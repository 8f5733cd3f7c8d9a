-- 60M uniformly random doubles in [0, 1)
-- rows: 60000000
-- types: {x: 'DOUBLE'}
SELECT (hash(i) >> 11)::DOUBLE / 9007199254740992 AS x
FROM range($rows) t(i)
