// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/instance.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <unistd.h>

#include "catalog/rows/instance_rows.h"
#include "catalog/rows/staging_rows.h"
#include "catalog/rows/upload_rows.h"
#include "catalog/upload/instance_watch.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Another machine, whose clock goes on when it is told to.
class OtherMachine final : public Machine {
 public:
  explicit OtherMachine(std::string boot_id) : boot_id_(std::move(boot_id)) {}
  [[nodiscard]] std::string boot_id() const override { return boot_id_; }
  [[nodiscard]] steady_clock::time_point monotonic() const noexcept override { return time_; }
  void pass(milliseconds time) { time_ += time; }

 private:
  const std::string boot_id_;
  steady_clock::time_point time_ = steady_clock::now();
};

/// What is done on this machine is found by a catalog on another one, or after a new start.
class AnInstance : public test::CatalogFixture {
 protected:
  /// Leaves an upload whose process died when `end` had happened to it; returns its image.
  template <typename End>
  ImageId leave(End&& end) {
    const auto id = add("x").id;
    in_a_process_that_dies([&](Catalog& catalog) {
      const auto upload = catalog.upload(caller_, id, {});
      upload->write(0, bytes("hello"));
      end(*upload);
      ::_exit(0);
    });
    return id;
  }
  ImageId leave_sealed() {
    return leave([](Upload& upload) { upload.seal(); });
  }

  [[nodiscard]] std::unique_ptr<Catalog> elsewhere() const {
    return Catalog::open(read_spec(spec(), false), false, {.machine = other_});
  }
  [[nodiscard]] ImageStatus status(const ImageId& id) const {
    return catalog_->find(caller_, id)->status;
  }
  template <typename Work>
  auto sql(Work&& work) {
    return Database(database_url(), false).write(std::forward<Work>(work));
  }
  int count(const std::string& table) {
    return sql([&](Session& session) {
      int number = 0;
      session << "SELECT COUNT(*) FROM " + table, soci::into(number);
      return number;
    });
  }
  /// The heartbeats of all instances move, as if their processes lived.
  void beat() {
    sql([](Session& session) {
      session << "UPDATE glancefs_instances SET heartbeat = heartbeat + 1";
    });
  }
  [[nodiscard]] std::vector<std::string> findings(Catalog& catalog) const {
    std::vector<std::string> texts;
    catalog.check([&](const Finding& finding) { texts.push_back(finding.text); });
    return texts;
  }

  const std::shared_ptr<OtherMachine> other_ = std::make_shared<OtherMachine>("another boot");
};

TEST_F(AnInstance, IsWhatAnUploadNamesAndNotTheHost) {
  const auto id = leave_sealed();
  sql([](Session& session) { session << "UPDATE glancefs_uploads SET host = 'the old name'"; });
  EXPECT_EQ(catalog_->recover().published, 1U);
  EXPECT_EQ(data_of(id), "hello");
}

TEST_F(AnInstance, OfAnotherBootIsGoneAfterItsSilence) {
  const auto id = leave_sealed();
  const auto catalog = elsewhere();
  auto report = catalog->recover();
  EXPECT_EQ(report.published, 0U);
  EXPECT_EQ(report.undecided, 1U);
  EXPECT_THAT(findings(*catalog),
              ElementsAre(AllOf(HasSubstr("acknowledged, but not published; waiting until"),
                                HasSubstr("last seen 20"))));

  other_->pass(Instance::kSilence - milliseconds(1));
  EXPECT_EQ(catalog->recover().undecided, 1U);
  other_->pass(milliseconds(1));
  report = catalog->recover();
  EXPECT_EQ(report.published, 1U);
  EXPECT_EQ(report.undecided, 0U);
  EXPECT_EQ(data_of(id), "hello");
  EXPECT_EQ(count("glancefs_instances"), 0);
}

TEST_F(AnInstance, WhoseHeartbeatMovesIsLeftAlone) {
  const auto id = leave_sealed();
  const auto catalog = elsewhere();
  EXPECT_EQ(catalog->recover().undecided, 1U);
  for (int i = 0; i < 3; ++i) {
    other_->pass(Instance::kSilence);
    beat();
    const auto report = catalog->recover();
    EXPECT_EQ(report.published + report.undecided, 0U);
    EXPECT_EQ(report.left, 1U);
    EXPECT_THAT(findings(*catalog), IsEmpty());
  }
  other_->pass(Instance::kSilence);
  EXPECT_EQ(catalog->recover().published, 1U);
  EXPECT_EQ(status(id), ImageStatus::active);
}

