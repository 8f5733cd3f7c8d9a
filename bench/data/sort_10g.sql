-- 10 GB: rows of exactly 100 bytes with a random key of ten letters and digits, no header
-- rows: 100000000
-- header: false
SELECT to_base((hash(i) % 3656158440062976)::BIGINT, 36, 10) AS k,
       substr(md5(i::VARCHAR) || md5((i + 1)::VARCHAR) || md5((i + 2)::VARCHAR), 1, 88) AS payload
FROM range($rows) t(i)
