-- 5M trades of 1000 symbols in order of time, milliseconds of one day
-- rows: 5000000
-- types: {t: 'BIGINT', symbol: 'INTEGER', amount: 'INTEGER'}
SELECT (i * 86400000 // $rows)::BIGINT AS t, (hash(i) % 1000)::INTEGER AS symbol,
       (hash(i + 5000000000) % 100000)::INTEGER AS amount
FROM range($rows) t(i)
