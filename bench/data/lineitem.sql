-- 1 GB of TPC-H lineitem: its columns, types and distributions, made with a hash instead of dbgen
-- rows: 2000000
WITH line AS (
    SELECT o, n, hash(o * 8 + n) AS h, hash(o * 8 + n + 500000000000) AS g,
           DATE '1992-01-01' + (hash(o + 900000000000) % 2406)::INTEGER AS ordered
    FROM (SELECT o, unnest(range(1, 2 + (hash(o) % 7)::BIGINT)) AS n FROM range($rows) t(o))
), drawn AS (
    SELECT *, 1 + (h % 200000)::BIGINT AS part, 1 + ((h >> 20) % 50)::BIGINT AS quantity,
           ordered + (1 + ((h >> 28) % 121))::INTEGER AS shipped
    FROM line
), dated AS (
    SELECT *, shipped + (1 + ((h >> 36) % 30))::INTEGER AS received FROM drawn
)
SELECT (o // 8) * 32 + o % 8 + 1 AS l_orderkey,
       part AS l_partkey,
       1 + ((part + (g % 4)::BIGINT * 2500 + (part - 1) // 10000) % 10000) AS l_suppkey,
       n AS l_linenumber,
       quantity::DECIMAL(15, 2) AS l_quantity,
       (quantity * (90000 + (part // 10) % 20001 + 100 * (part % 1000)) / 100)::DECIMAL(15, 2)
           AS l_extendedprice,
       ((h >> 44) % 11)::DECIMAL(15, 2) / 100 AS l_discount,
       ((h >> 50) % 9)::DECIMAL(15, 2) / 100 AS l_tax,
       CASE WHEN received > DATE '1995-06-17' THEN 'N'
            WHEN (h >> 56) % 2 = 0 THEN 'R' ELSE 'A' END AS l_returnflag,
       CASE WHEN shipped > DATE '1995-06-17' THEN 'O' ELSE 'F' END AS l_linestatus,
       shipped AS l_shipdate,
       ordered + (30 + ((g >> 8) % 61))::INTEGER AS l_commitdate,
       received AS l_receiptdate,
       ['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'][1 + ((g >> 16) % 4)::INT]
           AS l_shipinstruct,
       ['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'][1 + ((g >> 20) % 7)::INT] AS l_shipmode,
       substr('carefully final deposits sleep quickly. ironic requests haggle above the furiously '
              || 'bold packages; slyly even accounts wake blithely according to the express ideas',
              1 + ((g >> 24) % 100)::BIGINT, 10 + ((g >> 34) % 34)::BIGINT) AS l_comment
FROM dated
