/** A sampled CPU profile (Chrome DevTools Protocol, `Profiler.Profile`). Times are in microseconds. */
export interface CpuProfile {
  nodes: readonly ProfileNode[];
  /** The node that ran, for each sample. */
  samples: readonly number[];
  /** The time before each sample. */
  timeDeltas: readonly number[];
}

interface ProfileNode {
  id: number;
  children?: readonly number[];
  callFrame: CallFrame;
}

/** Place of a node's function in the uploaded module; lines and columns count from 0. */
export interface CallFrame {
  functionName: string;
  lineNumber: number;
  columnNumber: number;
}

/** The steps of a guarded call, each with the files and folders whose functions are its own. */
export const STEPS: readonly (readonly [step: string, paths: readonly string[]])[] = [
  ["token validation", ["workers/gateway/oauth/", "workers/gateway/grants/", "workers/objects/grants/"]],
  ["decide", ["shared/guard/decide.ts", "shared/policy/"]],
  [
    "limits",
    [
      "workers/objects/principal/limiter.ts",
      "workers/objects/principal/request-limiter.ts",
      "workers/objects/principal/daily-quota.ts",
      "workers/objects/principal/running-calls.ts",
      "shared/objects/tool-rate-limit.ts",
    ],
  ],
  [
    "audit chain",
    [
      "workers/objects/principal/audit-trail.ts",
      "workers/objects/principal/audit-page-store.ts",
      "shared/audit/",
      "workers/audit-log/",
    ],
  ],
  ["admit", ["shared/guard/admit.ts", "shared/objects/", "workers/objects/principal/"]],
  ["shape", ["shared/guard/shape.ts", "shared/redact/"]],
  ["settle", ["shared/guard/settle.ts", "shared/guard/outcome-buffer.ts"]],
  ["rest of the guard", ["shared/guard/", "shared/server/"]],
  ["lane", ["shared/mcp/"]],
  ["HTTP", ["workers/gateway/"]],
];

/** Time outside of the steps: the runtime, the collector, packages that the runtime calls. */
export const RUNTIME = "runtime and packages";

const IDLE = "(idle)";

/**
 * Returns the share of the busy time of each step, in the sequence of {@link STEPS}. A sample belongs to the innermost
 * function of a step: a package or helper counts for the step that called it. The steps call each other over awaits,
 * which end a stack, so no step contains the time of another.
 *
 * @param sourceOf - the source file of a frame, as a path of the project; `null` for a file outside of it
 */
export function shareSteps(
  profile: CpuProfile,
  sourceOf: (frame: CallFrame) => string | null,
): ReadonlyMap<string, number> {
  const stepOfNode = assignSteps(profile, sourceOf);
  const times = new Map([...STEPS.map(([step]) => step), RUNTIME].map((step) => [step, 0]));
  let busy = 0;
  for (const [index, sample] of profile.samples.entries()) {
    const step = stepOfNode.get(sample) ?? RUNTIME;
    if (step === IDLE) continue;
    const time = Math.max(0, profile.timeDeltas[index] ?? 0);
    busy += time;
    times.set(step, (times.get(step) ?? 0) + time);
  }
  return new Map([...times].map(([step, time]) => [step, busy === 0 ? 0 : time / busy]));
}

function assignSteps(
  { nodes }: CpuProfile,
  sourceOf: (frame: CallFrame) => string | null,
): ReadonlyMap<number, string> {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const own = new Map(
    nodes.map(({ id, callFrame }) => [
      id,
      callFrame.functionName === IDLE ? IDLE : stepOf(sourceOf(callFrame)),
    ]),
  );
  const find = (id: number | undefined): string =>
    id === undefined ? RUNTIME : (own.get(id) ?? find(parents.get(id)));
  return new Map(nodes.map(({ id }) => [id, find(id)]));
}

/** The step with the longest path that the file is in. */
function stepOf(file: string | null): string | undefined {
  let [found, length]: [string | undefined, number] = [undefined, 0];
  for (const [step, paths] of STEPS) {
    for (const path of paths) {
      if (file?.startsWith(path) && path.length > length) [found, length] = [step, path.length];
    }
  }
  return found;
}
