import { writeFileSync } from "node:fs";
import path from "node:path";

/** Files of a certificate and of its key. */
export interface Certificate {
  certificate: string;
  key: string;
}

/** What can be wrong with a certificate. */
export const FAULTS = ["another host", "expired", "another authority"] as const;

/** Files of a private authority, of a certificate of it for one host and no other, and of ones that must not be taken. */
export interface Certificates extends Certificate {
  authority: string;
  faulty: Record<(typeof FAULTS)[number], Certificate>;
}

/**
 * Makes certificates with OpenSSL, below a folder.
 *
 * @param run - runs a command as the account that may read the files
 */
export function makeCertificates(
  folder: string,
  host: string,
  run: (command: string, args: readonly string[]) => void,
): Certificates {
  const at = (name: string) => path.join(folder, name);
  const newKey = (name: string) => [
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-keyout", at(`${name}.key`)],
  ];
  const makeAuthority = (name: string) => {
    const file = at(`${name}.crt`);
    run("openssl", [
      ...["req", "-x509", ...newKey(name), "-out", file, "-days", "2", "-subj", `/CN=Test ${name}`],
    ]);
    return file;
  };
  const sign = (name: string, authority: string, names: string, days: number): Certificate => {
    const [request, extensions] = [at(`${name}.csr`), at(`${name}.names`)];
    writeFileSync(extensions, `subjectAltName=${names}`, { mode: 0o644 });
    run("openssl", ["req", ...newKey(name), "-out", request, "-subj", "/CN=Test server"]);
    run("openssl", [
      ...["x509", "-req", "-in", request, "-out", at(`${name}.crt`), "-days", String(days)],
      ...["-CA", at(`${authority}.crt`), "-CAkey", at(`${authority}.key`), "-CAcreateserial"],
      ...["-extfile", extensions],
    ]);
    return { certificate: at(`${name}.crt`), key: at(`${name}.key`) };
  };
  const own = `IP:${host}`;
  const authority = makeAuthority("authority");
  makeAuthority("stranger");
  return {
    authority,
    ...sign("server", "authority", own, 2),
    faulty: {
      "another host": sign("another-host", "authority", "DNS:other.example,IP:192.0.2.1", 2),
      expired: sign("expired", "authority", own, -1),
      "another authority": sign("another-authority", "stranger", own, 2),
    },
  };
}
