// Reading, locking and checking a game, as more than one RPC does.
#pragma once

#include <string>
#include <vector>

#include "common/auth/caller.h"
#include "common/db/database.h"
#include "services/catalog/pricing.h"

namespace playmesh::catalog {

// ABORTED (STALE_ETAG) when `etag` is given and not that of `game`.
absl::Status CheckEtag(const std::string& etag, const Game& game);

// ALREADY_EXISTS (EXTERNAL_ID_TAKEN).
absl::Status ExternalIdTaken();

// Games by id, in the order of the ids, without editions.
absl::StatusOr<std::vector<Game>> LoadGames(Transaction& tx,
                                            const std::vector<std::string>& game_ids);
// NOT_FOUND.
absl::StatusOr<Game> LoadGame(Transaction& tx, const std::string& game_id);

// Locks a game until the transaction ends, so that what is decided about it holds, and loads it.
// NOT_FOUND.
absl::StatusOr<Game> LockGame(Transaction& tx, const std::string& game_id);

// How much of its prices a reader of an edition gets.
struct PriceView {
  std::string currency_code = "";  // of `Edition.price`; empty for none
  std::string country_code = "";
  bool all = false;  // fill `Edition.prices`
};

// The editions of a game in the order in which they were made.
absl::StatusOr<std::vector<Edition>> LoadEditions(Transaction& tx, const std::string& game_id,
                                                  const PriceView& view);

// A game with its editions and all their prices, as its organisation sees it. NOT_FOUND.
absl::StatusOr<Game> LoadWholeGame(Transaction& tx, const std::string& game_id);

}  // namespace playmesh::catalog
