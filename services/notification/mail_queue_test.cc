#include "services/notification/mail_queue.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"
#include "playmesh/identity/v1/identity_events.pb.h"
#include "playmesh/purchase/v1/purchase_events.pb.h"

namespace playmesh::notification {
namespace {

using identity::v1::BatchGetContactsRequest;
using identity::v1::BatchGetContactsResponse;

class FakeIdentity : public identity::v1::IdentityServiceClient {
 public:
  absl::StatusOr<BatchGetContactsResponse> BatchGetContacts(
      const BatchGetContactsRequest& request) override {
    std::lock_guard lock(mutex_);
    if (down) return absl::UnavailableError("down");
    BatchGetContactsResponse response;
    for (const std::string& user_id : request.user_ids()) {
      auto found = contacts.find(user_id);
      if (found != contacts.end()) *response.add_contacts() = found->second;
    }
    return response;
  }

  bool down = false;
  std::map<std::string, identity::v1::Contact> contacts;

 private:
  std::mutex mutex_;
};

// Takes every mail, unless `answer` says else.
class FakeServer : public MailSender {
 public:
  absl::Status Send(const Mail& mail) override {
    absl::Status status = answer(mail);
    std::lock_guard lock(mutex_);
    ++attempts;
    if (status.ok()) mails.push_back(mail);
    return status;
  }

  std::function<absl::Status(const Mail&)> answer = [](const Mail&) { return absl::OkStatus(); };
  int attempts = 0;
  std::vector<Mail> mails;

 private:
  std::mutex mutex_;
};

// What the table holds of a mail.
struct MailRow {
  std::string state;
  bool has_person;
  int64_t attempts;
  std::string failure;
};

struct MailQueueTest {
  // A user with an address and a welcome mail waiting.
  std::string Register(const std::string& email = "ada@players.example") {
    const std::string user_id = NewUuid(clock.Now());
    identity::v1::Contact contact;
    contact.set_user_id(user_id);
    contact.set_email(email);
    identity.contacts[user_id] = contact;
    Welcome(user_id);
    return user_id;
  }

  void Welcome(const std::string& user_id) {
    identity::v1::UserRegistered event;
    event.set_user_id(user_id);
    REQUIRE(database.db()
                .Transact([&](Transaction& tx) {
                  return AddMail(tx, clock.Now(), NOTIFICATION_KIND_WELCOME, user_id, user_id,
                                 event);
                })
                .ok());
  }

