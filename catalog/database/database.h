// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <soci/soci.h>

#include "catalog/base/error.h"
#include "catalog/base/sync.h"

namespace soci {

/// NULL ↔ an empty optional, which SOCI 4.0 knows for Boost's type only.
template <typename T>
struct type_conversion<std::optional<T>> {
  using base_type = typename type_conversion<T>::base_type;

  static void from_base(const base_type& in, indicator ind, std::optional<T>& out) {
    if (ind == i_null) {
      out.reset();
      return;
    }
    T value{};
    type_conversion<T>::from_base(in, ind, value);
    out = std::move(value);
  }

  static void to_base(const std::optional<T>& in, base_type& out, indicator& ind) {
    if (!in) {
      ind = i_null;
      return;
    }
    type_conversion<T>::to_base(*in, out, ind);
    ind = i_ok;
  }
};

}  // namespace soci

namespace glance {

/// A connection that keeps the statements that it has prepared: to prepare a SELECT takes longer
/// than to run it.
class Session : public soci::session {
 public:
  using soci::session::session;

  /// The statement that was kept under its text, which is the caller's then; null if there is
  /// none.
  [[nodiscard]] std::unique_ptr<soci::statement> take(const std::string& text);

  /// Keeps a statement that has come to its end: it holds no lock and refers to no variable.
  void keep(const std::string& text, std::unique_ptr<soci::statement> statement);

  /// Whether a transaction is under way; once it was to be rolled back: whether that has failed.
  [[nodiscard]] bool in_transaction() noexcept;

 private:
  std::unordered_map<std::string, std::unique_ptr<soci::statement>> kept_;
};

/// The catalog's database: sessions, transactions and the engine's ways. The only part that knows
/// SOCI; nobody above sees an engine's error code.
///
/// Safe for concurrent use. A transaction is a function: it runs to its end, is never left open
/// across anything slow, and is rolled back when it throws. Do not nest them. A session whose
/// rollback fails is closed, and another one takes its place.
/// Errors of both kinds: busy (another process held the lock for too long), no_space, read_only,
/// corrupt, exists (a constraint), io.
class Database {
 public:
  /// Opens what a URL like `sqlite:////srv/glance.sqlite` names; makes the file only with
  /// `create`. Errors: not_found, corrupt (no database), unsupported (no such engine).
  Database(const std::string& url, bool create);

  /// Runs `work(session)` against one snapshot of the database.
  template <typename Work>
  auto read(Work&& work) {
    Lease lease(*this);
    return guarded([&] {
      (*lease).begin();
      return in_transaction(*lease, std::forward<Work>(work));
    });
  }

  /// The same for work that passes over whole tables: what it reads on the way is not kept in
  /// memory, where it would only take the place of what is asked for again.
  template <typename Work>
  auto scan(Work&& work) {
    return read([&](Session& session) {
      const SmallCache small(session);
      return work(session);
    });
  }

  /// Runs `work(session)` as a write transaction, alone on the whole database; durable when this
  /// returns. BEGIN IMMEDIATE, because a transaction that reads first and writes later fails at
  /// once with "database is locked" when another process commits in between.
  template <typename Work>
  auto write(Work&& work) {
    const Turn turn(*this);
    return guarded([&] {
      turn.begin();
      return in_transaction(*writer_, std::forward<Work>(work));
    });
  }

  /// A session of the caller's own, for the change feed.
  [[nodiscard]] std::unique_ptr<Session> connect() const;

  /// A session of the caller's own, for what may be late or lost: its transactions wait neither for
  /// the disk nor for a lock. What others commit stays as durable as it is.
  [[nodiscard]] std::unique_ptr<Session> connect_for_notes() const;

  /// Runs `work(session)` as a write transaction of such a session; false if the database is
  /// locked.
  template <typename Work>
  [[nodiscard]] static bool try_write(Session& session, Work&& work) {
    try {
      guarded([&] {
        session << "BEGIN IMMEDIATE";
        in_transaction(session, std::forward<Work>(work));
      });
      return true;
    } catch (const Error& error) {
      if (error.code() != Errc::busy) throw;
      return false;
    }
  }

  /// Runs `work`, turning the engine's errors into Error.
  template <typename Work>
  static auto guarded(Work&& work) {
    try {
      return work();
    } catch (const soci::soci_error& error) {
      rethrow(error);
    }
  }

 private:
  /// The writing session, for a scope. However many wait in this process while another one keeps
  /// the database locked, each waits for the busy timeout in all and no longer. Error: busy.
  class Turn {
   public:
    explicit Turn(Database& database);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    /// Begins the transaction, in a new session if the last one is still in another's.
    void begin() const;

   private:
    Database& database_;
    const std::chrono::steady_clock::time_point deadline_;
  };

  /// A pooled session, for a scope.
  class Lease {
   public:
    explicit Lease(Database& database) : database_(database), session_(database.take()) {}
    ~Lease() { database_.give_back(std::move(session_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Session& operator*() { return *session_; }

   private:
    Database& database_;
    std::unique_ptr<Session> session_;
  };

  /// Keeps the session's page cache small, for a scope.
  class SmallCache {
   public:
    explicit SmallCache(Session& session);
    ~SmallCache();
    SmallCache(const SmallCache&) = delete;
    SmallCache& operator=(const SmallCache&) = delete;

   private:
    Session& session_;
  };

  template <typename Work>
  static auto in_transaction(Session& session, Work&& work) {
    Rollback rollback(session);
    if constexpr (std::is_void_v<decltype(work(session))>) {
      work(session);
      rollback.commit();
    } else {
      auto result = work(session);
      rollback.commit();
      return result;
    }
  }

  /// Takes the transaction back unless it was committed.
  class Rollback {
   public:
    explicit Rollback(Session& session) : session_(&session) {}
    ~Rollback();
    Rollback(const Rollback&) = delete;
    Rollback& operator=(const Rollback&) = delete;
    void commit() {
      session_->commit();
      session_ = nullptr;
    }

   private:
    Session* session_;
  };

  [[noreturn]] static void rethrow(const soci::soci_error& error);
  [[nodiscard]] std::unique_ptr<Session> take() EXCLUDES(pool_mutex_);
  void give_back(std::unique_ptr<Session> session) noexcept EXCLUDES(pool_mutex_);

  const std::string path_;
  Mutex turn_mutex_;  // a leaf; the turn itself is fourth in the lock order, see sync.h
  std::condition_variable_any turn_ended_;
  bool in_turn_ GUARDED_BY(turn_mutex_) = false;
  std::unique_ptr<Session> writer_;  // of whose turn it is; null if it had to be closed
  Mutex pool_mutex_;                 // a leaf
  std::vector<std::unique_ptr<Session>> pool_ GUARDED_BY(pool_mutex_);
};

/// Executes one statement with its values bound in order; returns the number of rows it touched.
/// Every placeholder needs a name of its own (`:a, :b`): SQLite binds equal names to one value.
template <typename... Values>
long long execute(Session& session, std::string_view text, const Values&... values) {
  soci::statement statement(session);
  (statement.exchange(soci::use(values)), ...);
  statement.alloc();
  statement.prepare(std::string(text));
  statement.define_and_bind();
  statement.execute(true);
  return statement.get_affected_rows();
}

/// The path inside `sqlite:///…`; Error unsupported for any other engine.
[[nodiscard]] std::string sqlite_path(std::string_view url);

}  // namespace glance
