-- Public data beside the shop's own, each with its source and licence.
CREATE TABLE sources (
  table_name  TEXT PRIMARY KEY,
  title       TEXT NOT NULL,
  publisher   TEXT NOT NULL,
  url         TEXT NOT NULL,
  licence     TEXT NOT NULL,
  licence_url TEXT NOT NULL,
  note        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE country_profiles (
  country           TEXT PRIMARY KEY,
  world_region      TEXT NOT NULL,
  income_per_person INTEGER NOT NULL,
  life_expectancy   REAL NOT NULL,
  population        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The eleven supersectors that add up to all nonfarm jobs; whole persons, seasonally adjusted.
CREATE TABLE us_employment (
  month  TEXT NOT NULL,
  sector TEXT NOT NULL,
  jobs   INTEGER NOT NULL,
  PRIMARY KEY (month, sector)
) STRICT, WITHOUT ROWID;

CREATE TABLE us_unemployment (
  month        TEXT NOT NULL,
  industry     TEXT NOT NULL,
  unemployed   INTEGER NOT NULL,
  rate_percent REAL NOT NULL,
  PRIMARY KEY (month, industry)
) STRICT, WITHOUT ROWID;

-- Every day from 2000 to 2040, so that a series without gaps needs no recursion.
CREATE TABLE calendar (
  day        TEXT PRIMARY KEY,
  week_start TEXT NOT NULL,
  month      TEXT NOT NULL,
  quarter    TEXT NOT NULL,
  year       TEXT NOT NULL,
  weekday    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

WITH RECURSIVE days (day) AS (
  SELECT '2000-01-01'
  UNION ALL
  SELECT date(day, '+1 day') FROM days WHERE day < '2040-12-31'
)
INSERT INTO calendar (day, week_start, month, quarter, year, weekday)
SELECT
  day,
  date(day, '-6 days', 'weekday 1'),
  substr(day, 1, 7),
  substr(day, 1, 4) || '-Q' || ((substr(day, 6, 2) + 2) / 3),
  substr(day, 1, 4),
  substr('SunMonTueWedThuFriSat', 1 + 3 * strftime('%w', day), 3)
FROM days;
