-- 5M quotes of the same symbols and day
-- rows: 5000000
-- types: {t: 'BIGINT', symbol: 'INTEGER', price: 'INTEGER'}
SELECT (i * 86400000 // $rows + (hash(i) % 7)::BIGINT)::BIGINT AS t,
       (hash(i + 7000000000) % 1000)::INTEGER AS symbol,
       (hash(i + 9000000000) % 100000)::INTEGER AS price
FROM range($rows) t(i)
