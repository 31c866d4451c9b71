#include <catch2/catch.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"
#include "playmesh/library/v1/library_events.pb.h"
#include "services/library/library_events.h"
#include "services/library/library_service.h"

namespace playmesh::library {
namespace {

using catalog::v1::GamePublished;
using catalog::v1::GameUpdated;
using purchase::v1::OrderItem;
using purchase::v1::PurchaseCompleted;
using purchase::v1::PurchaseRefunded;
using testing::ServiceCaller;
using testing::UserCaller;

// The service and its consumer with a database and a clock of their own.
struct Library {
  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  Outbox outbox{clock};
  LibraryService service{LibraryService::Deps{database.db()}};
  LibraryEvents events{LibraryEvents::Deps{clock, outbox}};
  Consumer consumer{database.db(), ConsumerOptions{}};
  std::string user_id = NewUuid(clock.Now());
  std::string game_id = NewUuid(clock.Now());

  Library() { events.Register(consumer); }

  std::string NewId() { return NewUuid(clock.Now()); }

  // As Kafka does; as a redelivery, when the id is one that came before.
  absl::Status Deliver(const google::protobuf::Message& event, const std::string& event_id = "") {
    EventInfo info;
    info.event_id = event_id.empty() ? NewId() : event_id;
    info.type = event.GetDescriptor()->full_name();
    info.time = clock.Now();
    return consumer.Deliver(info, event.SerializeAsString());
  }

  OrderItem Item(const std::string& game) {
    OrderItem item;
    item.set_game_id(game);
    item.set_edition_id(NewId());
    item.set_game_title("Title at purchase");
    item.set_edition_name("Standard");
    return item;
  }

  PurchaseCompleted Purchase(const std::vector<std::string>& games) {
    PurchaseCompleted event;
    event.set_order_id(NewId());
    event.set_user_id(user_id);
    for (const std::string& game : games) *event.add_items() = Item(game);
    return event;
  }

  static PurchaseRefunded RefundOf(const PurchaseCompleted& purchase) {
    PurchaseRefunded event;
    event.set_order_id(purchase.order_id());
    event.set_user_id(purchase.user_id());
    *event.mutable_items() = purchase.items();
    return event;
  }

  GameUpdated Update(const std::string& version) {
    GameUpdated event;
    event.set_game_id(game_id);
    event.set_title("Title now");
    event.set_version(version);
    event.set_release_notes(absl::StrCat("New in ", version));
    *event.mutable_update_time() = ToTimestamp(clock.Now());
    return event;
  }

  std::vector<License> List(bool show_revoked = false) {
    ListLicensesRequest request;
    request.set_show_revoked(show_revoked);
    const auto page = service.ListLicenses(UserCaller(user_id), request).value();
    return {page.licenses().begin(), page.licenses().end()};
  }

  absl::StatusOr<License> Get() {
    GetLicenseRequest request;
    request.set_game_id(game_id);
    auto response = service.GetLicense(UserCaller(user_id), request);
    if (!response.ok()) return response.status();
    return response->license();
  }

