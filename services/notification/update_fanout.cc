#include "services/notification/update_fanout.h"

#include <optional>
#include <string>
#include <tuple>

#include "services/notification/texts.h"

namespace playmesh::notification {
namespace {

// Statements in one run of the task, which has 30 seconds.
constexpr int kMaxSteps = 20;

struct Fanout {
  std::string event_id, game_id, title, body, after_user_id;
};

absl::StatusOr<std::optional<Fanout>> LockNext(Transaction& tx) {
  using Row = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  ASSIGN_OR_RETURN(auto row, tx.QueryMaybe<Row>(R"(
      select event_id, game_id, title, body, after_user_id from update_fanouts
      order by create_time limit 1
      for update skip locked)"));
  if (!row) return std::nullopt;
  return std::make_from_tuple<Fanout>(*std::move(row));
}

}  // namespace

absl::Status StartFanout(Transaction& tx, absl::Time now, const catalog::v1::GameUpdated& event,
                         const std::string& event_id) {
  const InboxText text = UpdateText(event);
  return AsStatus(tx.Execute(R"(
      insert into update_fanouts (event_id, game_id, title, body, create_time)
      values (:event_id, :game_id, :title, :body, :now)
      on conflict do nothing)",
                             event_id, event.game_id(), text.title, text.body, now));
}

absl::StatusOr<bool> ContinueFanout(Database& db, const Clock& clock) {
  return db.Transact([&](Transaction& tx) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const std::optional<Fanout> fanout, LockNext(tx));
    if (!fanout) return false;
    using Told = std::tuple<int64_t, std::string>;
    ASSIGN_OR_RETURN(const Told told,
                     tx.QueryOne<Told>(R"(
        with owners as (
          select distinct user_id from game_owners
          where game_id = :game_id and revoke_time is null and user_id > :after_user_id
          order by user_id limit :limit
        ), told as (
          insert into notifications (user_id, notification_id, kind, source_id, title, body, game_id,
                                     create_time)
          select user_id, uuid_v7(:now), 'game_updated', :event_id, :title, :body, :game_id, :now
          from owners
          on conflict do nothing
        )
        select count(*), max(user_id::text) from owners)",
                                       fanout->game_id, fanout->after_user_id, kFanoutSize,
                                       clock.Now(), fanout->event_id, fanout->title, fanout->body));
    const auto& [count, last_user_id] = told;
    if (count < kFanoutSize) {
      RETURN_IF_ERROR(
          tx.Execute("delete from update_fanouts where event_id = :event_id", fanout->event_id));
    } else {
      RETURN_IF_ERROR(
          tx.Execute("update update_fanouts set after_user_id = :last where event_id = :event_id",
                     last_user_id, fanout->event_id));
    }
    return true;
  });
}

absl::Status TellOwners(Database& db, const Clock& clock) {
  bool more = true;
  for (int step = 0; more && step < kMaxSteps; ++step) {
    ASSIGN_OR_RETURN(more, ContinueFanout(db, clock));
  }
  return absl::OkStatus();
}

}  // namespace playmesh::notification
