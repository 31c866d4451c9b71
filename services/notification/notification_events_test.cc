#include "services/notification/notification_events.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"
#include "services/notification/notification_service.h"
#include "services/notification/update_fanout.h"

namespace playmesh::notification {
namespace {

using identity::v1::UserRegistered;
using library::v1::LicenseGranted;
using library::v1::LicenseRevoked;
using purchase::v1::PurchaseCompleted;
using purchase::v1::PurchaseRefunded;

struct EventsTest {
  EventsTest() { events.Register(consumer); }

  template <typename Event>
  absl::Status Deliver(const Event& event, const std::string& event_id) {
    const EventInfo info{event_id, "/playmesh/test", Event::descriptor()->full_name(),
                         NewId(),  clock.Now(),      ""};
    return consumer.Deliver(info, event.SerializeAsString());
  }

  template <typename Event>
  void Happen(const Event& event) {
    REQUIRE(Deliver(event, NewId()).ok());
  }

  template <typename Event>
  Event Order() {
    Event event;
    event.set_order_id(NewId());
    event.set_user_id(user_id);
    auto& item = *event.add_items();
    item.set_game_id(game_id);
    item.set_game_title("SuperTux");
    item.set_edition_name("Standard");
    for (auto* price : {item.mutable_price(), event.mutable_total()}) {
      price->set_currency_code("EUR");
      price->set_units_minor(1999);
    }
    return event;
  }

  template <typename Event>
  Event License(const std::string& license_id, const std::string& owner) {
    Event event;
    event.set_license_id(license_id);
    event.set_user_id(owner);
    event.set_game_id(game_id);
    return event;
  }

  catalog::v1::GameUpdated Update(const std::vector<std::string>& changed_fields) {
    catalog::v1::GameUpdated event;
    event.set_game_id(game_id);
    event.set_title("SuperTux");
    event.set_version("0.6.4");
    event.set_release_notes("Less ice.");
    event.mutable_changed_fields()->Assign(changed_fields.begin(), changed_fields.end());
    return event;
  }

  void AddOwners(int count) {
    REQUIRE(database
                .Execute(R"(
                    insert into game_owners (license_id, game_id, user_id)
                    select gen_random_uuid(), :game_id, gen_random_uuid()
                    from generate_series(1, :count))",
                         game_id, count)
                .ok());
  }

  // Tells all owners; the number of statements that it took.
  int FanOut() {
    int steps = 0;
    while (true) {
      auto more = ContinueFanout(database.db(), clock);
      REQUIRE(more.ok());
      if (!*more) return steps;
      ++steps;
    }
  }

  std::vector<Notification> Inbox(const std::string& owner) {
    auto response = service.ListNotifications(testing::UserCaller(owner), {});
    REQUIRE(response.ok());
    return {response->notifications().begin(), response->notifications().end()};
  }