  size_t Granted() { return database.Published<LicenseGranted>().size(); }
  size_t Revoked() { return database.Published<LicenseRevoked>().size(); }
};

}  // namespace

TEST_CASE("A purchase grants a licence for each of its games") {
  Library library;
  const PurchaseCompleted purchase = library.Purchase({library.game_id, library.NewId()});
  REQUIRE(library.Deliver(purchase).ok());

  const License license = library.Get().value();
  CHECK(IsUuid(license.license_id()));
  CHECK(license.game_id() == library.game_id);
  CHECK(license.edition_id() == purchase.items(0).edition_id());
  CHECK(license.edition_name() == "Standard");
  CHECK(license.order_id() == purchase.order_id());
  CHECK(license.state() == LICENSE_STATE_ACTIVE);
  CHECK(FromTimestamp(license.grant_time()) == library.clock.Now());
  CHECK_FALSE(license.has_revoke_time());
  CHECK(library.List().size() == 2);

  const auto events = library.database.Published<LicenseGranted>();
  REQUIRE(events.size() == 2);
  CHECK(events[0].license_id() == license.license_id());
  CHECK(events[0].user_id() == library.user_id);
  CHECK(events[0].game_id() == library.game_id);
  CHECK(events[0].game_title() == "Title at purchase");
  CHECK(events[0].order_id() == purchase.order_id());
  CHECK(FromTimestamp(events[0].grant_time()) == library.clock.Now());
}

TEST_CASE("A redelivered purchase has no further effect, under the same id or another") {
  Library library;
  const PurchaseCompleted purchase = library.Purchase({library.game_id});
  const std::string event_id = library.NewId();
  REQUIRE(library.Deliver(purchase, event_id).ok());
  REQUIRE(library.Deliver(purchase, event_id).ok());
  REQUIRE(library.Deliver(purchase).ok());
  CHECK(library.List(/*show_revoked=*/true).size() == 1);
  CHECK(library.Granted() == 1);
}

TEST_CASE("A refund revokes the licences of its order") {
  Library library;
  const PurchaseCompleted refunded = library.Purchase({library.game_id});
  const PurchaseCompleted kept = library.Purchase({library.NewId()});
  REQUIRE(library.Deliver(refunded).ok());
  REQUIRE(library.Deliver(kept).ok());
  library.clock.Advance(absl::Hours(1));
  const std::string event_id = library.NewId();
  REQUIRE(library.Deliver(Library::RefundOf(refunded), event_id).ok());
  REQUIRE(library.Deliver(Library::RefundOf(refunded), event_id).ok());
  REQUIRE(library.Deliver(Library::RefundOf(refunded)).ok());

  CHECK(absl::IsNotFound(library.Get().status()));
  REQUIRE(library.List().size() == 1);
  CHECK(library.List()[0].order_id() == kept.order_id());
  const auto all = library.List(/*show_revoked=*/true);
  REQUIRE(all.size() == 2);
  CHECK(all[1].state() == LICENSE_STATE_REVOKED);
  CHECK(FromTimestamp(all[1].revoke_time()) == library.clock.Now());

  const auto events = library.database.Published<LicenseRevoked>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].license_id() == all[1].license_id());
  CHECK(events[0].user_id() == library.user_id);
  CHECK(events[0].game_id() == library.game_id);
  CHECK(events[0].game_title() == "Title at purchase");
  CHECK(events[0].order_id() == refunded.order_id());
  CHECK(FromTimestamp(events[0].revoke_time()) == library.clock.Now());
}

TEST_CASE("A game that was refunded can be bought again") {
  Library library;
  const PurchaseCompleted first = library.Purchase({library.game_id});
  const PurchaseCompleted second = library.Purchase({library.game_id});
  REQUIRE(library.Deliver(first).ok());
  REQUIRE(library.Deliver(Library::RefundOf(first)).ok());
  REQUIRE(library.Deliver(second).ok());
  CHECK(library.Get().value().order_id() == second.order_id());
  CHECK(library.Granted() == 2);
}

TEST_CASE("A refund that comes before its purchase wins") {
  Library library;
  const PurchaseCompleted purchase = library.Purchase({library.game_id});
  REQUIRE(library.Deliver(Library::RefundOf(purchase)).ok());
  REQUIRE(library.Deliver(purchase).ok());
  CHECK(absl::IsNotFound(library.Get().status()));
  CHECK(library.Granted() == 0);
  CHECK(library.Revoked() == 0);
}

TEST_CASE("A dead letter of a refunded purchase grants nothing when it is replayed") {
  Library library;
  const PurchaseCompleted purchase = library.Purchase({library.game_id});
  const std::string payload = purchase.SerializeAsString();
  REQUIRE(library.database
              .Execute(R"(
      insert into dead_letters (event_id, source, type, key, payload, traceparent, event_time,
                                topic, partition, kafka_offset, reason)
      values (:event_id, '/playmesh/purchase', :type, :key, :payload, '', now(),
              'playmesh.purchase.v1', 0, 0, 'test'))",
                       library.NewId(), purchase.GetDescriptor()->full_name(), purchase.order_id(),
                       db::Bytes{payload})
              .ok());
  REQUIRE(library.Deliver(Library::RefundOf(purchase)).ok());
  CHECK(library.consumer.Replay().value().handled == 1);
  CHECK(absl::IsNotFound(library.Get().status()));
}

