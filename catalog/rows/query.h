// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catalog/database/database.h"
#include "catalog/model/image.h"

/// How the row functions ask and what they make of a column; of no use outside of this folder.
namespace glance::rows {

// SQLite allows 32,766 parameters; more than this many ids in one IN list gain nothing.
inline constexpr std::size_t kIdsPerStatement = 500;

/// Runs the SELECT `text` with the texts bound in order: `define(statement)` says where its columns
/// go, then `take()` is called for each row, until it returns false; then this does so, too.
template <typename Define, typename Take>
bool select_while(Session& sql, const std::string& text, std::span<const std::string> bindings,
                  Define&& define, Take&& take) {
  auto statement = sql.take(text);
  const bool is_new = !statement;
  if (is_new) statement = std::make_unique<soci::statement>(sql);
  for (const auto& each : bindings) statement->exchange(soci::use(each));
  define(*statement);
  if (is_new) {
    statement->alloc();
    statement->prepare(text);
  }
  statement->define_and_bind();
  statement->execute();
  while (statement->fetch()) {
    // It must not be kept: it would hold the snapshot.
    if (!take()) return false;
  }
  statement->bind_clean_up();
  sql.keep(text, std::move(statement));
  return true;
}

/// The same to the last row.
template <typename Define, typename Take>
void select(Session& sql, const std::string& text, std::span<const std::string> bindings,
            Define&& define, Take&& take) {
  select_while(sql, text, bindings, std::forward<Define>(define), [&] {
    take();
    return true;
  });
}

/// `(:id0, :id1, …)`
[[nodiscard]] std::string in_list(std::size_t count);

/// Calls `work` with the texts of at most kIdsPerStatement ids at a time.
template <typename Work>
void each_batch(std::span<const ImageId> ids, Work&& work) {
  while (!ids.empty()) {
    const auto some = ids.first(std::min(kIdsPerStatement, ids.size()));
    ids = ids.subspan(some.size());
    std::vector<std::string> texts;
    texts.reserve(some.size());
    for (const auto& id : some) texts.push_back(id.text());
    work(std::span<const std::string>(texts));
  }
}

/// The time in a row of the image `id`; the epoch, and a warning, for what is none.
[[nodiscard]] Timestamp stored_time(const std::string& text, const std::string& id);

[[nodiscard]] std::optional<std::uint64_t> stored_size(std::optional<long long> value);

}  // namespace glance::rows
