// SPDX-License-Identifier: Apache-2.0
#include "catalog/database/database.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>

#include <soci/sqlite3/soci-sqlite3.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "catalog/os/make_private.h"

namespace glance {

namespace {

// Writers of other processes hold the lock for milliseconds; only a stuck one takes this long.
constexpr std::chrono::milliseconds kBusyTimeout{30'000};
constexpr std::chrono::milliseconds kShortestPatience{100};
// KiB. What a page of a listing touches among 100,000 images does not fit into the 2,000 that are
// usual; each of the pooled sessions may come to take this much.
constexpr int kCacheSize = 4000;
constexpr int kSmallCacheSize = 128;  // the upper levels of some trees
constexpr std::size_t kPooledSessions = 8;
constexpr std::size_t kKeptStatements = 32;  // of a session

Errc code_of_sqlite(int result) noexcept {
  // The primary code is the low byte of an extended one.
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::busy;
    case SQLITE_FULL:
      return Errc::no_space;
    case SQLITE_READONLY:
      return Errc::read_only;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::corrupt;
    case SQLITE_CONSTRAINT:
      return Errc::exists;
    default:
      return Errc::io;
  }
}

/// How long the session waits for another process's lock.
void set_patience(Session& session, std::chrono::milliseconds time) {
  session << "PRAGMA busy_timeout = " + std::to_string(time.count());
}

/// How much of the database the session keeps in memory, in KiB.
void set_cache_size(Session& session, int size) {
  session << "PRAGMA cache_size = -" + std::to_string(size);
}

std::string checked_path(const std::string& url, bool create) {
  std::string path = sqlite_path(url);
  if (!create && !std::filesystem::exists(path)) {
    throw Error(Errc::not_found,
                "there is no catalog database " + path +
                    " (the option `create` or `glance-catalog db-sync` makes one)");
  }
  return path;
}

/// Readers, too, share a file beside the database; SQLite itself says only that it cannot open it.
void require_writable_directory(const std::string& path) {
  const auto parent = std::filesystem::absolute(path).parent_path();
  if (::access(parent.c_str(), W_OK) == 0) return;
  if (errno != EROFS && errno != EACCES) return;
  throw Error(Errc::read_only, "the database " + path + " cannot be used, not even for reading: " +
                                   "its directory must be writable for us, where SQLite keeps " +
                                   "what readers and writers share");
}

/// A file that SQLite makes is everybody's to read; those beside it get the mode that it has.
void make_database_file(const std::string& path) {
  try {
    make_private_file(path);
  } catch (const Error&) {
    require_writable_directory(path);  // a better reason
    throw;
  }
}

/// A session is one thread's at a time, and needs no lock of its own. And SQLite counts what it
/// allocates under one lock for all connections, for which readers would queue up. Refused once the
/// library is in use, which means that it was done before.
void configure_sqlite() noexcept {
  static_cast<void>(sqlite_api::sqlite3_config(SQLITE_CONFIG_MULTITHREAD));
  static_cast<void>(sqlite_api::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0));
}

}  // namespace

std::string sqlite_path(std::string_view url) {
  constexpr std::string_view kScheme = "sqlite:///";
  if (!url.starts_with(kScheme)) {
    const std::string_view scheme = url.substr(0, url.find("://"));
    throw Error(Errc::unsupported, "the database engine '" + std::string(scheme) +
                                       "' is not supported; allowed: sqlite:////PATH");
  }
  return std::string(url.substr(kScheme.size()));
}

std::unique_ptr<soci::statement> Session::take(const std::string& text) {
  auto found = kept_.extract(text);
  return found.empty() ? nullptr : std::move(found.mapped());
}

void Session::keep(const std::string& text, std::unique_ptr<soci::statement> statement) {
  // Few texts come again and again; those with all their variants of filters would only pile up.
  if (kept_.size() >= kKeptStatements) kept_.clear();
  kept_.insert_or_assign(text, std::move(statement));
}

