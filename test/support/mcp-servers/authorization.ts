import { createHash, randomUUID } from "node:crypto";
import type http from "node:http";

interface Family {
  user: string;
  /** The one refresh token that counts, and those that were used. */
  current: string;
  used: Set<string>;
  ended: boolean;
}

interface Control {
  /** Seconds of an access token. */
  lifetime: number;
  /** Answers of the token endpoint to come, each a status. */
  failures: number[];
  /** What the metadata and redirects claim instead of the truth. */
  lies: Record<string, string>;
  /** Whether the token endpoint keeps its answers until this is `false` again. */
  holds: boolean;
  /** With `holds`: what is held stays so, and other answers go. */
  keeps: boolean;
  /** Whether it answers as some vendors do: refusals with status 200, the type of a token named by its owner. */
  ownWords: boolean;
  /** Whether the API refuses every token. */
  refuses: boolean;
  /** Whether the refresh token before the present one is taken again, as some servers do for a while. */
  grace: boolean;
}

/**
 * An authorization server and a protected MCP server of 2025 at one host, for tests: discovery (RFC 9728, RFC 8414), dynamic
 * registration, PKCE, `iss`, rotating refresh tokens whose reuse ends the family, and revocation. Every first part of
 * the path is a world of its own. `/<world>/control` changes it; `/<world>/stats` says what happened.
 */
export function serveAuthorization(): (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  host: string,
) => void {
  const worlds = new Map<string, World>();
  return (request, response, host) => {
    const url = new URL(request.url ?? "", `http://${host}`);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const known = /^\/(?:\.well-known\/[a-z-]+\/)?(world-[a-z0-9-]+)(\/.*)?$/.exec(url.pathname);
      const name = known?.[1] ?? "";
      const world = worlds.get(name) ?? new World(`http://${host}/${name}`);
      worlds.set(name, world);
      world.answer(url, request, Buffer.concat(chunks).toString(), response);
    });
  };
}

/** More of a user's things than an answer of Gatehouse shows at once. */
function thingsOf(user: string): object[] {
  return Array.from({ length: 60 }, (_, at) => ({ id: at, of: user, note: "x".repeat(1_000) }));
}

