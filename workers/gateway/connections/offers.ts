/** What waits for review, and who has an account, at one connection. */
export interface Offer {
  waiting: number;
  /** Persons with an account of their own. */
  connected: number;
}

/** Every connection with definitions or accounts, by name. Published or not. */
export async function readOffers(database: D1Database): Promise<Map<string, Offer>> {
  const [definitions, accounts] = await database.batch<{ connection: string; count: number }>([
    database.prepare(
      `SELECT connection, sum(state = 'waiting') AS count FROM connection_definition GROUP BY connection ORDER BY connection`,
    ),
    database.prepare(`SELECT connection, count(*) AS count FROM person_account GROUP BY connection`),
  ]);
  const connected = new Map((accounts?.results ?? []).map(({ connection, count }) => [connection, count]));
  return new Map(
    (definitions?.results ?? []).map(({ connection, count }) => [
      connection,
      { waiting: count, connected: connected.get(connection) ?? 0 },
    ]),
  );
}

/** A person with an account of their own at a connection. */
export interface ConnectedPerson {
  id: string;
  state: "connected" | "reconnect";
  /** Milliseconds since the epoch: when the state changed. */
  since: number;
}

/** Most persons that one page lists. */
const MOST_PERSONS = 200;

/** Who has connected an account, the latest first. Never a token: those are with the person's object alone. */
export async function listConnected(database: D1Database, connection: string): Promise<ConnectedPerson[]> {
  const { results } = await database
    .prepare(
      `SELECT user_id AS id, state, changed_at AS since FROM person_account WHERE connection = ?
        ORDER BY changed_at DESC LIMIT ${MOST_PERSONS}`,
    )
    .bind(connection)
    .all<ConnectedPerson>();
  return results;
}
