// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <chrono>
#include <cmath>
#include <iostream>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>

#include "catalog/tool/blocks.h"
#include "catalog/tool/command.h"
#include "catalog/tool/digest_check.h"
#include "catalog/tool/findings.h"
#include "catalog/tool/images.h"
#include "catalog/tool/interruption.h"
#include "catalog/tool/progress.h"
#include "catalog/tool/text.h"

namespace glance::tool {

namespace po = boost::program_options;

namespace {

constexpr double kMegabyte = 1e6;

/// Bytes a second; nothing: as fast as it goes.
std::optional<double> given_rate(const Invocation& invocation) {
  const auto text = invocation.text("rate");
  if (!text) return std::nullopt;
  double rate = 0;
  const auto* end = text->data() + text->size();
  const auto [stop, failure] = std::from_chars(text->data(), end, rate);
  if (failure != std::errc() || stop != end || !std::isfinite(rate) || rate <= 0) {
    throw UsageError("--rate wants a number of MB/s above 0, not '" + *text + "'");
  }
  return rate * kMegabyte;
}

/// Holds the reading down to a rate.
class Throttle {
 public:
  explicit Throttle(std::optional<double> rate) : rate_(rate) {}

  /// Throws Interrupted.
  void spend(std::size_t bytes, const Interruption& interruption) {
    interruption.check();
    if (!rate_) return;
    spent_ += static_cast<double>(bytes);
    const auto due = start_ + std::chrono::duration<double>(spent_ / *rate_);
    const auto now = std::chrono::steady_clock::now();
    if (due > now) {
      interruption.sleep(std::chrono::duration_cast<std::chrono::nanoseconds>(due - now));
    }
  }

 private:
  const std::optional<double> rate_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double spent_ = 0;
};

struct Target {
  ImageId id;
  std::uint64_t size;
};

/// Reads images again and compares them with what is recorded of them.
class Scrubber {
 public:
  Scrubber(Catalog& catalog, const Invocation& invocation, std::uint64_t total)
      : catalog_(catalog),
        throttle_(given_rate(invocation)),
        progress_(total, invocation.has("quiet")) {}

  void scrub(const Target& target) {
    const auto before = read_;
    if (const auto finding = examine(target.id)) report(*finding);
    const auto now_read = read_ - before;
    // What cannot be read is behind us, too.
    if (now_read < target.size) progress_.advance(target.size - now_read);
  }

  void find_orphans() {
    catalog_.find_orphans([this](const Finding& finding) { report(finding); });
  }

  void print_summary(std::size_t images) {
    progress_.clear();
    std::cout << fmt::format("{} images, {} read: ", images, human_size(read_));
    findings_.print_summary();
  }

  [[nodiscard]] ExitCode exit_code() const { return findings_.exit_code(); }

 private:
  void report(const Finding& finding) {
    progress_.clear();
    findings_.print(finding);
  }

  std::optional<Finding> examine(const ImageId& id);
  std::optional<Finding> read_and_compare(const Image& image);

  Catalog& catalog_;
  const Interruption interruption_;
  Throttle throttle_;
  Progress progress_;
  FindingPrinter findings_;
  std::uint64_t read_ = 0;
};

std::optional<Finding> Scrubber::examine(const ImageId& id) {
  const Caller caller = Caller::local_admin();
  const auto image = catalog_.find(caller, id);
  if (!image || !has_data(image->status)) return std::nullopt;
  std::optional<Finding> finding;
  try {
    finding = catalog_.check_data(*image);
    if (!finding) finding = read_and_compare(*image);
  } catch (const Error& error) {
    finding = {Fault::unreadable, id.text(), error.what(), image->name};
  }
  // Its data may have gone because it was deleted meanwhile.
  if (finding && !catalog_.find(caller, id)) return std::nullopt;
  return finding;
}

std::optional<Finding> Scrubber::read_and_compare(const Image& image) {
  DigestCheck digests(image);
  const std::string& id = image.id.text();
  if (!digests.possible()) {
    return Finding{Fault::unverifiable, id, "no digests are recorded", image.name};
  }
  const auto reader = catalog_.open_data(Caller::local_admin(), image.id);
  // What the page cache holds is not what the medium holds; nor should a scrub fill the cache.
  ::posix_fadvise(reader->fd(), 0, 0, POSIX_FADV_DONTNEED);
  each_block(*reader, [&](std::uint64_t offset, Bytes block) {
    digests.update(block);
    read_ += block.size();
    progress_.advance(block.size());
    ::posix_fadvise(reader->fd(), static_cast<off_t>(offset), static_cast<off_t>(block.size()),
                    POSIX_FADV_DONTNEED);
    throttle_.spend(block.size(), interruption_);
  });
  const auto mismatch = digests.mismatch();
  if (!mismatch) return std::nullopt;
  return Finding{Fault::changed, id, *mismatch, image.name};
}

std::vector<Target> given_targets(Catalog& catalog, const Invocation& invocation) {
  std::vector<Target> targets;
  for (const auto& image : resolve_images(catalog, invocation.arguments)) {
    if (!has_data(image.status)) {
      throw Error(Errc::not_ready, "image " + image.id.text() + " has no data (status " +
                                       std::string(to_string(image.status)) + ")");
    }
    targets.push_back({image.id, image.size.value_or(0)});
  }
  return targets;
}

std::vector<Target> all_targets(Catalog& catalog) {
  std::vector<Target> targets;
  for (const auto& entry : catalog.entries(Caller::local_admin())) {
    if (has_data(entry.status)) targets.push_back({entry.id, entry.size});
  }
  return targets;
}

ExitCode scrub(const Invocation& invocation) {
  const auto catalog = open_catalog(invocation);
  const bool all = invocation.arguments.empty();
  const auto targets = all ? all_targets(*catalog) : given_targets(*catalog, invocation);
  std::uint64_t total = 0;
  for (const auto& target : targets) total += target.size;

  Scrubber scrubber(*catalog, invocation, total);
  for (const auto& target : targets) scrubber.scrub(target);
  if (all) scrubber.find_orphans();
  if (!invocation.has("quiet")) scrubber.print_summary(targets.size());
  return scrubber.exit_code();
}

}  // namespace

Command make_scrub() {
  Command command{.name = "scrub",
                  .operands = "[NAME|ID...]",
                  .summary =
                      "Read the data of all or some images again and compare them with "
                      "the recorded\n  digests; report what is missing, changed or, of "
                      "all images, orphaned.",
                  .arguments = {0, kAnyNumber},
                  .options = {},
                  .run = scrub};
  command.options.add_options()                                                           //
      ("rate", po::value<std::string>()->value_name("MB/s"), "read no faster than that")  //
      ("quiet", "print only what is wrong, and no progress bar");
  return command;
}

}  // namespace glance::tool
