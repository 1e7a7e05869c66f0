// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/garbage.h"

#include <algorithm>
#include <set>

#include "catalog/rows/location_rows.h"

namespace glance {

namespace {

bool has_place(const std::vector<std::string>& urls, const Stores& stores, const std::string& url) {
  return std::ranges::any_of(
      urls, [&](const std::string& each) { return stores.is_same_place(each, url); });
}

std::set<std::string> select_used(Session& sql, const Stores& stores,
                                  const std::vector<std::string>& urls) {
  std::set<std::string> used;
  for (const auto& url : urls) {
    if (is_location(sql, stores, url)) used.insert(url);
  }
  return used;
}

/// Whether the URL is done with.
bool remove_one(const Stores& stores, const std::string& url, std::size_t& removed,
                const RemovalFailure& failed) {
  try {
    stores.remove(url);
    ++removed;
    return true;
  } catch (const Error& error) {
    failed(error);
    return error.code() == Errc::unsupported;
  }
}

}  // namespace

bool is_location(Session& sql, const Stores& stores, const std::string& url) {
  return has_place(rows::select_locations_named(sql, url.substr(url.rfind('/') + 1)), stores, url);
}

bool is_garbage(Session& sql, const Stores& stores, const std::string& url) {
  return has_place(rows::select_garbage(sql), stores, url);
}

std::size_t remove_garbage(Database& database, const Stores& stores,
                           const std::vector<std::string>& urls, const RemovalFailure& failed) {
  if (urls.empty()) return 0;
  const auto used = database.read([&](Session& sql) { return select_used(sql, stores, urls); });
  std::size_t removed = 0;
  std::vector<std::string> done;
  for (const auto& url : urls) {
    if (used.contains(url) || remove_one(stores, url, removed, failed)) done.push_back(url);
  }
  // One for all: it waits for the disk.
  if (removed > 0) stores.sync_removals();
  if (done.empty()) return removed;
  database.write([&](Session& sql) {
    for (const auto& url : done) rows::forget_garbage(sql, url);
  });
  return removed;
}

}  // namespace glance
