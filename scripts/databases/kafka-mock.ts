import { spawn } from "node:child_process";
import path from "node:path";

/**
 * Starts the Kafka cluster in memory that librdkafka brings, with these topics of three partitions each. It ends with
 * this process. `null` where librdkafka or Python is not installed.
 */
export async function startKafkaMock(
  topics: readonly string[],
): Promise<{ host: string; port: number } | null> {
  const child = spawn("python3", [path.join(import.meta.dirname, "kafka-mock.py"), ...topics], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const line = await new Promise<string>((resolve) => {
    child.once("error", () => resolve(""));
    child.once("exit", () => resolve(""));
    child.stdout.once("data", (text: Buffer) => resolve(String(text)));
  });
  process.once("exit", () => child.kill("SIGKILL"));
  child.unref();
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref?(): void }).unref?.();
  const [, host, port] = /^([\d.]+):(\d+)/.exec(line) ?? [];
  return host === undefined ? null : { host, port: Number(port) };
}
