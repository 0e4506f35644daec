/** Where the bare drivers connect. */
export interface BareCall {
  kind: "postgresql" | "mysql" | "redis";
  /** Which object of the kind answers. */
  shard: number;
  reach: { host: string; port: number; user: string; password: string; database: string };
  /** A statement with its values, or a key of Redis. */
  sql: string;
  values: (string | number)[];
}

/** Path of a {@link BareCall}. */
export const BARE_PATH = "/bench/bare";
