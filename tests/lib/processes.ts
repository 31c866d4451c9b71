// The mesh's processes, through its supervisor.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { HOME } from "./mesh.js";

const run = promisify(execFile);

async function supervisorctl(...command: string[]): Promise<string> {
  const all = ["-c", join(HOME, "supervisord.conf"), ...command];
  // It exits with 3 when some process is not running, and says so in its answer too.
  return run(join(HOME, "venv/bin/supervisorctl"), all).then(
    ({ stdout }) => stdout,
    (error: { code?: number; stdout?: string }) => {
      if (error.code === 3) return error.stdout ?? "";
      throw error;
    },
  );
}

/** Ids of the processes that run, by name: services, and "postgres", "kafka", "edge", "mail". */
export async function pids(): Promise<Map<string, number>> {
  const lines = (await supervisorctl("status")).matchAll(/^(\S+)\s+RUNNING\s+pid (\d+)/gm);
  return new Map(Array.from(lines, ([, name, pid]) => [name!, Number(pid)]));
}

/** Sends a signal; the supervisor starts again what ends by it. */
export async function signal(name: string, what: NodeJS.Signals): Promise<void> {
  const pid = (await pids()).get(name);
  if (!pid) throw new Error(`${name} does not run`);
  process.kill(pid, what);
}

/** Ends a process for good; resolves when it is gone. */
export async function stop(name: string): Promise<void> {
  await supervisorctl("stop", name);
}

export async function start(name: string): Promise<void> {
  await supervisorctl("start", name);
}
