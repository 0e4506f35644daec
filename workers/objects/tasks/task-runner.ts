import { DurableObject } from "cloudflare:workers";
import { publishOwn } from "../../../shared/objects/change-gate.ts";
import { ObjectAlarm } from "../../../shared/objects/object-alarm.ts";
import { noteTasks } from "../../../shared/objects/open-work.ts";
import type { NewTask, Task, TaskGate, TaskOwner } from "../../../shared/objects/task.ts";
import { logFailure } from "../../../shared/observe/log.ts";
import { runStep, runStop } from "./run-step.ts";
import { CANCELLED, TaskStore } from "./task-store.ts";

/** Unfinished tasks of one user, of all apps together. */
const OPEN_LIMIT = 20;

/** Attempts of a step before its task fails: each time the object was stopped in the middle of it. */
const ATTEMPTS = 5;

/** Milliseconds until the next alarm while a step runs: the object may be stopped. */
const WATCHDOG_MS = 60_000;

/** Milliseconds that one alarm works before it leaves the rest to the next. */
const SHIFT_MS = 10 * 60_000;

/** Steps per alarm, of all tasks together: D1 allows 1,000 queries per invocation, and an alarm is one. */
const SHIFT_STEPS = 8;

/** Milliseconds between two stored progress notes of a step. */
const NOTE_EVERY_MS = 1_000;

/**
 * One object per user: stores their tasks and runs their steps, driven by its alarm, so that a task continues
 * at its current step after an eviction, a crash or a deployment. Several tasks run in parallel; steps of one
 * task never do.
 */
export class TaskRunner extends DurableObject<Env> implements TaskGate {
  readonly #store: TaskStore;
  readonly #alarm: ObjectAlarm;
  /** Running steps, by task. */
  readonly #running = new Map<string, AbortController>();
  #working = false;
  #nudge = Promise.withResolvers<void>();
  /** The unfinished tasks as last noted. */
  #noted = "";
  #noting = Promise.resolve();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new TaskStore(ctx.storage.sql);
    this.#alarm = new ObjectAlarm(ctx.storage, "TaskRunner");
  }

  async create(task: NewTask): Promise<Task | null> {
    const now = Date.now();
    if (this.#store.countOpen() >= OPEN_LIMIT) return null;
    this.#store.add(task, now);
    this.#note(task.identity.userId);
    await this.#wake();
    return this.#store.read(task.id, { clientId: task.identity.clientId, server: task.server }, now);
  }

  async read(id: string, owner: TaskOwner): Promise<Task | null> {
    return this.#store.read(id, owner, Date.now());
  }

  async answer(id: string, owner: TaskOwner, answers: Readonly<Record<string, unknown>>): Promise<boolean> {
    const task = this.#store.read(id, owner, Date.now());
    if (!task) return false;
    this.#store.answer(id, task, answers, Date.now());
    await this.#wake();
    return true;
  }

  async cancel(id: string, owner: TaskOwner): Promise<boolean> {
    if (!this.#store.read(id, owner, Date.now())) return false;
    this.#store.cancel(id, Date.now());
    this.#running.get(id)?.abort();
    await this.#wake();
    return true;
  }

  async end(id: string): Promise<boolean> {
    if (!this.#store.listOpen().some((task) => task.id === id)) return false;
    this.#store.cancel(id, Date.now(), CANCELLED.operator);
    this.#running.get(id)?.abort();
    await this.#wake();
    return true;
  }

  async listKept(): Promise<Task[]> {
    return this.#store.list();
  }

  async listDone(owner: TaskOwner, since: number): Promise<Task[]> {
    return this.#store.listDone(owner, since);
  }

  async eraseKept(): Promise<number> {
    for (const step of this.#running.values()) step.abort();
    return this.#store.sweep(Number.MAX_SAFE_INTEGER).length;
  }

  override async alarm(): Promise<void> {
    await this.#alarm.run(() => this.#takeSteps());
  }

  /** Runs steps until none is due. At most one alarm runs at a time. */
  async #takeSteps(): Promise<void> {
    this.#working = true;
    // Set first, so that the work continues if the object is stopped in the middle of it.
    await this.#alarm.set(Date.now() + WATCHDOG_MS);
    try {
      await this.#work(Date.now() + SHIFT_MS);
    } finally {
      this.#working = false;
    }
    await this.#alarm.set(this.#store.nextMoment());
  }

  async #work(until: number): Promise<void> {
    const steps = new Set<Promise<void>>();
    let taken = 0;
    while (Date.now() < until && taken < SHIFT_STEPS) {
      for (const id of this.#store.sweep(Date.now())) this.#running.get(id)?.abort();
      for (const id of this.#store.listDue(Date.now())) {
        if (this.#running.has(id)) continue;
        taken += 1;
        const step = this.#advance(id).finally(() => steps.delete(step));
        steps.add(step);
      }
      if (steps.size === 0) return;
      this.#nudge = Promise.withResolvers();
      await Promise.race([...steps, this.#nudge.promise]);
    }
    await Promise.all(steps);
  }

  /** Runs one step of a task. */
  async #advance(id: string): Promise<void> {
    const stage = this.#store.begin(id);
    if (!stage) return;
    const { step, task, attempts, stopped } = stage;
    if (stopped !== null && attempts > ATTEMPTS) return this.#store.close(id, stopped, Date.now());
    if (attempts > ATTEMPTS) {
      const message = `A step was interrupted ${ATTEMPTS} times.`;
      this.#store.change(id, step, { kind: "failed", error: { code: -32603, message } }, Date.now());
      return;
    }
    const controller = new AbortController();
    this.#running.set(id, controller);
    let notedAt = 0;
    const host = {
      env: this.env,
      signal: controller.signal,
      note: (message: string) => {
        if (Date.now() - notedAt < NOTE_EVERY_MS) return;
        notedAt = Date.now();
        this.#store.note(id, message);
      },
      waitUntil: (promise: Promise<unknown>) => this.ctx.waitUntil(promise),
    };
    try {
      if (stopped !== null) {
        const outcome = await runStop(stage, host);
        if (typeof outcome === "number") this.#store.closeLater(id, outcome);
        else this.#store.close(id, [stopped, outcome ?? ""].join(" ").trim(), Date.now());
      } else this.#store.change(id, step, await runStep(stage, host), Date.now());
    } catch (failure) {
      logFailure("task_step_lost", failure, { name: task.tool });
    } finally {
      this.#running.delete(id);
      this.#note(task.identity.userId);
    }
    if (this.#store.hasEnded(id)) this.ctx.waitUntil(publishOwn(this.env, task.identity.userId));
  }

  /** Notes the unfinished tasks for the console when they have changed: one write after another, each of what is so then. */
  #note(person: string): void {
    this.#noting = this.#noting.then(async () => {
      const open = this.#store.listOpen();
      const text = JSON.stringify(open);
      if (text === this.#noted) return;
      await noteTasks(this.env.PLATFORM_DB, person, open);
      this.#noted = text;
    });
    this.ctx.waitUntil(this.#noting);
  }

  async #wake(): Promise<void> {
    this.#nudge.resolve();
    if (!this.#working) await this.#alarm.set(Date.now());
  }
}
