import { createHash, createHmac } from "node:crypto";
import { CREDENTIAL, type Got, idOf, type Line, Receiver, readLines } from "./receiver.ts";

const SECRET = new Uint8Array(32).fill(9);

/** Keeps the last body of each key, and checks Signature Version 4 by itself. */
class S3 extends Receiver {
  readonly name = "s3";
  readonly objects = new Map<string, string[]>();
  readonly settings = {
    AUDIT_S3_URL: "https://trail.s3.eu-central-1.amazonaws.com/gatehouse/",
    AUDIT_S3_REGION: "eu-central-1",
    AUDIT_S3_KEY_ID: "AKIATEST",
    AUDIT_S3_SECRET: CREDENTIAL,
  };

  list(): string[] {
    return [...this.objects.values()].flat();
  }

  protected isKnown({ method, url, headers }: Request, body: string): boolean {
    const { host, pathname } = new URL(url);
    const header = headers.get("authorization") ?? "";
    const [, scope = "", signed = "", signature] =
      /^AWS4-HMAC-SHA256 Credential=AKIATEST\/(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(
        header,
      ) ?? [];
    const bodyHash = hash(body);
    if (headers.get("x-amz-content-sha256") !== bodyHash) return false;
    const values = signed.split(";").map((name) => `${name}:${name === "host" ? host : headers.get(name)}\n`);
    const request = [method, pathname, "", values.join(""), signed, bodyHash].join("\n");
    const date = headers.get("x-amz-date") ?? "";
    const text = ["AWS4-HMAC-SHA256", date, scope, hash(request)].join("\n");
    const parts = scope.split("/");
    if (parts.join() !== [date.slice(0, 8), "eu-central-1", "s3", "aws4_request"].join()) return false;
    const key = parts.reduce<string | Buffer>((last, part) => hmac(last, part), `AWS4${this.credential}`);
    return hmac(key, text).toString("hex") === signature;
  }

  protected read(_request: Request, body: string): Got[] {
    return readLines(body);
  }

  protected take(got: Got[], { method, url }: Request): Response {
    if (method !== "PUT" || this.hasInvalid(got)) return new Response("", { status: 400 });
    this.objects.set(
      new URL(url).pathname,
      got.map(({ id }) => id),
    );
    return new Response("");
  }
}

/** Leaves out a message whose id it has, and takes none with a wrong signature. */
class Webhook extends Receiver {
  readonly name = "webhook";
  readonly messages = new Map<string, string[]>();
  readonly settings = {
    AUDIT_WEBHOOK_URL: "https://hooks.example.com/trail",
    AUDIT_WEBHOOK_SECRET: `whsec_${Buffer.from(SECRET).toString("base64")}`,
  };

  list(): string[] {
    return [...this.messages.values()].flat();
  }

  protected isKnown({ headers }: Request, body: string): boolean {
    const secret = this.credential === CREDENTIAL ? SECRET : new Uint8Array(32);
    const signed = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${body}`;
    const signature = createHmac("sha256", secret).update(signed).digest("base64");
    return headers.get("webhook-signature") === `v1,${signature}`;
  }

  protected read(_request: Request, body: string): Got[] {
    const { data } = JSON.parse(body) as { data: { records: Line[] } };
    return data.records.map((line) => ({ id: idOf(line), kept: JSON.stringify(line) }));
  }

  protected take(got: Got[], { headers }: Request): Response {
    if (this.hasInvalid(got)) return new Response("", { status: 400 });
    const id = headers.get("webhook-id") ?? "";
    if (!this.messages.has(id))
      this.messages.set(
        id,
        got.map((one) => one.id),
      );
    return new Response(null, { status: 204 });
  }
}

/** Keeps every event, also those before an invalid one, and again; a search leaves out by `gatehouse_id`. */
class Splunk extends Receiver {
  readonly name = "splunk";
  readonly events: string[] = [];
  readonly settings = {
    AUDIT_SPLUNK_URL: "https://splunk.example.com:8088",
    AUDIT_SPLUNK_TOKEN: CREDENTIAL,
  };

  list(): string[] {
    return [...new Set(this.events)];
  }

  protected isKnown({ headers }: Request): boolean {
    return headers.get("authorization") === `Splunk ${this.credential}`;
  }

  protected read({ url }: Request, body: string): Got[] {
    if (new URL(url).pathname !== "/services/collector/event") throw new Error(`No such address: ${url}`);
    return body.split("\n").map((text) => {
      const { time, host, sourcetype, event, fields } = JSON.parse(text) as {
        [name: string]: unknown;
        event: Line;
        fields: { gatehouse_id: string };
      };
      if (typeof time !== "number" || host !== "localhost:8787" || sourcetype !== "gatehouse:trail")
        throw new Error("No event of the trail.");
      if (idOf(event) !== fields.gatehouse_id) throw new Error("The indexed field names another record.");
      return { id: fields.gatehouse_id, kept: text };
    });
  }

  protected take(got: Got[]): Response {
    const bad = got.findIndex(({ id }) => this.invalid.has(id));
    this.events.push(...got.slice(0, bad < 0 ? undefined : bad).map(({ id }) => id));
    if (bad < 0) return Response.json({ text: "Success", code: 0 });
    return Response.json(
      { text: "Invalid data format", code: 6, "invalid-event-number": bad },
      { status: 400 },
    );
  }

  protected override refuseSettings(): Response {
    return Response.json({ text: "Incorrect index", code: 7, "invalid-event-number": 1 }, { status: 400 });
  }
}

/** Keeps what it does not reject, and says how many it does. */
class Collector extends Receiver {
  readonly name = "otlp_logs";
  readonly logs: string[] = [];
  readonly settings = {
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "https://otel.example.com/v1/logs",
    OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${CREDENTIAL},x-dataset=the%20trail`,
  };

