import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectRouter } from "@connectrpc/connect";
import { CatalogService } from "../src/gen/playmesh/catalog/v1/catalog_service_pb.js";
import { pages } from "../src/index.js";
import { FakeMesh } from "./fake_mesh.js";

test("pages asks for page after page until the last", async () => {
  const catalog = (router: ConnectRouter) =>
    router.service(CatalogService, {
      searchGames: ({ query, pageToken }) => ({
        games: [{ title: `${query} ${pageToken || "0"}` }],
        nextPageToken: pageToken === "2" ? "" : String(Number(pageToken) + 1),
      }),
    });
  await using mesh = await new FakeMesh(catalog).start();
  const titles: string[] = [];
  for await (const { games } of pages(mesh.client().catalog.searchGames, { query: "chess" }))
    titles.push(games[0]!.title);
  assert.deepEqual(titles, ["chess 0", "chess 1", "chess 2"]);
});
