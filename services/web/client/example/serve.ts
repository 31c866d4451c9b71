// Serves the example page on localhost: npm run example. The edge is that of PLAYMESH_EDGE_URL, or of tools/up.
import { existsSync, readFileSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../../..");

/** Address of the edge of the running mesh. Throws when there is none. */
export function findEdge(): string {
  const file = join(process.env.PLAYMESH_HOME || join(root, ".playmesh"), "env");
  const written = existsSync(file)
    ? /^(?:export )?PLAYMESH_EDGE_URL=(['"]?)(.*)\1$/m.exec(readFileSync(file, "utf8"))?.[2]
    : "";
  const edge = process.env.PLAYMESH_EDGE_URL || written;
  if (!edge) throw new Error(`no mesh: ${file} does not say PLAYMESH_EDGE_URL. Start one with tools/up.`);
  return edge;
}

/** The page's address, once it is served. Port 0 takes a free one. */
export async function serve(edge: string, port: number): Promise<{ url: string; server: Server }> {
  const bundle = await build({
    entryPoints: [join(here, "page.ts")],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const files: Record<string, [type: string, content: string]> = {
    "/": ["text/html", readFileSync(join(here, "page.html"), "utf8").replace("<html", `<html data-edge="${edge}"`)],
    "/page.css": ["text/css", readFileSync(join(here, "page.css"), "utf8")],
    "/page.js": ["text/javascript", bundle.outputFiles[0]!.text],
  };
  const server = createServer((request, response) => {
    const [type, content] = files[request.url ?? ""] ?? ["", ""];
    response.writeHead(type ? 200 : 404, {
      "content-type": `${type}; charset=utf-8`,
      // The session is in localStorage: no script but the page's own may run.
      "content-security-policy": `default-src 'self'; connect-src ${edge}; img-src 'self' data:`,
    });
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(port, "localhost", resolve));
  return { url: `http://localhost:${(server.address() as AddressInfo).port}`, server };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const edge = findEdge();
  const { url } = await serve(edge, Number(process.env.PORT ?? 5173));
  console.log(`${url} calls ${edge}`);
}
