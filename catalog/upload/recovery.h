// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace glance {

class Database;
class InstanceWatch;
class SpoolArea;
class Stores;

/// What recovery did.
struct RecoveryReport {
  std::size_t published = 0;  ///< sealed uploads whose writer had died
  std::size_t discarded = 0;  ///< unsealed ones
  std::size_t removed = 0;    ///< data of deleted images that had stayed behind
  std::size_t left = 0;       ///< uploads whose writer lives, or whose recovery failed
  std::size_t undecided = 0;  ///< those, and stagings, of whose writer it cannot be told yet
};

/// Goes through what dead processes left behind, of whatever machine: sealed uploads are published,
/// closed ones digested and published, others taken back, data of deleted images removed. Uploads
/// whose writer lives, or may live on another machine, and a real Glance's are left alone. One bad
/// upload does not keep the others from recovery: it is logged and stays.
///
/// `os_hash_algo` is for data that nobody has digested yet; `watch` must have seen what other
/// machines' writers did before.
RecoveryReport recover_uploads(Database& database, const SpoolArea& spools, const Stores& stores,
                               InstanceWatch& watch, const std::string& os_hash_algo);

}  // namespace glance