TEST_F(AnInstance, WithoutARowIsGone) {
  leave_sealed();
  sql([](Session& session) { session << "DELETE FROM glancefs_instances"; });
  EXPECT_EQ(elsewhere()->recover().published, 1U);
}

TEST_F(AnInstance, ThatAnUploadDoesNotNameIsGone) {
  leave_sealed();
  sql([](Session& session) { session << "UPDATE glancefs_uploads SET instance = NULL"; });
  EXPECT_EQ(elsewhere()->recover().published, 1U);
}

TEST_F(AnInstance, OpenUploadsOfAnotherBootAreTakenBackAfterItsSilence) {
  const auto id = leave([](Upload&) {});
  const auto catalog = elsewhere();
  EXPECT_EQ(catalog->recover().discarded, 0U);
  EXPECT_EQ(status(id), ImageStatus::saving);
  other_->pass(Instance::kSilence);
  EXPECT_EQ(catalog->recover().discarded, 1U);
  EXPECT_EQ(status(id), ImageStatus::queued);
}

TEST_F(AnInstance, StagedDataOfAnotherBootAreTakenBackAfterItsSilence) {
  const auto id = add("x").id;
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto staged = catalog.stage(caller_, id);
    staged->write(bytes("hello"));
    ::_exit(0);
  });
  const auto catalog = elsewhere();
  EXPECT_EQ(catalog->recover().undecided, 1U);
  EXPECT_EQ(status(id), ImageStatus::uploading);
  other_->pass(Instance::kSilence);
  EXPECT_EQ(catalog->recover().undecided, 0U);
  EXPECT_EQ(status(id), ImageStatus::queued);
  EXPECT_EQ(count("glancefs_stagings"), 0);
}

TEST_F(AnInstance, AStagingWhoseBytesSomebodyHasRemovedEnds) {
  const auto id = add("x").id;
  in_a_process_that_dies([&](Catalog& catalog) {
    const auto staged = catalog.stage(caller_, id);
    staged->write(bytes("hello"));
    std::filesystem::remove_all(catalog.config().staging_datadir);
    ::_exit(0);
  });
  catalog_->recover();
  EXPECT_EQ(status(id), ImageStatus::queued);
  EXPECT_EQ(catalog_->stage(caller_, id)->finish().size, 0U);
}

TEST_F(AnInstance, BeatsWhileThereIsWorkAndEndsWithItsRow) {
  Database database(database_url(), false);
  const auto heartbeat = [&] {
    return database.read([](Session& session) {
      long long sum = -1;
      session << "SELECT COALESCE(SUM(heartbeat), -1) FROM glancefs_instances", soci::into(sum);
      return sum;
    });
  };
  {
    Instance instance(database, other_, milliseconds(1));
    EXPECT_EQ(heartbeat(), -1);
    const Instance::Work work(instance);
    database.write([&](Session& session) { static_cast<void>(work.sign(session)); });
    const auto deadline = steady_clock::now() + std::chrono::seconds(30);
    while (heartbeat() < 3 && steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_GE(heartbeat(), 3);
  }
  EXPECT_EQ(heartbeat(), -1);
}

TEST_F(AnInstance, ReadersWriteNone) {
  const auto id = store("x", "data").id;
  const auto reader = open();
  EXPECT_EQ(reader->open_data(caller_, id)->size(), 4U);
  EXPECT_EQ(count("glancefs_instances"), 1);  // the writer's
}

TEST_F(AnInstance, ThatIsIdleIsForgottenByRecoveryAndComesBack) {
  store("x", "data");
  open()->recover();
  EXPECT_EQ(count("glancefs_instances"), 0);
  const auto id = add("y").id;
  const auto upload = catalog_->upload(caller_, id, {});
  open()->recover();
  EXPECT_EQ(count("glancefs_instances"), 1);
  upload->write(0, bytes("hello"));
  EXPECT_EQ(upload->publish().status, ImageStatus::active);
}

}  // namespace
}  // namespace glance
