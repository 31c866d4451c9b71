// Adds facts up into daily_sales.
#pragma once

#include "common/db/database.h"

namespace playmesh::analytics {

// How far figures are behind the facts.
inline constexpr absl::Duration kRollupInterval = absl::Milliseconds(200);

// Adds all facts that daily_sales does not know to it, each once. Several may run at the same time.
absl::Status RollUpSales(Database& db);

}  // namespace playmesh::analytics
