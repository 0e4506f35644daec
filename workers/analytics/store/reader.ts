/** Methods that reading needs; a D1 database and a session of one both have them. */
export type Reader = Pick<D1DatabaseSession, "prepare" | "batch">;
