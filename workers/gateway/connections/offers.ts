/** What waits for review, and who has an account, at one connection. */
export interface Offer {
  /** Definitions, whatever was decided about them; none of a connection whose tools are not reviewed. */
  definitions: number;
  waiting: number;
  /** Persons with an account of their own. */
  connected: number;
}

/** Every connection with definitions or accounts, by name. Published or not. */
export async function readOffers(database: D1Database): Promise<Map<string, Offer>> {
  const { results } = await database
    .prepare(
      `SELECT connection, sum(definitions) AS definitions, sum(waiting) AS waiting, sum(connected) AS connected FROM (
         SELECT connection, count(*) AS definitions, sum(state = 'waiting') AS waiting, 0 AS connected
           FROM connection_definition GROUP BY connection
         UNION ALL
         SELECT connection, 0, 0, count(*) FROM person_account GROUP BY connection
       ) GROUP BY connection ORDER BY connection`,
    )
    .all<{ connection: string } & Offer>();
  return new Map(results.map(({ connection, ...offer }) => [connection, offer]));
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