class World {
  readonly #base: string;
  readonly #control: Control = {
    lifetime: 3_600,
    failures: [],
    lies: {},
    holds: false,
    keeps: false,
    grace: false,
    ownWords: false,
    refuses: false,
  };
  readonly #held: (() => void)[] = [];
  readonly #arriving: (() => void)[] = [];
  readonly #codes = new Map<
    string,
    { user: string; challenge: string; redirect: string; resource: string }
  >();
  readonly #families: Family[] = [];
  readonly #access = new Map<string, Family>();
  /** What each user noted. */
  readonly #notes = new Map<string, string>();
  readonly stats = {
    refreshes: 0,
    reuses: 0,
    revoked: 0,
    registered: 0,
    tokens: [] as string[],
    seen: [] as string[],
    /** How the client identified itself at the token endpoint, and what it asked for. */
    clients: [] as string[],
    asked: [] as string[],
  };

  constructor(base: string) {
    this.#base = base;
  }

  answer(url: URL, request: http.IncomingMessage, body: string, response: http.ServerResponse): unknown {
    const json = (status: number, value: object, headers = {}) =>
      void response
        .writeHead(status, { "content-type": "application/json", ...headers })
        .end(JSON.stringify(value));
    const { lies } = this.#control;
    const path = url.pathname.replace(new URL(this.#base).pathname, "");
    if (url.pathname.startsWith("/.well-known/oauth-protected-resource"))
      return json(200, {
        resource: lies.resource ?? `${this.#base}/mcp`,
        authorization_servers: [lies.authorization_server ?? `${this.#base}/as`],
        scopes_supported: ["things"],
      });
    if (url.pathname.startsWith("/.well-known/oauth-authorization-server"))
      return json(200, {
        issuer: lies.issuer ?? `${this.#base}/as`,
        authorization_endpoint: lies.authorization_endpoint ?? `${this.#base}/as/authorize`,
        token_endpoint: lies.token_endpoint ?? `${this.#base}/as/token`,
        registration_endpoint: `${this.#base}/as/register`,
        revocation_endpoint: `${this.#base}/as/revoke`,
        code_challenge_methods_supported: lies.pkce === undefined ? ["S256"] : [lies.pkce],
        authorization_response_iss_parameter_supported: true,
        response_types_supported: ["code"],
        token_endpoint_auth_methods_supported: ["none"],
      });
    const form = new URLSearchParams(body);
    switch (path) {
      case "/control":
        Object.assign(this.#control, JSON.parse(body));
        if (!this.#control.holds) for (const answer of this.#held.splice(0)) answer();
        return json(200, {});
      case "/held": {
        // Answers once a request to the token endpoint is held.
        const answer = () => json(200, {});
        return this.#held.length > 0 ? answer() : void this.#arriving.push(answer);
      }
      case "/stats":
        return json(200, this.stats);
      case "/end":
        for (const family of this.#families) family.ended = true;
        return json(200, {});
      case "/expire":
        this.#access.clear();
        return json(200, {});
      case "/as/register":
        this.stats.registered += 1;
        return json(201, { client_id: `client-${randomUUID()}`, token_endpoint_auth_method: "none" });
      case "/as/authorize": {
        const code = randomUUID();
        this.#codes.set(code, {
          user: url.searchParams.get("as_user") ?? "nobody",
          challenge: url.searchParams.get("code_challenge") ?? "",
          redirect: url.searchParams.get("redirect_uri") ?? "",
          resource: url.searchParams.get("resource") ?? "",
        });
        this.stats.asked.push(url.search);
        const back = new URL(url.searchParams.get("redirect_uri") ?? "");
        back.searchParams.set("code", code);
        back.searchParams.set("state", lies.state ?? url.searchParams.get("state") ?? "");
        if (lies.iss !== "none") back.searchParams.set("iss", lies.iss ?? `${this.#base}/as`);
        return void response.writeHead(302, { location: back.href }).end();
      }
      case "/as/token":
        // As slow as a real one, so that parallel callers meet.
        this.stats.clients.push(`${request.headers.authorization ?? ""} ${form.get("client_secret") ?? ""}`);
        return void setTimeout(() => this.#token(form, (...answer) => this.#send(() => json(...answer))), 30);
      case "/as/revoke": {
        const token = form.get("token") ?? "";
        const family = this.#access.get(token) ?? this.#families.find(({ current }) => current === token);
        if (family) family.ended = true;
        this.stats.revoked += 1;
        return void response.writeHead(200).end();
      }
      case "/mcp":
        return this.#serve(request, body, response, json);
      default:
        return path.startsWith("/api/") ? this.#api(path, request, json) : json(404, {});
    }
  }

  /** An HTTP API that knows its users by the tokens of this world. */
  #api(
    path: string,
    { headers: { authorization = "" } }: http.IncomingMessage,
    json: (status: number, value: object, headers?: object) => void,
  ): unknown {
    this.stats.seen.push(authorization);
    const family = this.#access.get(authorization.replace("Bearer ", ""));
    if (!family || family.ended || this.#control.refuses) return json(401, { error: "who?" });
    if (path === "/api/away") return json(302, {}, { location: "http://127.0.0.1:1/stolen" });
    if (path === "/api/me") return json(200, { user: family.user });
    if (path === "/api/things") return json(200, thingsOf(family.user));
    return json(404, {});
  }

  #send(answer: () => void): void {
    if (this.#control.holds && !this.#control.keeps) this.#held.push(answer);
    else answer();
    if (this.#held.length > 0) for (const arrived of this.#arriving.splice(0)) arrived();
  }

  #token(form: URLSearchParams, json: (status: number, value: object) => void): unknown {
    const failure = this.#control.failures.shift();
    if (failure !== undefined && this.#control.ownWords) return json(200, { error: "bad_refresh_token" });
    if (failure !== undefined)
      return json(failure, { error: failure === 400 ? "invalid_grant" : "temporarily_unavailable" });
    if (form.get("grant_type") === "authorization_code") {
      const code = this.#codes.get(form.get("code") ?? "");
      this.#codes.delete(form.get("code") ?? "");
      const challenge = createHash("sha256")
        .update(form.get("code_verifier") ?? "")
        .digest("base64url");
      const fits =
        code?.challenge === challenge &&
        code.redirect === form.get("redirect_uri") &&
        code.resource === (form.get("resource") ?? "");
      if (!code || !fits) return json(400, { error: "invalid_grant" });
      const family = { user: code.user, current: "", used: new Set<string>(), ended: false };
      this.#families.push(family);
      return json(200, this.#issue(family));
    }
    const given = form.get("refresh_token") ?? "";
    const family = this.#families.find(({ current, used }) => current === given || used.has(given));
    if (!family || family.ended) return json(400, { error: "invalid_grant" });
    if (family.used.has(given) && !this.#control.grace) {
      this.stats.reuses += 1;
      family.ended = true;
      return json(400, { error: "invalid_grant" });
    }
    family.used.add(given);
    this.stats.refreshes += 1;
    return json(200, this.#issue(family));
  }

  #issue(family: Family): object {
    const access = `at-${randomUUID()}`;
    family.current = `rt-${randomUUID()}`;
    this.#access.set(access, family);
    this.stats.tokens.push(access, family.current);
    return {
      access_token: access,
      token_type: this.#control.ownWords ? "user" : "Bearer",
      expires_in: this.#control.lifetime,
      refresh_token: family.current,
      scope: "things",
    };
  }

  #serve(
    request: http.IncomingMessage,
    body: string,
    response: http.ServerResponse,
    json: (status: number, value: object, headers?: object) => void,
  ): unknown {
    const { authorization = "" } = request.headers;
    this.stats.seen.push(authorization);
    const family = this.#access.get(authorization.replace("Bearer ", ""));
    if (!family || family.ended) return json(401, {}, { "www-authenticate": "Bearer" });
    const { id, method, params } = JSON.parse(body || "{}") as {
      id?: number;
      method?: string;
      params?: { name?: string; arguments?: { text?: string } };
    };
    if (id === undefined) return void response.writeHead(method === undefined ? 405 : 202).end();
    const schema = { type: "object" };
    const textSchema = { ...schema, properties: { text: { type: "string" } } };
    const readOnly = { annotations: { readOnlyHint: true } };
    if (params?.name === "write") this.#notes.set(family.user, String(params.arguments?.text));
    const text = `data of ${family.user}${this.#notes.get(family.user) ?? ""}`;
    const writes = { annotations: { destructiveHint: false } };
    const results: Record<string, object> = {
      initialize: {
        protocolVersion: "2025-11-25",
        capabilities: { tools: {}, resources: {} },
        serverInfo: { name: "personal", version: "1" },
      },
      "tools/list": {
        tools: [
          { name: "whoami", description: "Who asks.", inputSchema: schema, ...readOnly },
          { name: "write", description: "Notes a text.", inputSchema: textSchema, ...writes },
          { name: "things", description: "Lists things.", inputSchema: schema, ...readOnly },
        ],
      },
      "tools/call":
        params?.name === "things"
          ? { content: [], structuredContent: { things: thingsOf(family.user) } }
          : { content: [{ type: "text", text: family.user }] },
      "resources/list": { resources: [{ uri: "own://data", name: "data" }] },
      "resources/templates/list": { resourceTemplates: [] },
      "resources/read": { contents: [{ uri: "own://data", mimeType: "text/plain", text }] },
    };
    const result = results[method ?? ""];
    return json(200, {
      jsonrpc: "2.0",
      id,
      ...(result ? { result } : { error: { code: -32601, message: "no" } }),
    });
  }
}
