/** Shorter ones stand in many texts without being the secret. */
const SHORTEST = 8;

/**
 * A value without the secrets that went to the other system, which may repeat them, as a service does that shows the headers
 * of a request. They are the connection's or the person's, and not for the model.
 */
export function concealSecrets<Value>(value: Value, secrets: readonly string[]): Value {
  const text = JSON.stringify(value) ?? "";
  const found = secrets
    .filter((secret) => secret.length >= SHORTEST)
    .map((secret) => JSON.stringify(secret).slice(1, -1))
    .filter((secret) => text.includes(secret));
  if (found.length === 0) return value;
  return JSON.parse(found.reduce((left, secret) => left.replaceAll(secret, "[secret]"), text)) as Value;
}
