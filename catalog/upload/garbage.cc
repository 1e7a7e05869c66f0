// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/garbage.h"

#include <set>

#include "catalog/rows/location_rows.h"

namespace glance {

namespace {

std::set<std::string> select_used(Session& sql, Survey& survey,
                                  const std::vector<std::string>& urls) {
  std::set<std::string> used;
  for (const auto& url : urls) {
    if (is_location(sql, survey, url)) used.insert(url);
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

bool is_location(Session& sql, Survey& survey, const std::string& url) {
  return survey.has_place(rows::select_locations_named(sql, url.substr(url.rfind('/') + 1)), url);
}

bool is_garbage(Session& sql, Survey& survey, const std::string& url) {
  return survey.has_place(rows::select_garbage(sql), url);
}

std::size_t remove_garbage(Database& database, const Stores& stores,
                           const std::vector<std::string>& urls, const RemovalFailure& failed) {
  if (urls.empty()) return 0;
  Survey survey(stores);
  const auto used = survey.complete(
      [&] { return database.read([&](Session& sql) { return select_used(sql, survey, urls); }); });
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
