// A look into the services' databases, as PostgreSQL's superuser: what a client cannot see, and auditors want to.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { variable } from "./mesh.js";

const run = promisify(execFile);

async function psql(database: string, sql: string): Promise<string> {
  const conninfo = variable("PLAYMESH_POSTGRES").replace(/dbname=\S+/, `dbname=${database}`);
  const options = ["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql];
  return (await run("psql", [conninfo, ...options], { maxBuffer: 64 << 20 })).stdout;
}

/** The rows of a query on the database of a service. Whole numbers beyond 2^53 lose digits. */
export async function query<Row>(service: string, sql: string): Promise<Row[]> {
  return JSON.parse(await psql(service, `select coalesce(json_agg(row_to_json(r)), '[]') from (${sql}) r`)) as Row[];
}

/** How many rows a query has. */
export async function count(service: string, sql: string): Promise<number> {
  return Number(await psql(service, `select count(*) from (${sql}) r`));
}

/** Runs statements that change something. */
export async function execute(service: string, sql: string): Promise<void> {
  await psql(service, sql);
}

/** Text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
