/**
 * The trigger of `wrangler.toml` for administrators' requests, roles of provisioned people, overdue checkpoints, retention,
 * further sinks and counts of the trail, the copy of the policy's reference and articles to embed.
 */
export const REQUESTS_CRON = "*/5 * * * *";

/** The trigger for links alone: they have the queries of an invocation to themselves. */
export const LINKS_CRON = "* * * * *";