  list(): string[] {
    return [...new Set(this.logs)];
  }

  protected isKnown({ headers }: Request): boolean {
    return headers.get("x-api-key") === this.credential && headers.get("x-dataset") === "the trail";
  }

  protected read(_request: Request, body: string): Got[] {
    const { resourceLogs } = JSON.parse(body) as {
      resourceLogs: {
        scopeLogs: {
          logRecords: {
            timeUnixNano: string;
            body: { stringValue: string };
            attributes: { key: string; value: { stringValue: string } }[];
          }[];
        }[];
      }[];
    };
    const records = resourceLogs.flatMap(({ scopeLogs }) =>
      scopeLogs.flatMap(({ logRecords }) => logRecords),
    );
    return records.map(({ timeUnixNano, body: { stringValue }, attributes }) => {
      if (!/^\d{19}$/.test(timeUnixNano)) throw new Error("No time in nanoseconds.");
      const id = attributes.find(({ key }) => key === "gatehouse.record.id")?.value.stringValue ?? "";
      if (idOf(JSON.parse(stringValue) as Line) !== id)
        throw new Error("The attribute names another record.");
      return { id, kept: stringValue };
    });
  }

  protected take(got: Got[]): Response {
    const taken = got.filter(({ id }) => !this.invalid.has(id));
    this.logs.push(...taken.map(({ id }) => id));
    if (taken.length === got.length) return Response.json({});
    const partialSuccess = {
      rejectedLogRecords: String(got.length - taken.length),
      errorMessage: "too long",
    };
    return Response.json({ partialSuccess });
  }
}

/** Creates each document once. */
class Elastic extends Receiver {
  readonly name = "elastic";
  readonly documents = new Set<string>();
  readonly settings = {
    AUDIT_ELASTIC_URL: "https://elastic.example.com/gatehouse-trail",
    AUDIT_ELASTIC_KEY: CREDENTIAL,
  };

  list(): string[] {
    return [...this.documents];
  }

  protected isKnown({ headers }: Request): boolean {
    return headers.get("authorization") === `ApiKey ${this.credential}`;
  }

  protected read({ url }: Request, body: string): Got[] {
    if (new URL(url).pathname !== "/gatehouse-trail/_bulk" || !body.endsWith("\n"))
      throw new Error("No bulk.");
    const lines = body.trimEnd().split("\n");
    return lines.flatMap((line, index) => {
      if (index % 2 === 1) return [];
      const { create } = JSON.parse(line) as { create: { _id: string } };
      const document = lines[index + 1] ?? "";
      const read = JSON.parse(document) as Line & { "@timestamp": string };
      if (idOf(read) !== create._id || Number.isNaN(Date.parse(read["@timestamp"])))
        throw new Error("No record.");
      return [{ id: create._id, kept: document }];
    });
  }

  protected take(got: Got[]): Response {
    const items = got.map(({ id }) => {
      if (this.invalid.has(id))
        return { create: { status: 400, error: { type: "document_parsing_exception" } } };
      if (this.documents.has(id))
        return { create: { status: 409, error: { type: "version_conflict_engine_exception" } } };
      this.documents.add(id);
      return { create: { status: 201 } };
    });
    return Response.json({ errors: items.some(({ create }) => create.status !== 201), items });
  }
}

/** Reads RFC 5424, and leaves out a line that it has. */
class Syslog extends Receiver {
  readonly name = "syslog";
  readonly lines = new Map<string, string>();
  readonly settings = { AUDIT_SYSLOG_URL: "https://logs.example.com/syslog", AUDIT_SYSLOG_TOKEN: CREDENTIAL };

  list(): string[] {
    return [...this.lines.values()];
  }

  protected isKnown({ headers }: Request): boolean {
    return headers.get("authorization") === `Bearer ${this.credential}`;
  }

  protected read(_request: Request, body: string): Got[] {
    const form =
      /^<110>1 (\d{4}-\d\d-\d\dT[\d:.]{12}Z) localhost gatehouse - [\x21-\x7e]{1,32} (?:\[[a-z]+(?: [a-zA-Z]+="[^"\\\]]*")+\])+ \ufeff(.+)$/;
    return body
      .split("\n")
      .filter(Boolean)
      .map((line) => {
        const message = form.exec(line)?.[2];
        if (message === undefined) throw new Error(`No line of RFC 5424: ${line}`);
        return { id: idOf(JSON.parse(message) as Line), kept: line };
      });
  }

  protected take(got: Got[]): Response {
    if (this.hasInvalid(got)) return new Response("", { status: 422 });
    for (const { id, kept } of got) this.lines.set(kept, id);
    return new Response(null, { status: 202 });
  }
}

/** A new double of each kind. */
export function createReceivers(): Receiver[] {
  return [new S3(), new Webhook(), new Splunk(), new Collector(), new Elastic(), new Syslog()];
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
