// SPDX-License-Identifier: Apache-2.0
#include "catalog/database/database.h"

#include <stdexcept>
#include <string_view>

#include <gtest/gtest.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "tests/unit/support/temporary_directory.h"

namespace glance {
namespace {

class ADatabase : public ::testing::Test {
 protected:
  ADatabase() {
    database_.write([](Session& sql) { sql << "CREATE TABLE numbers (number INTEGER)"; });
  }

  /// Has SQLite refuse every ROLLBACK of this session.
  static void forbid_rollback(Session& sql) {
    const auto* backend = static_cast<soci::sqlite3_session_backend*>(sql.get_backend());
    const auto authorize = [](void*, int action, const char* operation, const char*, const char*,
                              const char*) {
      const bool rollback =
          action == SQLITE_TRANSACTION && std::string_view(operation) == "ROLLBACK";
      return rollback ? SQLITE_DENY : SQLITE_OK;
    };
    sqlite_api::sqlite3_set_authorizer(backend->conn_, authorize, nullptr);
  }

  [[nodiscard]] int count() {
    return database_.read([](Session& sql) {
      int count = 0;
      sql << "SELECT COUNT(*) FROM numbers", soci::into(count);
      return count;
    });
  }

  void insert() {
    database_.write([](Session& sql) { sql << "INSERT INTO numbers VALUES (1)"; });
  }

 private:
  const test::TemporaryDirectory directory_;

 protected:
  Database database_{"sqlite:///" + (directory_.path() / "db.sqlite").string(), true};
};

TEST_F(ADatabase, DropsAReadersSessionWhoseRollbackFailed) {
  const auto fail = [](Session& sql) {
    forbid_rollback(sql);
    throw std::runtime_error("the reader fails");
  };
  EXPECT_THROW(database_.read(fail), std::runtime_error);
  EXPECT_EQ(count(), 0);
  insert();
  EXPECT_EQ(count(), 1);  // and not what the failed transaction saw
}

TEST_F(ADatabase, DropsTheWritersSessionWhoseRollbackFailed) {
  const auto fail = [](Session& sql) {
    sql << "INSERT INTO numbers VALUES (2)";
    forbid_rollback(sql);
    throw std::runtime_error("the writer fails");
  };
  EXPECT_THROW(database_.write(fail), std::runtime_error);
  insert();
  EXPECT_EQ(count(), 1);
}

TEST_F(ADatabase, GoesOnAfterARollback) {
  const auto fail = [](Session& sql) {
    sql << "INSERT INTO numbers VALUES (2)";
    throw std::runtime_error("the writer fails");
  };
  EXPECT_THROW(database_.write(fail), std::runtime_error);
  EXPECT_EQ(count(), 0);
  insert();
  EXPECT_EQ(count(), 1);
}

}  // namespace
}  // namespace glance
