-- 60M rows of four keys with 4, 20, 50 and 250 values: a million groups
-- rows: 60000000
-- types: {a: 'INTEGER', b: 'INTEGER', c: 'INTEGER', d: 'INTEGER', v: 'INTEGER'}
SELECT (h % 4)::INTEGER AS a, ((h >> 8) % 20)::INTEGER AS b, ((h >> 20) % 50)::INTEGER AS c,
       ((h >> 32) % 250)::INTEGER AS d, ((h >> 48) % 1000)::INTEGER AS v
FROM (SELECT hash(i) AS h FROM range($rows) t(i))