  int64_t Count(const char* sql) { return database.Query<int64_t>(sql).at(0); }
  std::string NewId() { return NewUuid(clock.Now()); }

  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  NotificationService service{{database.db(), clock}};
  NotificationEvents events{{clock}};
  Consumer consumer{database.db(), {}};
  const std::string user_id = NewId();
  const std::string game_id = NewId();
};

TEST_CASE_METHOD(EventsTest, "Whoever registers is welcomed in the inbox and by mail") {
  UserRegistered event;
  event.set_user_id(user_id);
  Happen(event);
  const auto inbox = Inbox(user_id);
  REQUIRE(inbox.size() == 1);
  CHECK(inbox[0].kind() == NOTIFICATION_KIND_WELCOME);
  CHECK(inbox[0].title() == "Welcome to Playmesh");
  CHECK(database.Query<std::string>("select kind from emails") ==
        std::vector<std::string>{"welcome"});
}

TEST_CASE_METHOD(EventsTest, "Buyers are told of purchases and refunds, in the inbox and by mail") {
  const auto order = Order<PurchaseCompleted>();
  Happen(order);
  clock.Advance(absl::Seconds(1));
  auto refund = Order<PurchaseRefunded>();
  refund.set_order_id(order.order_id());
  Happen(refund);

  const auto inbox = Inbox(user_id);
  REQUIRE(inbox.size() == 2);
  CHECK(inbox[0].kind() == NOTIFICATION_KIND_PURCHASE_REFUNDED);
  CHECK(inbox[0].title() == "SuperTux was refunded");
  CHECK(inbox[1].kind() == NOTIFICATION_KIND_PURCHASE_COMPLETED);
  CHECK(inbox[1].title() == "SuperTux is yours");
  CHECK(inbox[1].body() == "SuperTux (Standard): 19.99 EUR\nTotal: 19.99 EUR");
  for (const Notification& notification : inbox) {
    CHECK(notification.order_id() == order.order_id());
    CHECK(notification.game_id().empty());
  }
  CHECK(database.Query<std::string>("select kind from emails order by kind") ==
        std::vector<std::string>{"purchase_completed", "purchase_refunded"});
}

TEST_CASE_METHOD(EventsTest, "Events that come again change nothing") {
  UserRegistered registered;
  registered.set_user_id(user_id);
  const auto order = Order<PurchaseCompleted>();
  const auto refund = Order<PurchaseRefunded>();
  const auto license = License<LicenseGranted>(NewId(), user_id);
  const auto update = Update({"version"});
  const std::string update_id = NewId();
  const std::vector<std::string> ids = {NewId(), NewId(), NewId(), NewId()};
  for (int delivery = 0; delivery < 3; ++delivery) {
    // The same events …
    REQUIRE(Deliver(registered, ids[0]).ok());
    REQUIRE(Deliver(order, ids[1]).ok());
    REQUIRE(Deliver(refund, ids[2]).ok());
    REQUIRE(Deliver(license, ids[3]).ok());
    REQUIRE(Deliver(update, update_id).ok());
    // … and published twice.
    Happen(registered);
    Happen(order);
    Happen(refund);
    Happen(license);
    FanOut();
    CHECK(Inbox(user_id).size() == 4);
    CHECK(Count("select count(*) from emails") == 3);
    CHECK(Count("select count(*) from game_owners") == 1);
  }
  // Also when the inbox of events has forgotten it.
  REQUIRE(database.Execute("delete from inbox").ok());
  REQUIRE(Deliver(update, update_id).ok());
  FanOut();
  CHECK(Inbox(user_id).size() == 4);
}

TEST_CASE_METHOD(EventsTest,
                 "A new version is told to everybody who owns the game, and to nobody else") {
  const std::string former_owner = NewId();
  const std::string license_id = NewId();
  Happen(License<LicenseGranted>(NewId(), user_id));
  Happen(License<LicenseGranted>(license_id, former_owner));
  Happen(License<LicenseRevoked>(license_id, former_owner));
  Happen(Update({"texts", "version"}));
  CHECK(FanOut() == 1);

  const auto inbox = Inbox(user_id);
  REQUIRE(inbox.size() == 1);
  CHECK(inbox[0].kind() == NOTIFICATION_KIND_GAME_UPDATED);
  CHECK(inbox[0].title() == "SuperTux 0.6.4 is out");
  CHECK(inbox[0].body() == "Less ice.");
  CHECK(inbox[0].game_id() == game_id);
  CHECK(Inbox(former_owner).empty());
  CHECK(Count("select count(*) from emails") == 0);
}

TEST_CASE_METHOD(EventsTest, "Other changes of a game are told to nobody") {
  Happen(License<LicenseGranted>(NewId(), user_id));
  Happen(Update({"texts", "release_notes"}));
  CHECK(FanOut() == 0);
  CHECK(Inbox(user_id).empty());
}

TEST_CASE_METHOD(EventsTest, "Every new version is told, and once to owners of two licences") {
  Happen(License<LicenseGranted>(NewId(), user_id));
  Happen(License<LicenseGranted>(NewId(), user_id));
  Happen(Update({"version"}));
  Happen(Update({"version"}));
  CHECK(FanOut() == 2);
  CHECK(Inbox(user_id).size() == 2);
}

TEST_CASE_METHOD(EventsTest, "A licence whose grant comes after its revocation stays revoked") {
  const std::string license_id = NewId();
  Happen(License<LicenseRevoked>(license_id, user_id));
  Happen(License<LicenseGranted>(license_id, user_id));
  Happen(Update({"version"}));
  FanOut();
  CHECK(Inbox(user_id).empty());
}

TEST_CASE_METHOD(EventsTest, "10,000 owners are told by one statement") {
  AddOwners(9'999);
  Happen(Update({"version"}));
  CHECK(FanOut() == 1);
  CHECK(Count("select count(distinct user_id) from notifications") == 9'999);
  AddOwners(1);
  Happen(Update({"version"}));
  CHECK(FanOut() == 2);  // a full statement cannot know that it was the last
  CHECK(Count("select count(*) from notifications") == 19'999);
}

TEST_CASE_METHOD(EventsTest, "More owners are told by several statements, each owner once") {
  AddOwners(25'000);
  Happen(Update({"version"}));
  CHECK(FanOut() == 3);
  CHECK(Count("select count(*) from notifications") == 25'000);
  CHECK(Count("select count(distinct user_id) from notifications") == 25'000);
  CHECK(Count("select count(*) from update_fanouts") == 0);
}

TEST_CASE_METHOD(EventsTest, "Replicas that tell owners at the same time tell each once") {
  AddOwners(500);
  for (int i = 0; i < 12; ++i) Happen(Update({"version"}));
  std::atomic<int> failures = 0;
  std::vector<std::thread> replicas;
  replicas.reserve(8);
  for (int i = 0; i < 8; ++i) {
    replicas.emplace_back([&] {
      absl::StatusOr<bool> more = true;
      while (more.ok() && *more) more = ContinueFanout(database.db(), clock);
      if (!more.ok()) ++failures;
    });
  }
  for (auto& replica : replicas) replica.join();
  CHECK(failures == 0);
  CHECK(Count("select count(*) from update_fanouts") == 0);
  CHECK(Count("select count(*) from notifications") == 12 * 500);
}

}  // namespace
}  // namespace playmesh::notification
