/** A write to the account, such as `create database gatehouse-crm`. */
export type AccountEvent = string;

/** A Cloudflare account in this process: the part of the API that a deployment uses. */
export interface FakeAccount {
  /** Variables that direct wrangler to this account. */
  env: Record<string, string>;
  url: string;
  /** Every write, oldest first. */
  events: AccountEvent[];
  /** The secrets of the Worker with their values. */
  secrets: Map<string, string>;
  /** The account's workers.dev subdomain, `null` while none was chosen. */
  subdomain: string | null;
  /** Whether the Worker answers at its workers.dev address. */
  servesWorkersDev: boolean;
  /** Custom domains of the Worker. */
  domains: string[];
  /** Number of requests of `/ready` after an upload that the version before still answers. */
  lag: number;
  /** Requests of `/ready` since the last upload. */
  looks: number;
  /** Id of the newest version. */
  version: string | null;
  /** Makes the migration that contains this text fail once. */
  breakMigration(text: string): void;
  /** Removes the Worker with its secrets; databases and other stores stay. */
  removeWorker(): void;
  close(): Promise<void>;
}
