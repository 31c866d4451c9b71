// Adds facts up into daily_sales.
#pragma once

#include "common/db/database.h"

namespace playmesh::analytics {

// How long new facts wait.
inline constexpr absl::Duration kRollupInterval = absl::Milliseconds(200);

// Adds the facts that daily_sales does not know to it, each once. One replica does so at a time;
// for the others nothing is left to do. Facts wait while a transaction is under way that is older
// than theirs.
absl::Status RollUpSales(Database& db);

}  // namespace playmesh::analytics
