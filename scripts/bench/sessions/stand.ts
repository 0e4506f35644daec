import http from "node:http";
import { canonicalize, digestText } from "../../../shared/encoding/canonical-json.ts";
import { putInForce } from "../../../shared/policy/changes/publications.ts";
import bundled from "../../../shared/policy/policy.json" with { type: "json" };
import { policyDocument } from "../../../shared/policy/schema.ts";
import { pickPort } from "../../local/port.ts";
import { signPeopleIn } from "../calls/people.ts";
import { type RunningWorker, startBare, startGateway } from "../calls/runtime.ts";
import { type OpenSession, openSession } from "./session-client.ts";
import { together } from "./together.ts";

/** Number of sessions opened concurrently per runtime. */
const OPENERS = 8;

/** A tool that the bench does not call. */
const TOOL_WITHOUT_USE = "crm_erase_person";

/** Resource use of a runtime: bytes in RAM, and milliseconds of CPU since its start. */
export interface Moment {
  memory: number;
  cpu: number;
}

/** One runtime with its sessions. */
export class Stand {
  readonly worker: RunningWorker;
  readonly sessions: OpenSession[] = [];
  readonly #messages = new http.Agent({ keepAlive: true, maxSockets: 64 });
  readonly #path: string;
  readonly #tokens: readonly string[];
  readonly #database: D1Database | undefined;

  constructor(
    worker: RunningWorker,
    { path, tokens, database }: { path: string; tokens: readonly string[]; database?: D1Database },
  ) {
    this.worker = worker;
    this.#path = path;
    this.#tokens = tokens;
    this.#database = database;
  }

  /** Opens sessions, with or without a GET stream, alternating between the users. */
  async open(count: number, listens: boolean): Promise<void> {
    const { port } = this.worker;
    await together(count, OPENERS, async () => {
      const token = this.#tokens[this.sessions.length % this.#tokens.length] ?? "";
      const door = { port, path: this.#path, host: `localhost:${port}`, token, messages: this.#messages };
      this.sessions.push(await openSession(door, listens));
    });
  }

  /** Throws where the system does not report it. */
  async look(): Promise<Moment> {
    const [memory, cpu] = [await this.worker.readMemory(), await this.worker.readCpu()];
    if (memory === null || cpu === null) throw new Error("This system has no /proc to read memory from.");
    return { memory, cpu };
  }

  /**
   * Publishes a policy that changes the tool list of all users, and notifies the Worker as the command does.
   */
  async publish(): Promise<void> {
    if (!this.#database) throw new TypeError("A bare McpAgent has no policy.");
    const database = this.#database;
    const statements = publishDenial(TOOL_WITHOUT_USE).split(/(?<=;)\n/);
    await database.batch(statements.map((statement) => database.prepare(statement)));
    const response = await fetch(`http://localhost:${this.worker.port}/policy/changes`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ publication: 1 }),
    });
    if (response.status !== 200) throw new Error(`The publication was answered with ${response.status}.`);
  }

  async stop(): Promise<void> {
    for (const session of this.sessions) session.close();
    this.#messages.destroy();
    await this.worker.stop();
  }
}

/** Options of a runtime: its Worker, and its storage. */
interface Start {
  script: string;
  folder: string;
  /** Whether the Worker's heap can be read. Makes the runtime slower. */
  inspected: boolean;
}

/** Starts the gateway with this many signed-in users. */
export async function startGuarded({ inspected, ...start }: Start, people: number): Promise<Stand> {
  const port = await pickPort();
  const publicUrl = `http://localhost:${port}`;
  const worker = await startGateway({ ...start, publicUrl, port, ...(await withInspector(inspected)) });
  const database = await worker.migrate();
  const tokens = await signPeopleIn(database, `${publicUrl}/mcp`, people);
  return new Stand(worker, { path: "/mcp", tokens, database });
}

/** Starts an McpAgent without a guard or sign-in. */
export async function startUnguarded({ inspected, ...start }: Start): Promise<Stand> {
  const worker = await startBare({ ...start, port: 0, ...(await withInspector(inspected)) });
  return new Stand(worker, { path: "/sessionful", tokens: ["none"] });
}

async function withInspector(inspected: boolean): Promise<{ inspectorPort?: number }> {
  return inspected ? { inspectorPort: await pickPort() } : {};
}

/** SQL that publishes the bundled policy, with one tool denied to every role. */
function publishDenial(tool: string): string {
  const document = policyDocument.parse(structuredClone(bundled));
  for (const role of Object.values(document.roles)) role.denied_tools = [...(role.denied_tools ?? []), tool];
  const text = canonicalize(document);
  const digest = digestText(text);
  return putInForce(
    { after: 0, replaced: 1, version: 2, digest, at: Date.now(), by: "bench", note: "" },
    text,
  );
}
