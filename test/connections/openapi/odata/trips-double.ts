import { Mistake, queryRows, type Row, readLiterals, selectFields } from "./query-rows.ts";

const BASE = "/v4/trips";

/**
 * A service of OData 4.01 as the standard documents it: without `OData-MaxVersion` it answers in its newest version,
 * whose control information has other names; pages as large as the client prefers; ETags as `@odata.etag`.
 */
export class TripsDouble {
  readonly seen: { method: string; path: string; body: string }[] = [];
  #trips: Row[] = [];
  /** Most rows of a page, whatever the client prefers. */
  page = 2;
  /** Where it says that a next page is, if not in its own place. */
  nextAddress: string | null = null;

  reset(): void {
    this.seen.length = 0;
    this.#trips = ["Rome", "Oslo", "Lima"].map((Title, at) => ({
      ...{ Id: at + 1, Title, State: at === 1 ? "Done" : "Open", Price: 100 * (at + 1) },
      ...{ Email: `guest${at}@example.com`, Cities: [{ Name: Title }] },
    }));
  }

  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = decodeURIComponent(url.pathname).slice(BASE.length + 1);
    const body = await request.text();
    this.seen.push({ method: request.method, path, body });
    if (request.headers.get("authorization") !== "Bearer s3cret") return new Response(null, { status: 401 });
    try {
      return this.#serve(request, path, url.searchParams, body);
    } catch (failure) {
      if (!(failure instanceof Mistake)) throw failure;
      return refuse(400, failure.message);
    }
  }

  #serve(request: Request, path: string, query: URLSearchParams, body: string): Response {
    const [, name = "", , inner] = /^(\w+)(\((.*)\))?$/s.exec(path) ?? [];
    if (name === "Trips" && inner === undefined && request.method === "GET")
      return this.#list(request, "Trips", this.#trips, query);
    if (name === "Trips" && inner === undefined) {
      const made: Row = { Id: this.#trips.length + 1, State: "Open", ...(JSON.parse(body) as Row) };
      if (typeof made.Price === "string") throw new Mistake("Cannot convert a text to Edm.Decimal (Price)");
      this.#trips.push(made);
      return answer(request, { "@odata.context": "$metadata#Trips/$entity", ...tagged(made) }, 201);
    }
    if (name === "Trips" && inner !== undefined) {
      const key = readLiterals(inner, { "": /^\d+$/ })[""];
      const found = this.#trips.find(({ Id }) => String(Id) === key);
      return found === undefined ? refuse(404, "No such trip") : this.#record(request, found, query, body);
    }
    if (name === "Airports" && request.method === "GET")
      return this.#list(request, "Airports", [{ Code: "OSL" }], query);
    if (name === "In" && inner !== undefined && request.method === "GET") {
      const forms = { state: /^com\.trips\.State'(?:Open|Done)'$/, name: /^'(?:[^']|'')*'$/ };
      const { state, name: title } = readLiterals(inner, forms);
      const rows = this.#trips.filter(({ State, Title }) => State === state && Title !== title);
      return this.#list(request, path, rows, query);
    }
    if (name === "Reset" && request.method === "POST") return new Response(null, { status: 204 });
    return refuse(404, `No resource '${name}'`);
  }

  #list(request: Request, path: string, all: readonly Row[], query: URLSearchParams): Response {
    const preferred = /odata\.maxpagesize=(\d+)/.exec(request.headers.get("prefer") ?? "")?.[1];
    const size = Math.min(this.page, Number(preferred ?? Number.POSITIVE_INFINITY));
    const from = Number(query.get("$skiptoken") ?? 0);
    const { rows, count } = queryRows(all, query);
    const next = new URLSearchParams(query);
    next.set("$skiptoken", String(from + size));
    return answer(request, {
      "@odata.context": `https://trips.example${BASE}/$metadata#${path}`,
      ...(query.get("$count") === "true" && { "@odata.count": count }),
      value: rows.slice(from, from + size).map((row) => shown(row, query)),
      ...(from + size < rows.length && {
        "@odata.nextLink": this.nextAddress ?? `${encodeURI(path)}?${next}`,
      }),
    });
  }

  #record(request: Request, found: Row, query: URLSearchParams, body: string): Response {
    if (request.method === "GET") return answer(request, shown(found, query));
    const wanted = request.headers.get("if-match");
    if (wanted === null) return refuse(428, "Precondition required");
    if (wanted !== "*" && wanted !== etagOf(found)) return refuse(412, "Precondition failed");
    if (request.method === "DELETE") this.#trips = this.#trips.filter((trip) => trip !== found);
    else Object.assign(found, JSON.parse(body) as Row);
    return new Response(null, { status: 204 });
  }
}

function etagOf({ Id, Title }: Row): string {
  return `W/"${Id}-${Title}"`;
}

function tagged(row: Row): Row {
  if (row.Id === undefined) return row;
  return { "@odata.etag": etagOf(row), "@odata.editLink": `Trips(${row.Id})`, ...row };
}

/** The fields that are asked for, with the control information of the record in any case. */
function shown(row: Row, query: URLSearchParams): Row {
  return query.has("$select") ? { "@odata.etag": etagOf(row), ...selectFields(row, query) } : tagged(row);
}

/** A version that the client did not name has no `odata.` in the names (JSON Format 4.01, §4.5). */
function answer(request: Request, body: Row, status = 200): Response {
  const isOld = request.headers.get("odata-maxversion") === "4.0";
  const rename = (text: string) => (isOld ? text : text.replaceAll('"@odata.', '"@'));
  return new Response(rename(JSON.stringify(body)), {
    status,
    headers: { "content-type": "application/json", "odata-version": isOld ? "4.0" : "4.01" },
  });
}

function refuse(status: number, message: string): Response {
  const error = { code: "BadRequest", message, target: "Title", details: [{ code: "X", message }] };
  return Response.json({ error }, { status });
}
