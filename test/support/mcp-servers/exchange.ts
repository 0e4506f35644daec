import { randomUUID } from "node:crypto";
import type http from "node:http";
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose";

type Answer = (status: number, value: object | string, headers?: Record<string, string>) => void;

interface Control {
  /** Whole answers of the token endpoint to come, in place of its own. */
  answers: { status?: number; body?: object | string; headers?: Record<string, string> }[];
  /** Replaces members of its own answers; `null` leaves one out. */
  changes: Record<string, unknown>;
  /** Whether answers of the token endpoint wait until this is `false` again. */
  holds: boolean;
  /** Whether the other system refuses every token. */
  refuses: boolean;
  /** The client that the token endpoint knows; `null` for none. */
  client: { id: string; secret?: string } | null;
  seconds: number;
}

/**
 * An authorization server that trusts assertions of Gatehouse (RFC 8693), with an MCP server of 2025 and an HTTP API that know
 * its tokens, for tests. Every `trust-<name>` is a world of its own. It verifies each assertion with `jose`, by the key
 * set that a test has fetched from Gatehouse (`/keys`): signature, issuer, audience, lifetime, and that it counts once.
 */
export function serveExchange(): (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  host: string,
) => void {
  const worlds = new Map<string, ExchangeWorld>();
  return (request, response, host) => {
    const url = new URL(request.url ?? "", `http://${host}`);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const name = /^\/(trust-[a-z0-9-]+)\//.exec(url.pathname)?.[1] ?? "";
      const world = worlds.get(name) ?? new ExchangeWorld(`http://${host}/${name}`);
      worlds.set(name, world);
      void world.answer(url, request, Buffer.concat(chunks).toString(), response);
    });
  };
}