TEST_CASE("A game that was paid for twice is owned once") {
  Library library;
  const PurchaseCompleted first = library.Purchase({library.game_id});
  const PurchaseCompleted second = library.Purchase({library.game_id});
  REQUIRE(library.Deliver(first).ok());
  REQUIRE(library.Deliver(second).ok());
  REQUIRE(library.List(/*show_revoked=*/true).size() == 1);
  CHECK(library.Get().value().order_id() == first.order_id());
  CHECK(library.Granted() == 1);

  SECTION("the refund of the first order leaves the second's licence") {
    REQUIRE(library.Deliver(Library::RefundOf(first)).ok());
    CHECK(library.Get().value().order_id() == second.order_id());
    CHECK(library.Revoked() == 1);
    CHECK(library.Granted() == 2);
    REQUIRE(library.Deliver(Library::RefundOf(second)).ok());
    CHECK(absl::IsNotFound(library.Get().status()));
    CHECK(library.Revoked() == 2);
  }
  SECTION("the refund of the second order leaves the first's licence") {
    REQUIRE(library.Deliver(Library::RefundOf(second)).ok());
    CHECK(library.Get().value().order_id() == first.order_id());
    CHECK(library.Revoked() == 0);
    REQUIRE(library.Deliver(Library::RefundOf(first)).ok());
    CHECK(absl::IsNotFound(library.Get().status()));
    CHECK(library.Granted() == 1);
  }
}

TEST_CASE("Orders and refunds of one game at the same time leave exactly what was kept") {
  const int count = GENERATE(2, 8, 64);
  CAPTURE(count);
  Library library;
  std::vector<PurchaseCompleted> purchases;
  for (int i = 0; i < count; ++i) purchases.push_back(library.Purchase({library.game_id}));
  std::vector<absl::Status> results(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      results[i] = library.Deliver(purchases[i]);
      // All but the first order are refunded.
      if (i > 0 && results[i].ok()) results[i] = library.Deliver(Library::RefundOf(purchases[i]));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) CHECK(result.ok());
  CHECK(library.Get().value().order_id() == purchases[0].order_id());
  CHECK(library.Granted() == library.Revoked() + 1);
}

