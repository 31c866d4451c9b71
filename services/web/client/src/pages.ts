// Lists that come in pages.

/**
 * All pages of a list, fetched as they are asked for:
 * `for await (const page of pages(playmesh.catalog.searchGames, { query: "chess" })) show(page.games)`.
 */
export async function* pages<Request extends { pageToken?: string }, Response extends { nextPageToken: string }>(
  list: (request: Request) => Promise<Response>,
  request: Request,
): AsyncGenerator<Response, void, undefined> {
  let pageToken = request.pageToken ?? "";
  do {
    const page = await list({ ...request, pageToken });
    yield page;
    pageToken = page.nextPageToken;
  } while (pageToken);
}