class ExchangeWorld {
  readonly #base: string;
  readonly #control: Control = {
    answers: [],
    changes: {},
    holds: false,
    refuses: false,
    client: null,
    seconds: 3_600,
  };
  #keys: { issuer: string; set: JSONWebKeySet } = { issuer: "", set: { keys: [] } };
  readonly #access = new Map<string, string>();
  readonly #used = new Set<string>();
  readonly #held: (() => void)[] = [];
  readonly #arriving: (() => void)[] = [];
  readonly stats = {
    /** Requests to the token endpoint, with their parameters and headers. */
    asked: [] as Record<string, string>[],
    /** Claims and headers of assertions that it verified. */
    assertions: [] as { claims: object; header: object }[],
    /** Why assertions were not accepted. */
    refused: [] as string[],
    tokens: [] as string[],
    /** Authorization headers that the MCP server and the API got. */
    seen: [] as string[],
  };

  constructor(base: string) {
    this.#base = base;
  }

  async answer(
    url: URL,
    request: http.IncomingMessage,
    body: string,
    response: http.ServerResponse,
  ): Promise<void> {
    const send: Answer = (status, value, headers = {}) => {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(text);
    };
    const path = url.pathname.replace(new URL(this.#base).pathname, "");
    switch (path) {
      case "/control":
        Object.assign(this.#control, JSON.parse(body));
        if (!this.#control.holds) for (const answer of this.#held.splice(0)) answer();
        return send(200, {});
      case "/held": {
        // Answers once a request to the token endpoint is held.
        const answer = () => send(200, {});
        return this.#held.length > 0 ? answer() : void this.#arriving.push(answer);
      }
      case "/keys":
        this.#keys = JSON.parse(body);
        return send(200, {});
      case "/expire":
        this.#access.clear();
        return send(200, {});
      case "/stats":
        return send(200, this.stats);
      case "/token":
        return await this.#token(new URLSearchParams(body), request.headers.authorization ?? "", send);
      case "/mcp":
        return this.#serve(request, body, response, send);
      case "/api/me": {
        const user = this.#userOf(request);
        return user === null ? send(401, { error: "who?" }) : send(200, { user });
      }
      case "/api/away":
        this.#userOf(request);
        return send(302, {}, { location: "http://127.0.0.1:1/stolen" });
      default:
        return send(404, {});
    }
  }

  async #token(form: URLSearchParams, authorization: string, send: Answer): Promise<void> {
    this.stats.asked.push({ ...Object.fromEntries(form), authorization });
    if (this.#control.holds) {
      await new Promise<void>((resolve) => {
        this.#held.push(resolve);
        for (const arrived of this.#arriving.splice(0)) arrived();
      });
    }
    const own = this.#control.answers.shift();
    if (own) {
      const given = own.body === "<assertion>" ? this.#echo(form) : (own.body ?? {});
      return send(own.status ?? 200, given, own.headers);
    }
    if (!(await this.#knowsClient(form, authorization))) return send(401, { error: "invalid_client" });
    const user = await this.#verify(form.get("subject_token") ?? "");
    if (user === null) return send(400, { error: "invalid_request", error_description: "SECRET WORDS" });
    const token = `xt-${randomUUID()}`;
    this.#access.set(token, user);
    this.stats.tokens.push(token);
    const answer = {
      access_token: token,
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      token_type: "Bearer",
      expires_in: this.#control.seconds,
      ...this.#control.changes,
    };
    send(200, Object.fromEntries(Object.entries(answer).filter(([, value]) => value !== null)));
  }

  #echo(form: URLSearchParams): object {
    return { access_token: form.get("subject_token"), token_type: "Bearer" };
  }

  /** The user that an assertion names, if it is one of Gatehouse for this authorization server, and new. */
  async #verify(assertion: string): Promise<string | null> {
    try {
      const { payload, protectedHeader } = await jwtVerify(assertion, createLocalJWKSet(this.#keys.set), {
        issuer: this.#keys.issuer,
        audience: this.#base,
        requiredClaims: ["sub", "exp", "iat", "jti"],
        maxTokenAge: 300,
      });
      if (this.#used.has(String(payload.jti))) throw new Error("It was used before.");
      this.#used.add(String(payload.jti));
      this.stats.assertions.push({ claims: payload, header: protectedHeader });
      return String(payload.sub);
    } catch (failure) {
      this.stats.refused.push(failure instanceof Error ? failure.message : String(failure));
      return null;
    }
  }

  async #knowsClient(form: URLSearchParams, authorization: string): Promise<boolean> {
    const { client } = this.#control;
    if (client === null) return true;
    if (client.secret !== undefined) {
      const inBody = form.get("client_id") === client.id && form.get("client_secret") === client.secret;
      return inBody || authorization === `Basic ${btoa(`${client.id}:${client.secret}`)}`;
    }
    const given = form.get("client_assertion") ?? "";
    const expected = { issuer: client.id, subject: client.id, audience: this.#base };
    return await jwtVerify(given, createLocalJWKSet(this.#keys.set), expected).then(
      () => decodeProtectedHeader(given).alg === "ES256",
      () => false,
    );
  }

  #userOf({ headers: { authorization = "" } }: http.IncomingMessage): string | null {
    this.stats.seen.push(authorization);
    const user = this.#access.get(authorization.replace("Bearer ", ""));
    return user === undefined || this.#control.refuses ? null : user;
  }

  #serve(request: http.IncomingMessage, body: string, response: http.ServerResponse, send: Answer): void {
    const user = this.#userOf(request);
    if (user === null) return void send(401, {}, { "www-authenticate": "Bearer" });
    const { id, method } = JSON.parse(body || "{}") as { id?: number; method?: string };
    if (id === undefined) return void response.writeHead(method === undefined ? 405 : 202).end();
    const results: Record<string, object> = {
      initialize: {
        protocolVersion: "2025-11-25",
        capabilities: { tools: {}, resources: {} },
        serverInfo: { name: "trusting", version: "1" },
      },
      "tools/list": {
        tools: [
          {
            name: "whoami",
            description: "Who asks.",
            inputSchema: { type: "object" },
            annotations: { readOnlyHint: true },
          },
        ],
      },
      "tools/call": { content: [{ type: "text", text: user }] },
      "resources/list": { resources: [{ uri: "own://data", name: "data" }] },
      "resources/templates/list": { resourceTemplates: [] },
      "resources/read": {
        contents: [{ uri: "own://data", mimeType: "text/plain", text: `data of ${user}` }],
      },
    };
    const result = results[method ?? ""];
    send(200, { jsonrpc: "2.0", id, ...(result ? { result } : { error: { code: -32601, message: "no" } }) });
  }
}
