#include "services/library/library_events.h"

#include <optional>

#include "common/base/random.h"
#include "playmesh/library/v1/library_events.pb.h"

namespace playmesh::library {

using catalog::v1::GamePublished;
using catalog::v1::GameUpdated;
using purchase::v1::OrderItem;
using purchase::v1::PurchaseCompleted;
using purchase::v1::PurchaseRefunded;
using v1::LicenseGranted;
using v1::LicenseRevoked;

namespace {

// Orders of one user come on several partitions, and which licence is the active one is decided by
// looking at all of the user's; so only one transaction at a time does.
absl::Status LockLibrary(Transaction& tx, const std::string& user_id) {
  return AsStatus(
      tx.Execute("select pg_advisory_xact_lock(hashtextextended(:user_id, 0))", user_id));
}

}  // namespace

void LibraryEvents::Register(Consumer& consumer) {
  consumer.On<PurchaseCompleted>(&LibraryEvents::GrantLicenses, this);
  consumer.On<PurchaseRefunded>(&LibraryEvents::RevokeLicenses, this);
  consumer.On<GamePublished>(&LibraryEvents::PublishGame, this);
  consumer.On<GameUpdated>(&LibraryEvents::UpdateGame, this);
}

absl::Status LibraryEvents::GrantLicenses(Transaction& tx, const PurchaseCompleted& event,
                                          const EventInfo& info) {
  RETURN_IF_ERROR(LockLibrary(tx, event.user_id()));
  const absl::Time now = clock_.Now();
  for (const OrderItem& item : event.items()) {
    const std::string license_id = NewUuid(now);
    auto state =
        tx.QueryMaybe<std::string>(R"(
        insert into licenses (license_id, user_id, game_id, edition_id, order_id, game_title,
                              edition_name, grant_time, state)
        values (:license_id, :user_id, :game_id, :edition_id, :order_id, :game_title,
                :edition_name, :now,
                case when exists (select from licenses where user_id = :user_id
                                  and game_id = :game_id and state = 'active')
                  then 'reserve' else 'active' end)
        on conflict (order_id, game_id) do nothing
        returning state)",
                                   license_id, event.user_id(), item.game_id(), item.edition_id(),
                                   event.order_id(), item.game_title(), item.edition_name(), now);
    RETURN_IF_ERROR(state);
    if (*state != "active") continue;
    LicenseGranted granted;
    granted.set_license_id(license_id);
    granted.set_user_id(event.user_id());
    granted.set_game_id(item.game_id());
    granted.set_game_title(item.game_title());
    granted.set_order_id(event.order_id());
    *granted.mutable_grant_time() = ToTimestamp(now);
    RETURN_IF_ERROR(outbox_.Add(tx, granted));
  }
  return absl::OkStatus();
}

absl::Status LibraryEvents::RevokeLicenses(Transaction& tx, const PurchaseRefunded& event,
                                           const EventInfo& info) {
  RETURN_IF_ERROR(LockLibrary(tx, event.user_id()));
  for (const OrderItem& item : event.items()) RETURN_IF_ERROR(RevokeLicense(tx, event, item));
  return absl::OkStatus();
}

absl::Status LibraryEvents::RevokeLicense(Transaction& tx, const PurchaseRefunded& event,
                                          const OrderItem& item) {
  const absl::Time now = clock_.Now();
  auto revoked = tx.QueryMaybe<LicenseRevoked>(R"(
      update licenses set state = 'revoked', revoke_time = :now
      where order_id = :order_id and game_id = :game_id and state = 'active'
      returning license_id, user_id, game_id, game_title, order_id, revoke_time)",
                                               now, event.order_id(), item.game_id());
  RETURN_IF_ERROR(revoked);
  if (*revoked) {
    RETURN_IF_ERROR(outbox_.Add(tx, **revoked));
    return ActivateReserve(tx, event.user_id(), item.game_id());
  }
  // A reserve, or a purchase that was put aside as a dead letter: its replay must find the refund.
  return AsStatus(tx.Execute(R"(
      insert into licenses (license_id, user_id, game_id, edition_id, order_id, game_title,
                            edition_name, grant_time, state, revoke_time)
      values (:license_id, :user_id, :game_id, :edition_id, :order_id, :game_title,
              :edition_name, :now, 'revoked', :now)
      on conflict (order_id, game_id) do update set state = 'revoked', revoke_time = :now
      where licenses.state = 'reserve')",
                             NewUuid(now), event.user_id(), item.game_id(), item.edition_id(),
                             event.order_id(), item.game_title(), item.edition_name(), now));
}

absl::Status LibraryEvents::ActivateReserve(Transaction& tx, const std::string& user_id,
                                            const std::string& game_id) {
  auto granted = tx.QueryMaybe<LicenseGranted>(R"(
      update licenses set state = 'active', grant_time = :now
      where license_id = (select license_id from licenses where user_id = :user_id
                          and game_id = :game_id and state = 'reserve'
                          order by license_id limit 1)
      returning license_id, user_id, game_id, game_title, order_id, grant_time)",
                                               clock_.Now(), user_id, game_id);
  RETURN_IF_ERROR(granted);
  return *granted ? outbox_.Add(tx, **granted) : absl::OkStatus();
}

absl::Status LibraryEvents::PublishGame(Transaction& tx, const GamePublished& event,
                                        const EventInfo& info) {
  return AsStatus(tx.Execute(R"(
      insert into games (game_id, title, version, event_time)
      values (:game_id, :title, :version, :publish_time)
      on conflict (game_id) do update
      set title = excluded.title, version = excluded.version, event_time = excluded.event_time,
          release_notes = case when games.version = excluded.version then games.release_notes end
      where games.event_time <= excluded.event_time)",
                             event.game_id(), event.title(), db::NullIfEmpty(event.version()),
                             event.publish_time()));
}

absl::Status LibraryEvents::UpdateGame(Transaction& tx, const GameUpdated& event,
                                       const EventInfo& info) {
  return AsStatus(tx.Execute(R"(
      insert into games (game_id, title, version, release_notes, update_time, event_time)
      values (:game_id, :title, :version, :release_notes, :update_time, :update_time)
      on conflict (game_id) do update
      set title = excluded.title, version = excluded.version,
          release_notes = excluded.release_notes, update_time = excluded.update_time,
          event_time = excluded.event_time
      where games.event_time <= excluded.event_time)",
                             event.game_id(), event.title(), db::NullIfEmpty(event.version()),
                             db::NullIfEmpty(event.release_notes()), event.update_time()));
}

}  // namespace playmesh::library
