import type { Inspector } from "./inspector.ts";

/** Used bytes of an isolate's heap: JavaScript's, and the runtime's own objects that it references. */
interface HeapUsage {
  usedSize: number;
  embedderHeapUsedSize: number;
}

/** A second collection frees what the finalizers of the first one released. */
const COLLECTIONS = 2;

/**
 * Collects garbage in a Worker's isolate and returns the bytes that are still reachable (Chrome DevTools
 * Protocol, `HeapProfiler.collectGarbage` and `Runtime.getHeapUsage`). Closes the inspector.
 */
export async function readLiveHeap(inspector: Inspector): Promise<number> {
  try {
    for (let collection = 0; collection < COLLECTIONS; collection += 1) {
      await inspector.askAwake("HeapProfiler.collectGarbage");
    }
    const usage = (await inspector.ask("Runtime.getHeapUsage")) as HeapUsage;
    return usage.usedSize + usage.embedderHeapUsedSize;
  } finally {
    inspector.close();
  }
}
