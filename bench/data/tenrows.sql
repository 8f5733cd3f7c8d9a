-- ten rows at every scale
-- rows: 10
-- fixed: true
SELECT (hash(i) % 10)::BIGINT AS k,
       (hash(i + 5000000000) >> 11)::DOUBLE / 9007199254740992 AS v
FROM range($rows) t(i)
