// Which mesh programs talk to.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { edgeUrl, meshVariables } from "../../services/web/mesh_env.js";

const home = mkdtempSync(join(tmpdir(), "playmesh-env-"));
after(() => rmSync(home, { recursive: true }));
writeFileSync(join(home, "env"), "PLAYMESH_EDGE_URL=http://here\nPLAYMESH_POSTGRES='host=/run user=postgres'\n");

test("the mesh of a folder that is named wins over exported addresses", () => {
  assert.equal(edgeUrl({ PLAYMESH_HOME: home, PLAYMESH_EDGE_URL: "http://exported" }), "http://here");
});

test("an exported address is that of the mesh where no folder is named", () => {
  assert.equal(edgeUrl({ PLAYMESH_EDGE_URL: "http://exported" }), "http://exported");
});

test("a folder without a mesh is no mesh, whatever is exported", () => {
  const environment = { PLAYMESH_HOME: join(home, "none"), PLAYMESH_EDGE_URL: "http://exported" };
  assert.throws(() => edgeUrl(environment), /no mesh: .*none\/env/);
});

test("values are read as a shell reads them", () => {
  assert.equal(meshVariables({ PLAYMESH_HOME: home }).PLAYMESH_POSTGRES, "host=/run user=postgres");
});
