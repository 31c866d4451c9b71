// Serves the example page on localhost: npm run example. It calls the mesh that mesh_env.ts finds.
import { readFileSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { edgeUrl } from "../../mesh_env.js";

const here = dirname(fileURLToPath(import.meta.url));

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
  const edge = edgeUrl();
  const { url } = await serve(edge, Number(process.env.PORT ?? 5173));
  console.log(`${url} calls ${edge}`);
}
