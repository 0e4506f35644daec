-- Companies, and people by their company, are chosen by country, city and industry; and each of these is listed by going
-- from one value to the next.
CREATE INDEX companies_by_country ON companies (country COLLATE NOCASE, seq);
CREATE INDEX companies_by_city ON companies (city COLLATE NOCASE, seq);
CREATE INDEX companies_by_industry ON companies (industry COLLATE NOCASE, seq);