TEST_CASE("Deliveries of one purchase at the same time grant once") {
  const int count = GENERATE(2, 8);
  Library library;
  const PurchaseCompleted purchase = library.Purchase({library.game_id});
  std::vector<absl::Status> results(count);
  std::vector<std::thread> threads;
  for (absl::Status& result : results) {
    threads.emplace_back([&] { result = library.Deliver(purchase); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) CHECK(result.ok());
  CHECK(library.Granted() == 1);
}

TEST_CASE("Licences show the game as it is now") {
  Library library;
  REQUIRE(library.Deliver(library.Purchase({library.game_id})).ok());
  License license = library.Get().value();
  CHECK(license.game_title() == "Title at purchase");
  CHECK(license.game_version().empty());
  CHECK_FALSE(license.has_game_update_time());

  GamePublished published;
  published.set_game_id(library.game_id);
  published.set_title("Title of the release");
  published.set_version("1.0");
  *published.mutable_publish_time() = ToTimestamp(library.clock.Now());
  REQUIRE(library.Deliver(published).ok());
  license = library.Get().value();
  CHECK(license.game_title() == "Title of the release");
  CHECK(license.game_version() == "1.0");
  CHECK_FALSE(license.has_game_update_time());

  library.clock.Advance(absl::Hours(1));
  REQUIRE(library.Deliver(library.Update("1.1")).ok());
  license = library.Get().value();
  CHECK(license.game_title() == "Title now");
  CHECK(license.game_version() == "1.1");
  CHECK(license.release_notes() == "New in 1.1");
  CHECK(FromTimestamp(license.game_update_time()) == library.clock.Now());
  CHECK(library.List()[0].DebugString() == license.DebugString());
}

TEST_CASE("An update that is older than what is known changes nothing") {
  Library library;
  REQUIRE(library.Deliver(library.Purchase({library.game_id})).ok());
  const GameUpdated older = library.Update("1.0");
  library.clock.Advance(absl::Hours(1));
  REQUIRE(library.Deliver(library.Update("1.1")).ok());
  REQUIRE(library.Deliver(older).ok());
  CHECK(library.Get().value().game_version() == "1.1");
}

TEST_CASE("A game that is published again keeps the notes of the same version only") {
  const std::string version = GENERATE("1.1", "2.0");
  Library library;
  REQUIRE(library.Deliver(library.Purchase({library.game_id})).ok());
  REQUIRE(library.Deliver(library.Update("1.1")).ok());
  library.clock.Advance(absl::Hours(1));
  GamePublished published;
  published.set_game_id(library.game_id);
  published.set_title("Title now");
  published.set_version(version);
  *published.mutable_publish_time() = ToTimestamp(library.clock.Now());
  REQUIRE(library.Deliver(published).ok());
  CHECK(library.Get().value().game_version() == version);
  CHECK(library.Get().value().release_notes() == (version == "1.1" ? "New in 1.1" : ""));
}

TEST_CASE("ListLicenses shows the caller's own, latest first, page by page") {
  Library library;
  std::vector<std::string> order_ids;
  for (int i = 0; i < 5; ++i) {
    const PurchaseCompleted purchase = library.Purchase({library.NewId()});
    REQUIRE(library.Deliver(purchase).ok());
    order_ids.insert(order_ids.begin(), purchase.order_id());
    library.clock.Advance(absl::Seconds(1));
  }
  const Caller caller = UserCaller(library.user_id);
  library.user_id = library.NewId();
  REQUIRE(library.Deliver(library.Purchase({library.game_id})).ok());

  std::vector<std::string> shown;
  ListLicensesRequest request;
  request.set_page_size(2);
  do {
    const auto page = library.service.ListLicenses(caller, request).value();
    CHECK(page.licenses().size() <= 2);
    for (const License& license : page.licenses()) shown.push_back(license.order_id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  CHECK(shown == order_ids);
}

TEST_CASE("ListLicenses refuses a page token of another list") {
  Library library;
  REQUIRE(library.Deliver(library.Purchase({library.NewId(), library.NewId()})).ok());
  ListLicensesRequest request;
  request.set_page_size(1);
  const Caller caller = UserCaller(library.user_id);
  request.set_page_token(library.service.ListLicenses(caller, request).value().next_page_token());
  REQUIRE(library.service.ListLicenses(caller, request).ok());
  request.set_show_revoked(true);
  CHECK(absl::IsInvalidArgument(library.service.ListLicenses(caller, request).status()));
}

TEST_CASE("GetLicense of somebody else's game is NOT_FOUND") {
  Library library;
  REQUIRE(library.Deliver(library.Purchase({library.game_id})).ok());
  library.user_id = library.NewId();
  CHECK(absl::IsNotFound(library.Get().status()));
}

TEST_CASE("CheckOwnership names the games with an active licence") {
  Library library;
  const std::string refunded_id = library.NewId();
  const PurchaseCompleted refunded = library.Purchase({refunded_id});
  REQUIRE(library.Deliver(library.Purchase({library.game_id})).ok());
  REQUIRE(library.Deliver(refunded).ok());
  REQUIRE(library.Deliver(Library::RefundOf(refunded)).ok());

  CheckOwnershipRequest request;
  request.set_user_id(library.user_id);
  for (const std::string& id : {library.game_id, refunded_id, library.NewId()}) {
    request.add_game_ids(id);
  }
  const auto response = library.service.CheckOwnership(ServiceCaller("purchase"), request).value();
  REQUIRE(response.owned_game_ids().size() == 1);
  CHECK(response.owned_game_ids(0) == library.game_id);

  request.set_user_id(library.NewId());
  CHECK(library.service.CheckOwnership(ServiceCaller("purchase"), request)
            .value()
            .owned_game_ids()
            .empty());
}

}  // namespace playmesh::library