bool Session::in_transaction() noexcept {
  const auto* backend = static_cast<soci::sqlite3_session_backend*>(get_backend());
  return sqlite_api::sqlite3_get_autocommit(backend->conn_) == 0;
}

Database::Database(const std::string& url, bool create) : path_(checked_path(url, create)) {
  configure_sqlite();
  if (create) make_database_file(path_);
  writer_ = connect();
}

std::unique_ptr<Session> Database::connect() const {
  try {
    return guarded([&] {
      auto session = std::make_unique<Session>(soci::sqlite3, "dbname=\"" + path_ + "\"");
      set_patience(*session, kBusyTimeout);
      // Several processes share the file: WAL lets readers go on while one writes. FULL makes a
      // commit durable before it returns; publication must survive power loss.
      *session << "PRAGMA journal_mode = WAL";
      *session << "PRAGMA synchronous = FULL";
      set_cache_size(*session, kCacheSize);
      return session;
    });
  } catch (const Error&) {
    require_writable_directory(path_);  // a better reason
    throw;
  }
}

std::unique_ptr<Session> Database::connect_for_notes() const {
  auto session = connect();
  guarded([&] {
    // Not OFF: its checkpoints have to wait for the disk like all others.
    *session << "PRAGMA synchronous = NORMAL";
    set_patience(*session, std::chrono::milliseconds(0));
  });
  return session;
}

Database::Turn::Turn(Database& database)
    : database_(database), deadline_(std::chrono::steady_clock::now() + kBusyTimeout) {
  MutexLock lock(database_.turn_mutex_);
  while (database_.in_turn_) {
    const auto woken = database_.turn_ended_.wait_until(lock, deadline_);
    if (woken == std::cv_status::timeout && database_.in_turn_) {
      throw Error(Errc::busy, "database: other writers still wait for its lock");
    }
  }
  database_.in_turn_ = true;
}

Database::Turn::~Turn() {
  {
    MutexLock lock(database_.turn_mutex_);
    database_.in_turn_ = false;
  }
  database_.turn_ended_.notify_one();
}

void Database::Turn::begin() const {
  using std::chrono::milliseconds;
  auto& writer = database_.writer_;
  if (writer && writer->in_transaction()) writer.reset();
  if (!writer) writer = database_.connect();
  const auto left = std::chrono::ceil<milliseconds>(deadline_ - std::chrono::steady_clock::now());
  // Who was second in the queue for long still gets a chance.
  set_patience(*writer, std::max(left, kShortestPatience));
  *writer << "BEGIN IMMEDIATE";
}

std::unique_ptr<Session> Database::take() {
  {
    MutexLock lock(pool_mutex_);
    if (!pool_.empty()) {
      auto session = std::move(pool_.back());
      pool_.pop_back();
      return session;
    }
  }
  return connect();
}

void Database::give_back(std::unique_ptr<Session> session) noexcept {
  if (session->in_transaction()) return;
  MutexLock lock(pool_mutex_);
  if (pool_.size() < kPooledSessions) pool_.push_back(std::move(session));
}

Database::SmallCache::SmallCache(Session& session) : session_(session) {
  set_cache_size(session_, kSmallCacheSize);
}

Database::SmallCache::~SmallCache() {
  try {
    set_cache_size(session_, kCacheSize);
  } catch (const std::exception& error) {
    spdlog::debug("a session's page cache stays small: {}", error.what());
  }
}

Database::Rollback::~Rollback() {
  if (session_ == nullptr) return;
  try {
    session_->rollback();
  } catch (const std::exception& error) {
    // SQLite may have rolled back by itself, e.g. when the disk is full.
    const bool failed = session_->in_transaction();
    spdlog::log(failed ? spdlog::level::warn : spdlog::level::debug, "database: rollback: {}",
                error.what());
  }
}

void Database::rethrow(const soci::soci_error& error) {
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
  const Errc code = sqlite != nullptr ? code_of_sqlite(sqlite->result()) : Errc::io;
  throw Error(code, "database: " + error.get_error_message(), Error::Words::foreign);
}

}  // namespace glance
