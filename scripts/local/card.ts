/** A demonstration user. */
export interface CardPerson {
  name: string;
  email: string;
  role: string;
}

/** Content of the card. */
export interface Card {
  url: string;
  /** Names of the servers, each with a URL of its own. */
  servers: readonly string[];
  people: readonly CardPerson[];
  /** The password of all demonstration users. */
  password: string;
  seconds: number;
  logFile: string;
}

/** Renders the card at the end of a start: addresses, users, and how to connect each client. */
export function renderCard({ url, servers, people, password, seconds, logFile }: Card): string {
  const endpoint = `${url}/mcp`;
  const emailWidth = Math.max(...people.map(({ email }) => email.length));
  const cursor = Buffer.from(JSON.stringify({ url: endpoint })).toString("base64");
  return [
    "",
    `  Gatehouse is ready at ${url}  (${seconds.toFixed(1)} s)`,
    "",
    `  Everything      ${endpoint}`,
    `  One server      ${servers.map((server) => `${endpoint}/${server}`).join("  ")}`,
    `  Your account    ${url}/account`,
    `  Health          ${url}/health  ${url}/ready`,
    "",
    `  Sign in as one of these, password ${password}`,
    ...people.map(({ email, role, name }) => `    ${email.padEnd(emailWidth)}  ${role.padEnd(8)}  ${name}`),
    "",
    "  Connect a client",
    `    Claude Code     claude mcp add --transport http gatehouse ${endpoint}`,
    `    VS Code         code --add-mcp '${JSON.stringify({ name: "gatehouse", type: "http", url: endpoint })}'`,
    `    Cursor          cursor://anysphere.cursor-deeplink/mcp/install?name=gatehouse&config=${cursor}`,
    `    MCP Inspector   npx @modelcontextprotocol/inspector --transport http --server-url ${endpoint}`,
    `    mcp-remote      npx mcp-remote ${endpoint}`,
    "",
    `  A whole session, played for you: npm run demo      Log: ${logFile}`,
    "  Ctrl-C stops; the data stays. npm start -- --reset deletes it.",
    "",
  ].join("\n");
}
