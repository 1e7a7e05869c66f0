// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <set>
#include <thread>
#include <utility>

#include <spdlog/spdlog.h>

#include "catalog/data_places.h"
#include "catalog/database/database.h"
#include "catalog/database/schema.h"
#include "catalog/os/make_private.h"
#include "catalog/policy/access.h"
#include "catalog/policy/policy.h"
#include "catalog/policy/sharing.h"
#include "catalog/rows/change_feed.h"
#include "catalog/rows/deleted_rows.h"
#include "catalog/rows/entry_rows.h"
#include "catalog/rows/image_rows.h"
#include "catalog/rows/image_select.h"
#include "catalog/rows/location_rows.h"
#include "catalog/rows/replacement_rows.h"
#include "catalog/rows/upload_rows.h"
#include "catalog/upload/data_limit.h"
#include "catalog/upload/expectation.h"
#include "catalog/upload/instance.h"
#include "catalog/upload/instance_watch.h"
#include "catalog/upload/locations.h"
#include "catalog/upload/publication.h"

namespace glance {

namespace {

// A writer's last close() answers at the seal; the publication is then on its way and takes
// milliseconds. Whoever asks meanwhile waits this long at most.
constexpr std::chrono::seconds kPublicationWait{1};
constexpr std::chrono::milliseconds kPublicationPoll{2};

/// The SQLite file's directory, for `create`.
void make_database_directory(const std::string& url) {
  make_private_directories(std::filesystem::path(sqlite_path(url)).parent_path());
}

class DatabaseCatalog final : public Catalog {
 public:
  DatabaseCatalog(const Config& config, bool create, const Outside& outside)
      : config_(config),
        database_(config.database_url, create),
        places_(config_, database_, outside.disk),
        watch_(outside.machine),
        instance_(database_, outside.machine) {
    if (create) {
      create_schema(database_);
      make_private_directories(config.filesystem_store_datadir);
    }
    check_schema(database_);
    places_.require_sound();
  }

  [[nodiscard]] const Config& config() const noexcept override { return config_; }

  Image add(const Caller& caller, const ImageDraft& draft) override;
  std::optional<Image> find(const Caller& caller, const ImageId& id) override;
  std::vector<Image> list(const Caller& caller, const ImageQuery& query) override;
  ImagePage list_page(const Caller& caller, const ImageQuery& query,
                      std::uint64_t max_bytes) override;
  Image resolve(const Caller& caller, const std::string& name_or_id) override;
  Image update(const Caller& caller, const ImageId& id,
               std::span<const AttributeEdit> edits) override {
    return patch(caller, id, std::vector<ImageEdit>(edits.begin(), edits.end()), {});
  }
  Image patch(const Caller& caller, const ImageId& id, std::span<const ImageEdit> edits,
              const Precondition& condition) override;
  void rename_over(const Caller& caller, const ImageId& id, const std::string& name,
                   const ImageId& replaced, Replaced how, const Precondition& condition) override;
  void expect(const Caller& caller, const ImageId& id, const Expectation& expected) override;
  void remove(const Caller& caller, const ImageId& id, const Precondition& condition) override;
  void add_tag(const Caller& caller, const ImageId& id, const std::string& tag,
               const Precondition& condition) override;
  void remove_tag(const Caller& caller, const ImageId& id, const std::string& tag) override;
  void deactivate(const Caller& caller, const ImageId& id) override {
    switch_status(caller, id, ImageStatus::active, ImageStatus::deactivated, "deactivate");
  }
  void reactivate(const Caller& caller, const ImageId& id) override {
    switch_status(caller, id, ImageStatus::deactivated, ImageStatus::active, "reactivate");
  }
  std::vector<ImageMember> members(const Caller& caller, const ImageId& id) override {
    return database_.read([&](Session& sql) { return sharing::members(sql, caller, id); });
  }
  ImageMember member(const Caller& caller, const ImageId& id, const std::string& member) override {
    return database_.read([&](Session& sql) { return sharing::member(sql, caller, id, member); });
  }
  ImageMember add_member(const Caller& caller, const ImageId& id,
                         const std::string& member) override {
    return database_.write(
        [&](Session& sql) { return sharing::add_member(sql, caller, id, member, config_.limits); });
  }
  ImageMember set_member_status(const Caller& caller, const ImageId& id, const std::string& member,
                                MemberStatus status) override {
    return database_.write(
        [&](Session& sql) { return sharing::set_member_status(sql, caller, id, member, status); });
  }
  void remove_member(const Caller& caller, const ImageId& id, const std::string& member) override {
    database_.write([&](Session& sql) { sharing::remove_member(sql, caller, id, member); });
  }
  std::shared_ptr<Upload> upload(const Caller& caller, const ImageId& id,
                                 const UploadOptions& options) override;
  std::unique_ptr<BlobReader> open_data(const Caller& caller, const ImageId& id) override;
  void remove_from_store(const Caller& caller, const ImageId& id,
                         const std::string& store_id) override;
  std::unique_ptr<StagedUpload> stage(const Caller& caller, const ImageId& id) override;
  Space space(const std::optional<std::string>& owner) override;
  std::vector<ImageEntry> entries(const Caller& caller) override;
  std::vector<ImageEntry> entries(const Caller& caller, std::span<const ImageId> ids) override;
  std::map<ImageId, Digests> digests(const Caller& caller, std::span<const ImageId> ids) override;
  void set_data_time(const Caller& caller, const ImageId& id, Timestamp time) override;
  std::unique_ptr<ChangeFeed> changes() override { return open_change_feed(database_); }
  RecoveryReport recover() override {
    prune_changes(database_);
    const std::size_t stagings = recover_staging(database_, places_.staging(), watch_);
    auto report = recover_uploads(database_, places_.spools(), places_.stores(), watch_,
                                  config_.hashing_algorithm);
    report.undecided += stagings;
    return report;
  }
  void check(const FindingSink& report) override {
    check_consistency(database_, places_.spools(), places_.stores(), watch_, report);
  }
  void find_orphans(const FindingSink& report) override {
    glance::find_orphans(database_, places_.stores(), report);
  }
  std::optional<Finding> check_data(const Image& image) override {
    return glance::check_data(places_.stores(), image);
  }

