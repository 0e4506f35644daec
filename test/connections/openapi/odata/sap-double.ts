import { Mistake, queryRows, type Row, readLiterals, selectFields } from "./query-rows.ts";

const BASE = "/sap/opu/odata/sap/API_ORDER";
const PAGE = 2;
const GUID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const QUOTED = /^'(?:[^']|'')*'$/;

/** A request as SAP Gateway got it. */
export interface SapRequest {
  method: string;
  path: string;
  token: string;
  cookie: string;
}

/**
 * SAP Gateway as it documents itself (OData 2.0): `d.results` and `__next` with the address by which it knows itself,
 * tokens against forged requests that belong to a session, ETags in `__metadata`, errors with a language.
 */
export class SapDouble {
  readonly seen: SapRequest[] = [];
  /** What it answers to every account that it knows, if not what was asked. */
  trouble: { status: number; headers: Record<string, string> } | null = null;
  password = "s3cret";
  #orders: Row[] = [];
  #sessions = 0;
  readonly #live = new Set<number>();
  #changes = 0;

  /** Orders 1 to 5, and one whose key has what literals escape. */
  reset(): void {
    this.seen.length = 0;
    this.#orders = ["1", "2", "3", "4", "5", "O'Neil/7"].map((Order, at) => ({
      ...{
        Order,
        Customer: `Customer ${Order}`,
        Net: `${10 * (at + 1)}.00`,
        CreatedBy: `user${at}@example.com`,
      },
      Changed: this.#change(),
    }));
  }

  /** Ends all sessions, as Gateway does after some minutes. */
  endSessions(): void {
    this.#live.clear();
  }

  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = decodeURIComponent(url.pathname);
    const [token, cookie] = ["x-csrf-token", "cookie"].map((name) => request.headers.get(name) ?? "-");
    this.seen.push({
      method: request.method,
      path: path.slice(BASE.length),
      token: token ?? "",
      cookie: cookie ?? "",
    });
    if (request.headers.get("authorization") !== `Basic ${btoa(`COMM:${this.password}`)}`)
      return new Response("<html>Logon failed</html>", { status: 401 });
    if (this.trouble !== null) return new Response("Too many requests", this.trouble);
    const isJson =
      /json/.test(request.headers.get("accept") ?? "") || url.searchParams.get("$format") === "json";
    if (!isJson) return new Response("<feed/>", { headers: { "content-type": "application/atom+xml" } });
    if (token === "fetch") return this.#giveToken();
    const [, session = ""] = /SAP_SESSION=s(\d+)/.exec(cookie ?? "") ?? [];
    const isOfSession = token === `token-${session}` && this.#live.has(Number(session));
    if (request.method !== "GET" && !isOfSession)
      return new Response("CSRF token validation failed", {
        status: 403,
        headers: { "x-csrf-token": "Required" },
      });
    try {
      return await this.#serve(request, path.slice(BASE.length + 1), url.searchParams);
    } catch (failure) {
      if (!(failure instanceof Mistake)) throw failure;
      return refuse(400, "005056A509B11EE1B9A8FEC11C21D78E", failure.message);
    }
  }

  #giveToken(): Response {
    this.#sessions += 1;
    this.#live.add(this.#sessions);
    const headers = new Headers({ "x-csrf-token": `token-${this.#sessions}` });
    headers.append("set-cookie", `SAP_SESSION=s${this.#sessions}; path=/; HttpOnly`);
    headers.append("set-cookie", "sap-usercontext=sap-client=100; path=/");
    return Response.json({ d: { EntitySets: ["A_Order"] } }, { headers });
  }

  #change(): string {
    this.#changes += 1;
    return `/Date(${1_769_817_600_000 + this.#changes})/`;
  }

  async #serve(request: Request, path: string, query: URLSearchParams): Promise<Response> {
    const [, set = "", , inner] = /^(\w+)(\((.*)\))?$/s.exec(path) ?? [];
    if (set === "A_Order" && inner === undefined && request.method === "GET") return this.#list(query);
    if (set === "A_Order" && inner === undefined) return this.#create((await request.json()) as Row);
    if (set === "A_Order" && inner !== undefined) return await this.#record(request, inner, query);
    if (set === "A_Item" && inner !== undefined) {
      const forms = { Order: QUOTED, Item: /^\d+$/, Id: /^guid'[0-9a-f-]{36}'$/ };
      const { Order, Item, Id } = readLiterals(inner, forms);
      if (Id !== GUID) return refuse(404, "SY/530", "Resource not found");
      return Response.json({ d: { Order, Item: Number(Item), Id, Text: "A box" } });
    }
    if (set === "A_Contact") {
      const uri = `https://sap.example${BASE}/A_Contact('ada.lovelace@example.com')`;
      const contact = { __metadata: { id: uri, uri, type: "API_ORDER.ContactType" }, Name: "Ada" };
      return Response.json({ d: { results: [{ ...contact, Email: "ada.lovelace@example.com" }] } });
    }
    if (set === "Over" && request.method === "GET") {
      const least = /^([0-9.]+)M$/.exec(query.get("Net") ?? "")?.[1];
      if (least === undefined || !/^datetime'\d{4}-\d\d-\d\dT[\d:]+'$/.test(query.get("Since") ?? ""))
        throw new Mistake("Invalid parameter");
      const found = this.#orders.filter(({ Net }) => Number(Net) > Number(least));
      return Response.json({ d: { results: found.map((row) => withMetadata(row)) } });
    }
    if (set === "Release" && request.method === "POST") {
      const found = this.#find(readLiterals(query.get("Order") ?? "", { "": QUOTED })[""]);
      return found === undefined
        ? refuse(404, "SY/530", "Not found")
        : Response.json({ d: withMetadata(found) });
    }
    return refuse(404, "SY/530", `Resource not found for segment '${set}'`);
  }

  #find(key: string | undefined): Row | undefined {
    return this.#orders.find(({ Order }) => Order === key);
  }

  #list(query: URLSearchParams): Response {
    const from = Number(query.get("$skiptoken") ?? 0);
    const { rows, count } = queryRows(this.#orders, query);
    const page = rows.slice(from, from + PAGE).map((row) => shown(row, query));
    const next = new URLSearchParams(query);
    next.set("$skiptoken", String(from + PAGE));
    return Response.json({
      d: {
        ...(query.get("$inlinecount") === "allpages" && { __count: String(count) }),
        results: page,
        ...(from + PAGE < rows.length && { __next: `http://s4.internal:8000${BASE}/A_Order?${next}` }),
      },
    });
  }

  #create(body: Row): Response {
    if (typeof body.Net === "number") throw new Mistake("Property 'Net' has invalid value");
    if (body.CreatedBy !== undefined) throw new Mistake("Property 'CreatedBy' is read-only");
    const row = { Order: "", Customer: "", Net: "0.00", ...body, CreatedBy: "COMM", Changed: this.#change() };
    if (this.#find(row.Order) !== undefined) throw new Mistake(`Order ${row.Order} exists`);
    this.#orders.push(row);
    return Response.json({ d: withMetadata(row) }, { status: 201 });
  }

  async #record(request: Request, inner: string, query: URLSearchParams): Promise<Response> {
    const found = this.#find(readLiterals(inner, { "": QUOTED })[""]);
    if (found === undefined) return refuse(404, "SY/530", `Order '${inner}' not found`);
    if (request.method === "GET") return Response.json({ d: shown(found, query) });
    const wanted = request.headers.get("if-match");
    if (wanted === null) return refuse(428, "/IWFND/CM_MGW/105", "Precondition required");
    if (wanted !== "*" && wanted !== etagOf(found))
      return refuse(412, "/IWFND/CM_MGW/104", "Precondition failed");
    if (request.method === "DELETE") {
      this.#orders = this.#orders.filter((row) => row !== found);
      return new Response(null, { status: 204 });
    }
    if (request.method !== "PATCH") return refuse(405, "SY/530", "Method not allowed");
    const body = (await request.json()) as Row;
    if (body.Order !== undefined) throw new Mistake("Key property 'Order' cannot be changed");
    Object.assign(found, body, { Changed: this.#change() });
    return new Response(null, { status: 204 });
  }
}

function etagOf({ Changed }: Row): string {
  const at = Number(/\d+/.exec(String(Changed))?.[0]);
  return `W/"datetime'${new Date(at).toISOString().slice(0, -1).replaceAll(":", "%3A")}'"`;
}

function withMetadata(row: Row): Row {
  const uri = `http://s4.internal:8000${BASE}/A_Order('${encodeURIComponent(String(row.Order))}')`;
  const to_Item = { __deferred: { uri: `${uri}/to_Item` } };
  const full = { ...row, to_Item };
  return { __metadata: { id: uri, uri, type: "API_ORDER.OrderType", etag: etagOf(row) }, ...full };
}

/** The fields that are asked for, with the metadata of the record in any case. */
function shown(row: Row, query: URLSearchParams): Row {
  const full = withMetadata(row);
  return query.has("$select") ? { __metadata: full.__metadata, ...selectFields(row, query) } : full;
}

function refuse(status: number, code: string, value: string): Response {
  return Response.json(
    { error: { code, message: { lang: "en", value }, innererror: { transactionid: "A1B2" } } },
    { status },
  );
}
