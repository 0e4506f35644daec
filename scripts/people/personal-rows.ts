/** SQL for the id of the person whose rows are read. */
type Query = (user: string) => string;

const sessions: Query = (user) =>
  `SELECT "createdAt", "expiresAt", "ipAddress", "userAgent" FROM "session" WHERE "userId" = ${user};`;

const credentials: Query = (user) =>
  `SELECT "providerId", "createdAt", "updatedAt" FROM "account" WHERE "userId" = ${user};`;

const identities: Query = (user) =>
  `SELECT issuer, subject, created_at, last_at FROM federated_identity WHERE user_id = ${user};`;

const passkeys: Query = (user) =>
  `SELECT id, name, created_at, last_used_at FROM passkey WHERE user_id = ${user};`;

const api_keys: Query = (user) =>
  `SELECT id, name, scopes, resources, tools, networks, certificates, proof, days, created_at, by FROM access_key WHERE owner = ${user};`;

const password_links: Query = (user) =>
  `SELECT kind, by, created_at, ends_at FROM password_link WHERE user_id = ${user};`;

const provisioning: Query = (user) =>
  `SELECT user_name, external_id, created_at, updated_at FROM scim_user WHERE user_id = ${user};`;

// Named for the team, by its address: the id of a membership is the person's own.
const teams: Query = (user) =>
  `SELECT DISTINCT "name", "email" FROM team_belonging JOIN "user" ON "user"."id" = team_id WHERE user_id = ${user};`;

// An API key is called by its owner alone, so where it was called from is known of them.
const countries: Query = (user) =>
  `SELECT iif(dimension = 'app', member, NULL) AS client_id, country, first_at, last_at FROM known_country
    WHERE (dimension = 'person' AND member = ${user})
       OR (dimension = 'app' AND member IN (SELECT id FROM access_key WHERE owner = ${user}))
    ORDER BY client_id, country;`;

/** The rows of the platform database about one person, by their name in the export, without what is secret. */
export const PERSONAL_ROWS = {
  sessions,
  credentials,
  identities,
  passkeys,
  api_keys,
  password_links,
  provisioning,
  teams,
  countries,
} as const;