  // The only mail's row.
  MailRow Row() {
    using Columns = std::tuple<std::string, bool, int64_t, std::string>;
    const auto rows = database.Query<Columns>(R"(
        select state, user_id is not null or event is not null, attempts, coalesce(failure, '')
        from emails)");
    REQUIRE(rows.size() == 1);
    const auto& [state, has_person, attempts, failure] = rows[0];
    return {state, has_person, attempts, failure};
  }

  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  FakeIdentity identity;
  FakeServer server;
  MailQueue queue{{database.db(), clock, identity}};
};

TEST_CASE_METHOD(MailQueueTest, "A mail is sent once to the address that identity knows") {
  const std::string user_id = Register("ada@players.example");
  Welcome(user_id);  // the event came again
  REQUIRE(queue.SendDue(server).ok());
  clock.Advance(absl::Hours(100));
  REQUIRE(queue.SendDue(server).ok());
  REQUIRE(server.attempts == 1);
  CHECK(server.mails[0].address == "ada@players.example");
  CHECK(server.mails[0].subject == "Welcome to Playmesh");
  CHECK(IsUuid(server.mails[0].mail_id));
}

TEST_CASE_METHOD(MailQueueTest, "A mail that was sent leaves nothing of the person behind") {
  Register();
  CHECK(Row().has_person);
  REQUIRE(queue.SendDue(server).ok());
  CHECK(Row().state == "sent");
  CHECK_FALSE(Row().has_person);
}

TEST_CASE_METHOD(MailQueueTest, "A mail to somebody who is gone is dropped") {
  const std::string user_id = Register();
  identity.contacts.erase(user_id);
  REQUIRE(queue.SendDue(server).ok());
  CHECK(server.attempts == 0);
  CHECK(Row().state == "dropped");
  CHECK_FALSE(Row().has_person);
}

TEST_CASE_METHOD(MailQueueTest,
                 "A mail that the server refuses for good has failed, with a reason") {
  Register();
  server.answer = [](const Mail&) { return absl::FailedPreconditionError("SMTP 550"); };
  REQUIRE(queue.SendDue(server).ok());
  clock.Advance(absl::Hours(100));
  REQUIRE(queue.SendDue(server).ok());
  CHECK(server.attempts == 1);
  CHECK(Row().state == "failed");
  CHECK(Row().failure == "SMTP 550");
  CHECK_FALSE(Row().has_person);
}

TEST_CASE_METHOD(MailQueueTest, "A mail that the server refuses for now is sent later") {
  Register();
  server.answer = [&](const Mail&) {
    return server.attempts < 3 ? absl::UnavailableError("SMTP 450") : absl::OkStatus();
  };
  REQUIRE(queue.SendDue(server).ok());
  for (int attempt = 1; attempt <= 3; ++attempt) {
    CHECK(Row().failure == "SMTP 450");
    clock.Advance(RetryDelay(attempt) - absl::Milliseconds(1));
    REQUIRE(queue.SendDue(server).ok());
    CHECK(server.attempts == attempt);  // not yet
    clock.Advance(absl::Milliseconds(1));
    REQUIRE(queue.SendDue(server).ok());
    CHECK(server.attempts == attempt + 1);
  }
  CHECK(server.mails.size() == 1);
  CHECK(Row().state == "sent");
}

TEST_CASE_METHOD(MailQueueTest, "A mail is given up after two days") {
  Register();
  server.answer = [](const Mail&) { return absl::UnavailableError("no connection"); };
  const absl::Time start = clock.Now();
  while (Row().state == "queued" && server.attempts < 1000) {
    REQUIRE(queue.SendDue(server).ok());
    if (Row().state == "queued") clock.Advance(RetryDelay(server.attempts));
  }
  CHECK(server.attempts == kMaxMailAttempts);
  CHECK(Row().state == "failed");
  CHECK(Row().failure == "no connection");
  CHECK(clock.Now() - start > absl::Hours(46));
  CHECK(clock.Now() - start < absl::Hours(49));
}

TEST_CASE("Pauses between attempts double from 30 seconds up to an hour") {
  CHECK(RetryDelay(1) == absl::Seconds(30));
  CHECK(RetryDelay(2) == absl::Minutes(1));
  CHECK(RetryDelay(7) == absl::Minutes(32));
  CHECK(RetryDelay(8) == absl::Hours(1));
  CHECK(RetryDelay(1000) == absl::Hours(1));
}

TEST_CASE_METHOD(MailQueueTest, "Mails wait while identity does not answer") {
  Register();
  identity.down = true;
  REQUIRE(queue.SendDue(server).ok());
  CHECK(Row().state == "queued");
  CHECK(server.attempts == 0);
  identity.down = false;
  clock.Advance(RetryDelay(1));
  REQUIRE(queue.SendDue(server).ok());
  CHECK(Row().state == "sent");
}

TEST_CASE_METHOD(MailQueueTest, "A mail whose event does not parse fails alone") {
  const std::string user_id = Register();
  purchase::v1::PurchaseCompleted event;
  REQUIRE(database
              .Execute(R"(
                  insert into emails (email_id, kind, user_id, event, due_time, create_time)
                  values (:id, 'purchase_completed', :user_id, '\xff', :now, :now))",
                       NewUuid(clock.Now()), user_id, clock.Now())
              .ok());
  REQUIRE(queue.SendDue(server).ok());
  CHECK(server.mails.size() == 1);
  CHECK(database.Query<std::string>("select state from emails order by state") ==
        std::vector<std::string>{"failed", "sent"});
}

TEST_CASE_METHOD(MailQueueTest, "After a crash another sender sends the mail under the same id") {
  Register();
  std::string first_id;
  server.answer = [&](const Mail& mail) -> absl::Status {
    first_id = mail.mail_id;
    throw std::runtime_error("the process dies while the server answers");
  };
  CHECK_THROWS(queue.SendDue(server));

  FakeServer later;
  clock.Advance(absl::Minutes(2) - absl::Milliseconds(1));
  REQUIRE(queue.SendDue(later).ok());
  CHECK(later.attempts == 0);  // the lease holds
  clock.Advance(absl::Milliseconds(1));
  REQUIRE(queue.SendDue(later).ok());
  REQUIRE(later.mails.size() == 1);
  CHECK(later.mails[0].mail_id == first_id);
}

TEST_CASE_METHOD(MailQueueTest, "A sender whose lease ran out does not disturb the next") {
  Register();
  FakeServer next;
  next.answer = [](const Mail&) { return absl::UnavailableError("SMTP 450"); };
  server.answer = [&](const Mail&) {
    clock.Advance(absl::Minutes(3));
    CHECK(queue.SendDue(next).ok());
    return absl::UnavailableError("too slow");
  };
  REQUIRE(queue.SendDue(server).ok());
  CHECK(next.attempts == 1);
  CHECK(Row().failure == "SMTP 450");
  clock.Advance(RetryDelay(2) - absl::Milliseconds(1));
  FakeServer later;
  REQUIRE(queue.SendDue(later).ok());
  CHECK(later.attempts == 0);
}

TEST_CASE_METHOD(MailQueueTest, "Mails that a slow server leaves no time for are handed back") {
  for (int i = 0; i < 5; ++i) Register();
  server.answer = [&](const Mail&) {
    clock.Advance(absl::Seconds(6));
    return absl::OkStatus();
  };
  REQUIRE(queue.SendDue(server).ok());
  CHECK(server.mails.size() == 2);
  CHECK(database.Query<int64_t>("select attempts from emails where state = 'queued'") ==
        std::vector<int64_t>{0, 0, 0});
  FakeServer other;
  REQUIRE(queue.SendDue(other).ok());
  CHECK(other.mails.size() == 3);
}

TEST_CASE_METHOD(MailQueueTest, "Many senders send each mail once") {
  const int senders = GENERATE(2, 8, 64);
  constexpr int kMails = 150;
  for (int i = 0; i < kMails; ++i) Register(absl::StrCat("user", i, "@players.example"));
  std::atomic<int> failures = 0;
  std::vector<FakeServer> servers(senders);
  std::vector<std::thread> threads;
  threads.reserve(senders);
  for (FakeServer& each : servers) {
    threads.emplace_back([&] { failures += queue.SendDue(each).ok() ? 0 : 1; });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
  std::multiset<std::string> addresses;
  for (const FakeServer& each : servers) {
    for (const Mail& mail : each.mails) addresses.insert(mail.address);
  }
  CHECK(addresses.size() == kMails);
  CHECK(std::set<std::string>(addresses.begin(), addresses.end()).size() == kMails);
}

TEST_CASE_METHOD(MailQueueTest,
                 "Mails that are done with are forgotten after 30 days, others never") {
  Register();
  REQUIRE(queue.SendDue(server).ok());
  Register();
  clock.Advance(absl::Hours(30 * 24));
  REQUIRE(queue.ForgetOld().ok());
  CHECK(database.Query<int64_t>("select count(*) from emails")[0] == 2);
  clock.Advance(absl::Seconds(1));
  REQUIRE(queue.ForgetOld().ok());
  CHECK(Row().state == "queued");
}

}  // namespace
}  // namespace playmesh::notification
