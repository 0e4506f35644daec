/** Worker secrets that switch something on, as the documentation names them. Gatehouse serves without them. */
export const OPTIONAL_SECRETS = [
  "METRICS_TOKEN",
  "EMAIL_FROM",
  "EMAIL_URL",
  "EMAIL_KEY",
  "EMAIL_FORMAT",
  "ALERT_WEBHOOK_URL",
  "ALERT_WEBHOOK_SECRET",
  "ALERT_SLACK_URL",
  "ALERT_TEAMS_URL",
  "ALERT_PAGERDUTY_KEY",
  "ALERT_EMAIL_URL",
  "ALERT_EMAIL_KEY",
  "ALERT_EMAIL_FROM",
  "ALERT_EMAIL_TO",
  "AUDIT_S3_URL",
  "AUDIT_S3_REGION",
  "AUDIT_S3_KEY_ID",
  "AUDIT_S3_SECRET",
  "AUDIT_WEBHOOK_URL",
  "AUDIT_WEBHOOK_SECRET",
  "AUDIT_SPLUNK_URL",
  "AUDIT_SPLUNK_TOKEN",
  "AUDIT_ELASTIC_URL",
  "AUDIT_ELASTIC_KEY",
  "AUDIT_SYSLOG_URL",
  "AUDIT_SYSLOG_TOKEN",
  "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_TRACES_EXPORTER",
  "OTEL_TRACES_SAMPLER_ARG",
  "SCIM_TOKEN",
  "SSO_<NAME>_SECRET",
] as const;

/** The names of {@link OPTIONAL_SECRETS} under a policy with these providers of single sign-on. */
export function listOptionalSecrets(providers: Iterable<string>): string[] {
  const ofProviders = [...providers].map((name) => `SSO_${name.toUpperCase()}_SECRET`);
  return OPTIONAL_SECRETS.flatMap((name) => (name.includes("<") ? ofProviders : [name]));
}

/** The client secret of a provider of single sign-on: the name of its Worker secret, and its value or `null`. */
export function readProviderSecret(env: Env, provider: string): { name: string; value: string | null } {
  const name = `SSO_${provider.toUpperCase()}_SECRET`;
  return { name, value: readSecret(env, name) };
}

/** The value of an optional secret; `null` when it is not set. An empty one counts as not set, as in wrangler. */
export function readSecret(env: Env, name: string): string | null {
  const value = (env as unknown as Record<string, unknown>)[name];
  return typeof value === "string" && value !== "" ? value : null;
}
