-- 1.05 GB: 14M distinct keys in random order, 60 bytes of payload; half of the keys are in join_right
-- rows: 14000000
SELECT i AS k, substr(md5(i::VARCHAR) || md5((i + 1000000007)::VARCHAR), 1, 60) AS payload
FROM range($rows) t(i)
ORDER BY hash(i)
