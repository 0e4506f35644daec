import http from "node:http";
import type { HostileAnswer } from "./find-fault.ts";
import { type HostileInput, keepsListening } from "./inputs.ts";

/** Milliseconds within which every request must be answered. */
const DEADLINE_MS = 30_000;

/** Target and tokens. */
interface Target {
  port: number;
  agent: http.Agent;
  /** Token of the hostile client, and of the user whose data it must not see. */
  own: string;
  stranger: string;
  secret: string;
}

/** A target with one session per user. */
export interface Attack extends Target {
  sessions: Record<HostileInput["session"], string | undefined>;
  /** Sends half of a message and then waits. Returns the status of the response at the time-out. */
  trickle(): Promise<number>;
  /** Throws when the other user's note is gone or a new session does not work. */
  requireUnharmed(): Promise<void>;
}

const REVISION = { "mcp-protocol-version": "2025-11-25" };

/** Opens a session for each user, and writes the other user's note. */
export async function openTarget(target: Target): Promise<Attack> {
  const open = async (token: string): Promise<string> => {
    const clientInfo = { name: "hostile", version: "1" };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
    const { headers, text } = await exchange(target, "POST", headersFor(token, undefined, {}), body);
    const session = headers["mcp-session-id"];
    if (typeof session !== "string") throw new Error(`No session: ${text}`);
    return session;
  };
  const [own, stranger] = [await open(target.own), await open(target.stranger)];
  const call = async (token: string, session: string, name: string, args: object): Promise<string> => {
    const params = { name, arguments: args };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 2, method: "tools/call", params });
    return (await exchange(target, "POST", headersFor(token, session, REVISION), body)).text;
  };
  await call(target.stranger, stranger, "context_set", { note: target.secret });
  return {
    ...target,
    sessions: { own, stranger, none: undefined, forged: `${"0".repeat(32)}.${"A".repeat(43)}` },
    trickle() {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const length = { "content-length": "1000", host: `localhost:${target.port}` };
      const headers = { ...headersFor(target.own, own, REVISION), ...length };
      const place = { host: "127.0.0.1", port: target.port, path: "/mcp", method: "POST", agent: false };
      const request = http.request({ ...place, headers }, (response) => {
        resolve(response.statusCode ?? 0);
        request.destroy();
      });
      request.on("error", reject);
      request.write('{"jsonrpc":"2.0","id":1,');
      return promise;
    },
    async requireUnharmed() {
      const note = await call(target.stranger, stranger, "context_get", {});
      if (!note.includes(target.secret))
        throw new Error(`The other person's note is gone: ${note.slice(0, 300)}`);
      const answer = await call(target.own, await open(target.own), "context_get", {});
      if (!answer.includes('"structuredContent"'))
        throw new Error(`No session works: ${answer.slice(0, 300)}`);
    },
  };
}

/** Sends one input. Returns `null` when the client hung up in the middle of its own message. */
export async function sendHostile(
  attack: Attack,
  input: HostileInput,
  hangUp: boolean,
): Promise<HostileAnswer | null> {
  const headers = headersFor(attack.own, attack.sessions[input.session], input.headers);
  try {
    const { status, headers: given, text } = await exchange(attack, input.verb, headers, input.body, hangUp);
    return { status, contentType: String(given["content-type"] ?? ""), text };
  } catch (failure) {
    if (hangUp) return null;
    return { status: 599, contentType: "", text: String(failure) };
  }
}

function headersFor(
  token: string,
  session: string | undefined,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...(session !== undefined && { "mcp-session-id": session }),
    ...more,
  };
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ""));
}

function exchange(
  { port, agent }: Target,
  method: string,
  headers: Record<string, string>,
  body: string | null,
  hangUp = false,
): Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof exchange>>>();
  const bytes = body === null ? null : Buffer.from(body);
  const length = bytes === null ? {} : { "content-length": String(bytes.length) };
  const all = { ...headers, host: `localhost:${port}`, ...length };
  const place = { host: "127.0.0.1", port, path: "/mcp" };
  const request = http.request(
    { ...place, method, agent, headers: all, timeout: DEADLINE_MS },
    (response) => {
      let text = "";
      const done = () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      const streams = response.headers["content-type"]?.includes("text/event-stream") === true;
      if (streams && keepsListening({ verb: method, body })) {
        done();
        request.destroy();
        return;
      }
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", done).on("error", reject);
    },
  );
  request.on("timeout", () => request.destroy(new Error("No answer within the deadline.")));
  request.on("error", reject);
  if (hangUp && bytes !== null) {
    request.write(bytes.subarray(0, bytes.length / 2), () => request.destroy(new Error("Hung up.")));
  } else request.end(bytes ?? undefined);
  return promise;
}
