/** Typical statements of analysts, which no bound may refuse. */
export const REPORTS: readonly string[] = [
  "SELECT substr(occurred_at, 1, 7) AS m, kind, count(DISTINCT customer_id) FROM events GROUP BY 1, 2 ORDER BY 1 DESC, 3",
  "SELECT strftime('%Y-%m', occurred_at) AS m, sum(amount_cents) / 100.0 FROM events WHERE kind = 'order' GROUP BY 1",
  "SELECT country || ' / ' || region AS place, printf('%.2f', sum(amount_cents) / 100.0) AS usd FROM events GROUP BY 1 ORDER BY 2 DESC",
  "SELECT product, rank() OVER (PARTITION BY category ORDER BY sum(amount_cents) DESC) FROM events WHERE kind = 'order' GROUP BY product",
  "SELECT id, lag(amount_cents) OVER (PARTITION BY customer_id ORDER BY occurred_at) FROM events WHERE kind = 'order'",
  "SELECT region, group_concat(DISTINCT product) FROM events GROUP BY region",
  "SELECT count(*) FROM events WHERE product LIKE '%tent%' OR campaign GLOB 'spring*'",
  "SELECT upper(country), lower(product), replace(channel, '_', ' '), count(*) FROM events GROUP BY 1, 2, 3 ORDER BY 4 DESC",
  "WITH first AS (SELECT customer_id, min(occurred_at) AS at FROM events WHERE kind = 'order' GROUP BY customer_id) SELECT substr(at, 1, 7), count(*) FROM first GROUP BY 1",
  "WITH m AS (SELECT substr(occurred_at, 1, 7) AS m, sum(amount_cents) AS s FROM events GROUP BY 1) SELECT a.m, a.s - b.s FROM m AS a JOIN m AS b ON b.m < a.m",
  "SELECT sum(amount_cents) OVER (ORDER BY occurred_at ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) FROM events WHERE kind = 'order'",
  "SELECT customer_id || ':' || product || ':' || country || ':' || channel || ':' || segment AS k, count(*) FROM events GROUP BY k HAVING count(*) > 1 ORDER BY 2 DESC",
  "SELECT a.customer_id FROM events a JOIN events b ON a.customer_id = b.customer_id AND a.kind = 'order' AND b.kind = 'refund' GROUP BY 1 HAVING count(*) > 0",
  "SELECT e.country, sum(e.amount_cents) / p.population FROM events e JOIN country_profiles p ON p.country = e.country GROUP BY e.country",
  "SELECT kind, json_group_array(DISTINCT channel) FROM events GROUP BY kind",
  `SELECT count(*) FROM events WHERE id IN (${Array.from({ length: 300 }, (_, at) => at).join(", ")})`,
];
