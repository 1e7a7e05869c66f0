// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/image_status.h"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <stdexcept>

#include <fmt/format.h>

#include "catalog/text/word_table.h"

namespace glance {
namespace {

constexpr WordTable<ImageStatus, 9> kStatusNames = {{
    {ImageStatus::queued, "queued"},
    {ImageStatus::saving, "saving"},
    {ImageStatus::uploading, "uploading"},
    {ImageStatus::importing, "importing"},
    {ImageStatus::active, "active"},
    {ImageStatus::deactivated, "deactivated"},
    {ImageStatus::killed, "killed"},
    {ImageStatus::pending_delete, "pending_delete"},
    {ImageStatus::deleted, "deleted"},
}};

/// A set of statuses, one bit for each.
using StatusSet = unsigned;

constexpr StatusSet set_of(std::initializer_list<ImageStatus> statuses) noexcept {
  StatusSet set = 0;
  for (const ImageStatus status : statuses) set |= 1U << static_cast<unsigned>(status);
  return set;
}

/// The targets that each status has, in the order of the enumeration.
constexpr std::array<StatusSet, kStatusNames.size()> make_transitions() noexcept {
  using enum ImageStatus;
  std::array<StatusSet, kStatusNames.size()> table{};
  const auto allow = [&table](ImageStatus from, std::initializer_list<ImageStatus> targets) {
    table[static_cast<std::size_t>(from)] = set_of(targets);
  };
  allow(queued, {saving, uploading, importing, active, deleted});
  allow(saving, {active, killed, deleted, queued});
  allow(uploading, {importing, queued, deleted});
  allow(importing, {active, deleted, queued});
  allow(active, {pending_delete, deleted, deactivated});
  allow(deactivated, {active, deleted});
  allow(killed, {deleted});
  allow(pending_delete, {deleted, active});
  return table;
}

constexpr auto kTransitions = make_transitions();

}  // namespace

std::string_view to_string(ImageStatus status) noexcept {
  return word_of(kStatusNames, status);
}

std::optional<ImageStatus> parse_image_status(std::string_view text) noexcept {
  return value_of(kStatusNames, text);
}

bool is_being_filled(ImageStatus status) noexcept {
  return status == ImageStatus::saving || status == ImageStatus::uploading ||
         status == ImageStatus::importing;
}

bool has_data(ImageStatus status) noexcept {
  return status == ImageStatus::active || status == ImageStatus::deactivated;
}

bool can_transition(ImageStatus from, ImageStatus to) noexcept {
  return (kTransitions[static_cast<std::size_t>(from)] & set_of({to})) != 0;
}

void require_transition(ImageStatus from, ImageStatus to) {
  if (from == to || can_transition(from, to)) return;
  throw std::logic_error(
      fmt::format("no image goes from {} to {}", to_string(from), to_string(to)));
}

}  // namespace glance
