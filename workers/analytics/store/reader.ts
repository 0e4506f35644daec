/** What reading needs of a database: D1 itself and a session of it both have it. */
export type Reader = Pick<D1DatabaseSession, "prepare" | "batch">;
