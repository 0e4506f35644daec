/** A value of an attribute. */
export type AttributeValue = string | number | boolean;

/** Attributes by name. One that is `undefined` is left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** An attribute in OTLP's JSON encoding, in which 64-bit numbers are texts. */
export interface KeyValue {
  key: string;
  value: { stringValue: string } | { intValue: string } | { doubleValue: number } | { boolValue: boolean };
}

/** Attributes in OTLP's JSON encoding. */
export function encodeAttributes(attributes: Attributes): KeyValue[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: encodeValue(value) }],
  );
}

function encodeValue(value: AttributeValue): KeyValue["value"] {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** Milliseconds since the epoch as OTLP writes a time: nanoseconds, as a text. */
export function encodeTime(ms: number): string {
  return `${Math.round(ms)}000000`;
}

/** What a deployment says of itself. */
interface Described {
  ENVIRONMENT?: string;
  VERSION?: { id: string };
}

/** The resource of everything that this deployment exports. */
export function encodeResource({ ENVIRONMENT, VERSION }: Described): { attributes: KeyValue[] } {
  return {
    attributes: encodeAttributes({
      "service.name": "gatehouse",
      "service.version": VERSION?.id === "" ? undefined : VERSION?.id,
      "deployment.environment.name": ENVIRONMENT,
    }),
  };
}

/**
 * Headers of `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`, values percent-encoded (W3C Baggage), as every
 * OpenTelemetry exporter reads them. A pair that cannot be read is left out.
 */
export function readHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of text.split(",")) {
    const at = pair.indexOf("=");
    const name = pair.slice(0, Math.max(at, 0)).trim().toLowerCase();
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) continue;
    try {
      headers[name] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {}
  }
  return headers;
}
