// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/change_feed.h"

#include <set>

namespace glance {

namespace {

// Readers look several times a second; this many entries are minutes of the busiest catalog.
constexpr long long kKeptChanges = 100'000;

class DatabaseChangeFeed final : public ChangeFeed {
 public:
  explicit DatabaseChangeFeed(Database& database) : session_(database.connect()) {
    Database::guarded([&] {
      version_ = data_version();
      last_seq_ = newest_seq();
    });
  }

  Changes poll() override {
    return Database::guarded([&] {
      // The version is read before the entries: what is committed in between is seen twice at
      // worst. SQLite counts the commits of all other connections in it, at no I/O.
      const long long version = data_version();
      if (version == version_) return Changes{};
      Changes changes = read_entries();
      version_ = version;
      return changes;
    });
  }

 private:
  long long data_version() {
    long long version = 0;
    *session_ << "PRAGMA data_version", soci::into(version);
    return version;
  }

  long long newest_seq() {
    long long seq = 0;
    *session_ << "SELECT COALESCE(MAX(seq), 0) FROM glancefs_changes", soci::into(seq);
    return seq;
  }

  Changes read_entries() {
    Changes changes;
    long long oldest = 0;
    *session_ << "SELECT COALESCE(MIN(seq), 0) FROM glancefs_changes", soci::into(oldest);
    changes.everything = oldest > last_seq_ + 1;
    std::set<std::string> ids;
    long long seq = 0;
    std::string id;
    soci::statement statement =
        (session_->prepare << "SELECT seq, image_id FROM glancefs_changes WHERE seq > :last"
                              " ORDER BY seq",
         soci::use(last_seq_), soci::into(seq), soci::into(id));
    statement.execute();
    long long newest = last_seq_;
    while (statement.fetch()) {
      newest = seq;
      ids.insert(id);
    }
    last_seq_ = newest;
    for (const auto& text : ids) {
      if (auto parsed = ImageId::parse(text)) changes.images.push_back(*parsed);
    }
    return changes;
  }

  std::unique_ptr<Session> session_;
  long long version_ = 0;
  long long last_seq_ = 0;
};

}  // namespace

std::unique_ptr<ChangeFeed> open_change_feed(Database& database) {
  return std::make_unique<DatabaseChangeFeed>(database);
}

void prune_changes(Database& database) {
  database.write([](Session& sql) {
    execute(sql,
            "DELETE FROM glancefs_changes"
            " WHERE seq < (SELECT MAX(seq) FROM glancefs_changes) - :kept",
            kKeptChanges);
  });
}

}  // namespace glance
