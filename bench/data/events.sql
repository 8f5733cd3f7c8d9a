-- 1 GB of JSON Lines: web events, flat
-- rows: 6600000
-- format: json
SELECT strftime(TIMESTAMP '2026-01-01' + to_milliseconds(i), '%Y-%m-%dT%H:%M:%S.%gZ') AS ts,
       (hash(i) % 1000000)::BIGINT AS user_id,
       '/' || ['shop', 'blog', 'help', 'cart', 'api'][1 + (hash(i + 1) % 5)::INT]
           || '/item-' || (hash(i + 2) % 10000) AS path,
       [200, 200, 200, 200, 200, 200, 301, 404, 500, 503][1 + (hash(i + 3) % 10)::INT] AS status,
       (hash(i + 4) % 100000)::BIGINT AS bytes,
       round((hash(i + 5) % 1000000)::DOUBLE / 1000, 3) AS latency_ms,
       ['DE', 'FR', 'IN', 'US', 'BR', 'JP', 'NG', 'PL'][1 + (hash(i + 6) % 8)::INT] AS country
FROM range($rows) t(i)
