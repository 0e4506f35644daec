-- What two entries of one person have in common, as columns that are computed and indexed, not stored.
-- email_key: the address without a +tag. phone_key: the last nine digits, which a country code or a leading zero does
-- not change. name_key: company, first letter of the first name and the last name; first names are compared in code.

ALTER TABLE contacts ADD COLUMN email_key TEXT GENERATED ALWAYS AS (
  iif(instr(email, '+') > 1 AND instr(email, '+') < instr(email, '@'),
      substr(email, 1, instr(email, '+') - 1) || substr(email, instr(email, '@')), email)
) VIRTUAL;

ALTER TABLE contacts ADD COLUMN phone_key TEXT GENERATED ALWAYS AS (
  iif(length(replace(replace(replace(replace(replace(replace(replace(replace(
        phone, ' ', ''), '+', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), 'x', '')) >= 7,
      substr(replace(replace(replace(replace(replace(replace(replace(replace(
        phone, ' ', ''), '+', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), 'x', ''), -9), NULL)
) VIRTUAL;

ALTER TABLE contacts ADD COLUMN name_key TEXT GENERATED ALWAYS AS (
  company_id || '|' || lower(substr(first_name, 1, 1)) || '|' || lower(last_name)
) VIRTUAL;

CREATE INDEX contacts_by_email_key ON contacts (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX contacts_by_phone_key ON contacts (phone_key) WHERE phone_key IS NOT NULL;
CREATE INDEX contacts_by_name_key ON contacts (name_key) WHERE name_key IS NOT NULL;