 private:
  static void require_deletable(const Image& image);
  void apply_one(Session& sql, const Caller& caller, const ImageEdit& edit, Survey& survey,
                 Image& image) const;
  void remove_unused(const Image& image, std::vector<Location> before);
  [[nodiscard]] MarkerValues marker_values(Session& sql, const Caller& caller,
                                           const ImageQuery& query) const;
  void switch_status(const Caller& caller, const ImageId& id, ImageStatus from, ImageStatus to,
                     std::string_view action);
  using Deadline = std::chrono::steady_clock::time_point;
  [[nodiscard]] bool wait_for_publication(const ImageId& id, Deadline deadline);
  void require_room(std::uint64_t size);
  std::unique_ptr<BlobReader> open_first(const Image& image);
  std::unique_ptr<BlobReader> open_at(const Image& image, const Location& location);
  std::vector<ImageEntry> only_visible(const Caller& caller, std::vector<ImageEntry> entries);

  const Config config_;
  Database database_;
  const DataPlaces places_;
  ProgressRecorder progress_{database_};
  InstanceWatch watch_;
  Instance instance_;
};

void DatabaseCatalog::require_deletable(const Image& image) {
  if (image.is_protected) {
    throw Error(Errc::protected_,
                "Image " + image.id.text() + " is protected and cannot be deleted.");
  }
}

Image DatabaseCatalog::add(const Caller& caller, const ImageDraft& draft) {
  validate(draft, config_.limits);
  const Timestamp when = now();
  Image image{.id = draft.id.value_or(ImageId::random()), .created_at = when, .updated_at = when};
  image.name = draft.name;
  image.visibility = draft.visibility;
  image.is_protected = draft.is_protected;
  image.os_hidden = draft.os_hidden;
  image.owner = draft.owner ? draft.owner : caller.project;
  if (image.owner == "") image.owner.reset();
  image.disk_format = draft.disk_format;
  image.container_format = draft.container_format;
  image.min_disk = draft.min_disk;
  image.min_ram = draft.min_ram;
  const std::set<std::string> tags(draft.tags.begin(), draft.tags.end());
  image.tags.assign(tags.begin(), tags.end());
  image.properties = draft.properties;
  image.temporary = draft.temporary;
  require_permitted(caller, draft.visibility);
  if (!may_modify(caller, image)) {
    throw Error(Errc::forbidden, "You are not permitted to create images owned by '" +
                                     image.owner.value_or("") + "'.");
  }
  database_.write([&](Session& sql) {
    if (rows::id_exists(sql, image.id)) {
      throw Error(Errc::exists, "Image ID " + image.id.text() + " already exists!");
    }
    rows::insert_image(sql, image);
  });
  return image;
}

/// Waits while the image's upload is sealed but not yet active. True if anything may have
/// changed.
bool DatabaseCatalog::wait_for_publication(const ImageId& id, Deadline deadline) {
  for (bool waited = false;; waited = true) {
    const auto sealed = database_.read([&](Session& sql) { return rows::sealed_at(sql, id); });
    // The age is by the wall clock, which may have been set back; the deadline is not.
    const bool recent = sealed && now() - *sealed <= kPublicationWait;
    if (!recent || std::chrono::steady_clock::now() > deadline) return waited || !sealed;
    std::this_thread::sleep_for(kPublicationPoll);
  }
}

std::optional<Image> DatabaseCatalog::find(const Caller& caller, const ImageId& id) {
  const auto select = [&](Session& sql) { return find_visible(sql, caller, id); };
  auto image = database_.read(select);
  if (image && image->status == ImageStatus::saving &&
      wait_for_publication(id, std::chrono::steady_clock::now() + kPublicationWait)) {
    image = database_.read(select);
  }
  return image;
}

/// Whether deleting an image moves it in the query's order: what it was sorted by is not known
/// any more.
bool is_moved_by_deletion(const ImageQuery& query) {
  return std::ranges::any_of(full_sort(query), [](const ImageSort& sort) {
    return sort.column == ImageColumn::status || sort.column == ImageColumn::updated_at;
  });
}

MarkerValues DatabaseCatalog::marker_values(Session& sql, const Caller& caller,
                                            const ImageQuery& query) const {
  if (!query.marker) return {};
  const auto unknown = Error(Errc::invalid, "No image found with ID " + query.marker->text());
  // To a caller who may not know of the image it is as good as none.
  if (!caller.is_admin && !could_see(sql, caller, *query.marker)) throw unknown;
  const auto [text, bindings] = marker_select(query);
  auto values = rows::select_texts(sql, text, bindings, full_sort(query).size());
  if (values.empty()) throw unknown;
  if (is_moved_by_deletion(query) && rows::select_deleted_image(sql, *query.marker)) {
    throw Error(Errc::invalid, "Image " + query.marker->text() +
                                   " was deleted, and its place in an order by status or "
                                   "updated_at with it.");
  }
  return values;
}

std::vector<Image> DatabaseCatalog::list(const Caller& caller, const ImageQuery& query) {
  return list_page(caller, query, UINT64_MAX).images;
}

ImagePage DatabaseCatalog::list_page(const Caller& caller, const ImageQuery& query,
                                     std::uint64_t max_bytes) {
  const auto select = [&](Session& sql) {
    const auto marker = marker_values(sql, caller, query);
    const auto lead = rows::best_lead(sql, leads(query, caller));
    const auto selects = page_selects(query, caller, marker, lead);
    return rows::select_page(sql, selects, query.limit, max_bytes);
  };
  auto page = database_.read(select);
  bool changed = false;
  const Deadline deadline = std::chrono::steady_clock::now() + kPublicationWait;
  for (const auto& image : page.images) {
    if (image.status == ImageStatus::saving) changed |= wait_for_publication(image.id, deadline);
  }
  if (changed) page = database_.read(select);
  return page;
}

Image DatabaseCatalog::resolve(const Caller& caller, const std::string& name_or_id) {
  const auto named =
      list(caller, {.filters = {{ImageColumn::name, {name_or_id}}}, .os_hidden = std::nullopt});
  if (named.size() == 1) return named.front();
  if (named.size() > 1) {
    std::string ids;
    for (const auto& image : named) ids += (ids.empty() ? "" : ", ") + image.id.text();
    throw Error(Errc::ambiguous, std::to_string(named.size()) + " images are named '" + name_or_id +
                                     "'; use one of their ids: " + ids);
  }
  if (const auto id = ImageId::parse(name_or_id)) {
    if (auto image = find(caller, *id)) return std::move(*image);
  }
  throw Error(Errc::not_found, "no image has the name or id '" + name_or_id + "'");
}

/// A value that no image may have is refused before it matters which image is meant, and what the
/// edits before it did.
void require_allowed_values(const ImageId& id, std::span<const ImageEdit> edits,
                            const ImageLimits& limits) {
  for (const auto& edit : edits) {
    const auto* attribute = std::get_if<AttributeEdit>(&edit);
    if (attribute == nullptr) continue;
    const bool has_value = attribute->kind != AttributeEdit::Kind::remove &&
                           attribute->kind != AttributeEdit::Kind::reset;
    if (!has_value) continue;
    Image fresh{.id = id};
    try {
      apply({.kind = AttributeEdit::Kind::put, .name = attribute->name, .value = attribute->value},
            limits, fresh);
    } catch (const Error& error) {
      if (error.code() == Errc::invalid) throw;
    }
  }
}

void require_met(const Precondition& condition, const Image& image) {
  if (!condition || condition(image)) return;
  throw Error(Errc::unmet,
              "Image " + image.id.text() + " is not in the state that the change was meant for.");
}

/// An image before and after its change.
struct Patched {
  Image before;
  Image after;
};

Image DatabaseCatalog::patch(const Caller& caller, const ImageId& id,
                             std::span<const ImageEdit> edits, const Precondition& condition) {
  require_allowed_values(id, edits, config_.limits);
  Survey survey(places_.stores());
  const auto apply_all = [&](Session& sql) {
    Image old = require_modifiable(sql, caller, id);
    require_met(condition, old);
    Image after = old;
    for (const auto& edit : edits) apply_one(sql, caller, edit, survey, after);
    return Patched{.before = std::move(old), .after = std::move(after)};
  };
  const bool asks_store = std::ranges::any_of(
      edits, [](const ImageEdit& edit) { return std::holds_alternative<LocationEdit>(edit); });
  auto patched = survey.complete([&] {
    // A rehearsal asks what has to be asked while nobody waits for the database.
    if (asks_store) static_cast<void>(database_.read(apply_all));
    return database_.write([&](Session& sql) {
      Patched result = apply_all(sql);
      if (edits.empty()) return result;
      result.after.updated_at = now();
      rows::update_image(sql, result.before, result.after);
      return result;
    });
  });
  remove_unused(patched.after, std::move(patched.before.locations));
  return std::move(patched.after);
}

void DatabaseCatalog::apply_one(Session& sql, const Caller& caller, const ImageEdit& edit,
                                Survey& survey, Image& image) const {
  if (const auto* location = std::get_if<LocationEdit>(&edit)) {
    return locations::apply(sql, caller, *location, config_, survey, image);
  }
  const auto& attribute = std::get<AttributeEdit>(edit);
  require_permitted(caller, attribute);
  apply(attribute, config_.limits, image);
}

/// Removes the data at those of the locations that the image no longer has.
void DatabaseCatalog::remove_unused(const Image& image, std::vector<Location> before) {
  std::erase_if(before, [&](const Location& old) {
    return std::ranges::find(image.locations, old.url, &Location::url) != image.locations.end();
  });
  remove_data(database_, places_.stores(), image.id, before);
}

void DatabaseCatalog::remove_from_store(const Caller& caller, const ImageId& id,
                                        const std::string& store_id) {
  std::vector<Location> before;
  const Image after = database_.write([&](Session& sql) {
    const Image old = require_modifiable(sql, caller, id);
    before = old.locations;
    Image image = old;
    locations::remove_from_store(caller, store_id, config_, image);
    image.updated_at = now();
    rows::update_image(sql, old, image);
    return image;
  });
  remove_unused(after, std::move(before));
}

std::unique_ptr<StagedUpload> DatabaseCatalog::stage(const Caller& caller, const ImageId& id) {
  database_.read([&](Session& sql) { static_cast<void>(require_modifiable(sql, caller, id)); });
  return StagedUpload::begin(database_, places_.staging(), progress_, instance_, config_, id);
}

void DatabaseCatalog::add_tag(const Caller& caller, const ImageId& id, const std::string& tag,
                              const Precondition& condition) {
  database_.write([&](Session& sql) {
    const Image before = require_modifiable(sql, caller, id);
    require_met(condition, before);
    auto tags = before.tags;
    tags.push_back(tag);
    Image after = before;
    apply({.kind = AttributeEdit::Kind::put, .name = "tags", .value = tags}, config_.limits, after);
    after.updated_at = now();
    rows::update_image(sql, before, after);
  });
}

void DatabaseCatalog::remove_tag(const Caller& caller, const ImageId& id, const std::string& tag) {
  database_.write([&](Session& sql) {
    const Image before = require_modifiable(sql, caller, id);
    Image after = before;
    if (std::erase(after.tags, tag) == 0) {
      throw Error(Errc::not_found, "The resource could not be found.");
    }
    after.updated_at = now();
    rows::update_image(sql, before, after);
  });
}

void DatabaseCatalog::switch_status(const Caller& caller, const ImageId& id, ImageStatus from,
                                    ImageStatus to, std::string_view action) {
  database_.write([&](Session& sql) {
    const Image image = require_modifiable(sql, caller, id);
    if (image.status == to || rows::move_status(sql, id, from, to, now())) return;
    throw Error(Errc::forbidden, "Not allowed to " + std::string(action) + " image in status '" +
                                     std::string(to_string(image.status)) + "'");
  });
}

/// The image that `heir` was renamed over and is to replace once it is whole.
std::optional<Image> waiting_for(Session& sql, const Image& heir) {
  const auto replacement = rows::select_replacement(sql, heir.id);
  if (!replacement || replacement->name != heir.name) return std::nullopt;
  return rows::select_image(sql, replacement->image);
}

void DatabaseCatalog::rename_over(const Caller& caller, const ImageId& id, const std::string& name,
                                  const ImageId& replaced, Replaced how,
                                  const Precondition& condition) {
  const auto removed = database_.write([&](Session& sql) {
    const Image before = require_modifiable(sql, caller, id);
    std::vector<Image> old = {require_modifiable(sql, caller, replaced)};
    require_deletable(old.front());
    require_met(condition, old.front());
    // One that has no data yet may itself wait to replace another one.
    if (auto waiting = waiting_for(sql, old.front())) old.push_back(*std::move(waiting));
    Image after = before;
    apply({.kind = AttributeEdit::Kind::put, .name = "name", .value = name}, config_.limits, after);
    after.updated_at = now();
    rows::update_image(sql, before, after);
    std::erase_if(old, [&](const Image& each) {
      if (after.status == ImageStatus::saving && has_data(each.status)) {
        rows::defer_replacement(sql, each, after, how);
        return true;
      }
      rows::replace_image(sql, each, id, how, after.updated_at);
      return how == Replaced::hidden || each.is_protected;
    });
    return old;
  });
  for (const auto& image : removed)
    remove_data(database_, places_.stores(), image.id, image.locations);
}

void DatabaseCatalog::remove(const Caller& caller, const ImageId& id,
                             const Precondition& condition) {
  const Image image = database_.write([&](Session& sql) {
    Image found = require_modifiable(sql, caller, id);
    require_deletable(found);
    require_met(condition, found);
    rows::delete_image(sql, found, now());
    return found;
  });
  remove_data(database_, places_.stores(), image.id, image.locations);
  if (is_being_filled(image.status)) places_.staging().remove(id);
}

void DatabaseCatalog::expect(const Caller& caller, const ImageId& id, const Expectation& expected) {
  const Expectation added = normalized(expected);
  database_.write([&](Session& sql) {
    const Image image = require_modifiable(sql, caller, id);
    const auto upload = rows::select_upload(sql, id);
    const bool lacks_data = image.status == ImageStatus::queued ||
                            (image.status == ImageStatus::saving && upload && !upload->sealed);
    if (!lacks_data) {
      throw Error(Errc::read_only_key, "The data of image " + id.text() + " are there already.");
    }
    rows::upsert_expectation(sql, id, replaced_by(rows::select_expectation(sql, id), added));
  });
}

/// Refuses data that cannot fit before a byte of them is sent.
void DatabaseCatalog::require_room(std::uint64_t size) {
  // A store that cannot tell has room for everything.
  const auto space = places_.stores().default_store().space();
  if (!space || size <= space->available) return;
  throw Error(Errc::no_space, "There is not enough space in the store for the image's data.");
}

std::shared_ptr<Upload> DatabaseCatalog::upload(const Caller& caller, const ImageId& id,
                                                const UploadOptions& options) {
  database_.read([&](Session& sql) { static_cast<void>(require_modifiable(sql, caller, id)); });
  require_room(options.expected.size.value_or(0));
  return Upload::begin(database_, places_.spools(), places_.stores(), progress_, instance_, config_,
                       id, options);
}

Space DatabaseCatalog::space(const std::optional<std::string>& owner) {
  // A store that cannot tell has room for everything.
  constexpr std::uint64_t kEndless = std::numeric_limits<std::int64_t>::max();
  const Space space = places_.stores().default_store().space().value_or(
      Space{.total = kEndless, .free = kEndless, .available = kEndless});
  if (config_.user_storage_quota == 0) return space;
  const auto left = database_.read([&](Session& sql) { return quota_left(sql, config_, owner); });
  return {.total = std::min(space.total, config_.user_storage_quota),
          .free = std::min(space.free, left),
          .available = std::min(space.available, left)};
}

std::unique_ptr<BlobReader> DatabaseCatalog::open_data(const Caller& caller, const ImageId& id) {
  const auto image = find(caller, id);
  if (!image) throw no_such_image(id);
  if (!may_download(caller, *image)) {
    throw Error(Errc::deactivated,
                "The requested image has been deactivated. Image data download is forbidden.");
  }
  if (!has_data(image->status)) {
    throw Error(Errc::not_ready, "image " + id.text() + " has no data yet (status " +
                                     std::string(to_string(image->status)) + ")");
  }
  if (image->locations.empty()) {
    throw Error(Errc::missing, "image " + id.text() + " is active but has no location");
  }
  try {
    return open_first(*image);
  } catch (const Error&) {
    // Deleted between the two looks, or replaced.
    if (!find(caller, id)) throw no_such_image(id);
    throw;
  }
}

/// The data at the first location where they are, as Glance looks for them; the first failure if
/// they are nowhere.
std::unique_ptr<BlobReader> DatabaseCatalog::open_first(const Image& image) {
  std::optional<Error> failure;
  for (const auto& location : image.locations) {
    try {
      return open_at(image, location);
    } catch (const Error& error) {
      if (image.locations.size() > 1) spdlog::warn("{}", error.what());
      if (!failure) failure = error;
    }
  }
  throw *failure;
}

std::unique_ptr<BlobReader> DatabaseCatalog::open_at(const Image& image, const Location& location) {
  const auto subject = "the data of image " + image.id.text();
  std::unique_ptr<BlobReader> reader;
  try {
    reader = places_.stores().open(location);
  } catch (const Error& error) {
    const Errc code = error.code() == Errc::not_found ? Errc::missing : error.code();
    throw Error(code, subject + " cannot be opened: " + error.what(), error.words());
  }
  if (reader->size() != image.size.value_or(0)) {
    throw Error(Errc::corrupt,
                subject + " have another size than recorded: " + std::to_string(reader->size()) +
                    " bytes instead of " + std::to_string(image.size.value_or(0)));
  }
  return reader;
}

std::vector<ImageEntry> DatabaseCatalog::entries(const Caller& caller) {
  return only_visible(caller,
                      database_.scan([](Session& sql) { return rows::select_entries(sql); }));
}

std::vector<ImageEntry> DatabaseCatalog::entries(const Caller& caller,
                                                 std::span<const ImageId> ids) {
  return only_visible(caller,
                      database_.read([&](Session& sql) { return rows::select_entries(sql, ids); }));
}

/// Entries carry no owner, so for callers who do not see everything the images are asked.
std::vector<ImageEntry> DatabaseCatalog::only_visible(const Caller& caller,
                                                      std::vector<ImageEntry> entries) {
  if (caller.is_admin) return entries;
  std::set<ImageId> visible;
  for (const auto& image : list(caller, {.os_hidden = std::nullopt})) visible.insert(image.id);
  std::erase_if(entries, [&](const ImageEntry& entry) { return !visible.contains(entry.id); });
  return entries;
}

std::map<ImageId, Digests> DatabaseCatalog::digests(const Caller& caller,
                                                    std::span<const ImageId> ids) {
  auto digests = database_.read([&](Session& sql) { return rows::select_digests(sql, ids); });
  if (caller.is_admin) return digests;
  std::erase_if(digests, [&](const auto& each) { return !find(caller, each.first); });
  return digests;
}

void DatabaseCatalog::set_data_time(const Caller& caller, const ImageId& id, Timestamp time) {
  database_.write([&](Session& sql) {
    static_cast<void>(require_modifiable(sql, caller, id));
    rows::upsert_data_time(sql, id, time);
  });
}

}  // namespace

std::unique_ptr<Catalog> Catalog::open(const Config& config, bool create, const Outside& outside) {
  if (create) make_database_directory(config.database_url);
  return std::make_unique<DatabaseCatalog>(config, create, outside);
}

}  // namespace glance
