-- 1.06 GB: the keys from half to one and a half times the rows, in another random order
-- rows: 14000000
SELECT i AS k, substr(md5((i + 5)::VARCHAR) || md5((i + 2000000011)::VARCHAR), 1, 60) AS payload
FROM range($rows // 2, $rows + $rows // 2) t(i)
ORDER BY hash(i + 77777777777)
