// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "catalog/config/config.h"
#include "catalog/consistency.h"
#include "catalog/model/attributes.h"
#include "catalog/model/blob_reader.h"
#include "catalog/model/caller.h"
#include "catalog/model/changes.h"
#include "catalog/model/digests.h"
#include "catalog/model/image.h"
#include "catalog/model/image_draft.h"
#include "catalog/model/image_edit.h"
#include "catalog/model/image_entry.h"
#include "catalog/model/image_member.h"
#include "catalog/model/image_query.h"
#include "catalog/os/outside.h"
#include "catalog/store/store.h"
#include "catalog/upload/recovery.h"
#include "catalog/upload/staged_upload.h"
#include "catalog/upload/upload.h"

namespace glance {

/// What must hold of an image for a change to be made; it sees the state that is changed, in the
/// change's own transaction, and must not call the catalog. False is the error unmet; what it
/// throws instead ends the change as well. Null: nothing.
using Precondition = std::function<bool(const Image&)>;

/// The image catalog: the face that both doors and the operator's tool use.
///
/// Owns the database sessions and the stores. Safe for concurrent use; every call blocks for the
/// time of a database transaction and may throw busy, io or corrupt beside what it lists. What a
/// call changed is durable when it returns, except `queued` and `saving` (docs/catalog-format.md,
/// "What is durable when"). not_found also stands for an image that the caller may not know of.
class Catalog {
 public:
  /// Opens the catalog that `config` describes; with `create` an empty database gets its tables
  /// and a missing directory is made, for owner and group alone. Errors: not_found (no database;
  /// names the way out), corrupt (not a database), unsupported (a schema that this version does
  /// not know). A store that is not there yet is no error: what needs it is unavailable until it
  /// is. `outside`, whose disk must outlive the catalog, is what a test may exchange.
  static std::unique_ptr<Catalog> open(const Config& config, bool create = false,
                                       const Outside& outside = {});

  virtual ~Catalog() = default;

  [[nodiscard]] virtual const Config& config() const noexcept = 0;

  // ── images ────────────────────────────────────────────────────────────────────────────────

  /// Errors: invalid, exists (the id; deleted images keep theirs), over_quota, forbidden.
  virtual Image add(const Caller& caller, const ImageDraft& draft) = 0;

  /// An image whose upload is sealed is about to turn active: find() and list() wait for it, up
  /// to a second from its seal, so that what a writer's close() promised is there for all.
  [[nodiscard]] virtual std::optional<Image> find(const Caller& caller, const ImageId& id) = 0;

  /// Error: invalid (unknown marker).
  [[nodiscard]] virtual std::vector<Image> list(const Caller& caller, const ImageQuery& query) = 0;

  /// The same, but no more images than have `max_bytes` of properties, tags and locations; the
  /// first one in any case. Memory is taken for no more.
  [[nodiscard]] virtual ImagePage list_page(const Caller& caller, const ImageQuery& query,
                                            std::uint64_t max_bytes) = 0;

  /// The image with that name, or else with that id. Errors: not_found, ambiguous (lists the ids).
  [[nodiscard]] virtual Image resolve(const Caller& caller, const std::string& name_or_id) = 0;

  /// Applies all edits or none, in one transaction against the newest state, so that two callers'
  /// edits of different keys never overwrite each other. Errors: not_found, forbidden, and
  /// those of apply() in attributes.h.
  virtual Image update(const Caller& caller, const ImageId& id,
                       std::span<const AttributeEdit> edits) = 0;

  /// The same for edits of locations too; the data of locations that go away are removed. Errors:
  /// also those of locations::apply() in locations.h, and unmet (the condition).
  virtual Image patch(const Caller& caller, const ImageId& id, std::span<const ImageEdit> edits,
                      const Precondition& condition = {}) = 0;

  /// Gives the image `name` and deletes or hides the image that had it, in one transaction; the
  /// new one takes the old one's place in the order of names. While the new one is saving, an old
  /// one with data is only hidden from entries(): it is replaced by the publication, and has its
  /// place again if that never comes. Errors: not_found, forbidden, protected_, unmet (the
  /// condition, which is one of the image that is replaced).
  virtual void rename_over(const Caller& caller, const ImageId& id, const std::string& name,
                           const ImageId& replaced, Replaced how,
                           const Precondition& condition = {}) = 0;

  /// Soft deletion, then the data. Open readers keep theirs. Errors: not_found, forbidden,
  /// protected_, unmet (the condition).
  virtual void remove(const Caller& caller, const ImageId& id,
                      const Precondition& condition = {}) = 0;

  /// Adds one tag, if it is not there yet. Errors: as update(), and unmet (the condition).
  virtual void add_tag(const Caller& caller, const ImageId& id, const std::string& tag,
                       const Precondition& condition = {}) = 0;

  /// Errors: not_found (also: the image has no such tag), forbidden.
  virtual void remove_tag(const Caller& caller, const ImageId& id, const std::string& tag) = 0;

  /// Closes the data to all but administrators, and opens them again. An image that is in that
  /// state already stays in it. Errors: not_found, forbidden (also: the image is neither active
  /// nor deactivated).
  virtual void deactivate(const Caller& caller, const ImageId& id) = 0;
  virtual void reactivate(const Caller& caller, const ImageId& id) = 0;

  // ── sharing ───────────────────────────────────────────────────────────────────────────────

  /// The projects that a shared image is shared with, in the order of their addition; callers who
  /// may not change the image see only their own. Errors: not_found, forbidden (not shared).
  [[nodiscard]] virtual std::vector<ImageMember> members(const Caller& caller,
                                                         const ImageId& id) = 0;

  /// One of them. Error: not_found, for everything that members() would not show.
  [[nodiscard]] virtual ImageMember member(const Caller& caller, const ImageId& id,
                                           const std::string& member) = 0;

  /// Offers the image to a project, which has to accept it. Errors: not_found, forbidden (not
  /// shared, or not the caller's), exists, invalid, over_quota.
  virtual ImageMember add_member(const Caller& caller, const ImageId& id,
                                 const std::string& member) = 0;

  /// The member's answer, which only itself and administrators may give. Errors: not_found,
  /// forbidden.
  virtual ImageMember set_member_status(const Caller& caller, const ImageId& id,
                                        const std::string& member, MemberStatus status) = 0;

  /// Takes the offer back: the owner's to do. Errors: not_found, forbidden.
  virtual void remove_member(const Caller& caller, const ImageId& id,
                             const std::string& member) = 0;

  // ── data ──────────────────────────────────────────────────────────────────────────────────

  /// Begins an upload: see Upload::begin(). The catalog must outlive it.
  virtual std::shared_ptr<Upload> upload(const Caller& caller, const ImageId& id,
                                         const UploadOptions& options) = 0;

  /// Notes what the image's data are going to be, beside what was noted before: an upload of
  /// anything else will fail with mismatch. It is forgotten once the image is active. Errors:
  /// not_found, forbidden, invalid (no such digest), read_only_key (the data are there).
  virtual void expect(const Caller& caller, const ImageId& id, const Expectation& expected) = 0;

  /// Errors: not_found, not_ready (no data yet), deactivated, missing (the store has lost the
  /// data), corrupt (they are of another size than recorded).
  [[nodiscard]] virtual std::unique_ptr<BlobReader> open_data(const Caller& caller,
                                                              const ImageId& id) = 0;

  /// Removes the image's data from one of several stores that hold it. Errors: not_found (also:
  /// no data there), forbidden (no administrator, the only store), conflict (an unknown store, or
  /// the image is not active).
  virtual void remove_from_store(const Caller& caller, const ImageId& id,
                                 const std::string& store_id) = 0;

  /// Begins to stage data for a later import: see StagedUpload::begin(). The catalog must outlive
  /// it.
  virtual std::unique_ptr<StagedUpload> stage(const Caller& caller, const ImageId& id) = 0;

  /// The store's room, or what user_storage_quota leaves of it to that project.
  [[nodiscard]] virtual Space space(const std::optional<std::string>& owner) = 0;

  // ── the mount's directory ─────────────────────────────────────────────────────────────────

  /// All images that the caller sees, hidden ones too; without properties or digests.
  [[nodiscard]] virtual std::vector<ImageEntry> entries(const Caller& caller) = 0;

  /// The same for some ids; those that are gone are left out.
  [[nodiscard]] virtual std::vector<ImageEntry> entries(const Caller& caller,
                                                        std::span<const ImageId> ids) = 0;

  /// The recorded digests of those images, which may be deleted by now: their rows stay. One that
  /// is purged is left out, and so is one that the caller may not see.
  [[nodiscard]] virtual std::map<ImageId, Digests> digests(const Caller& caller,
                                                           std::span<const ImageId> ids) = 0;

  /// Remembers the modification time that a tool set (cp -p, rsync -a). Error: not_found.
  virtual void set_data_time(const Caller& caller, const ImageId& id, Timestamp time) = 0;

  // ── life ──────────────────────────────────────────────────────────────────────────────────

  [[nodiscard]] virtual std::unique_ptr<ChangeFeed> changes() = 0;

  /// Finishes or takes back what dead processes left behind (docs/architecture.md, "The way of a
  /// byte" and "Who lives"). Safe while other processes work on the catalog.
  virtual RecoveryReport recover() = 0;

  // ── the operator's checks: see consistency.h ──────────────────────────────────────────────

  virtual void check(const FindingSink& report) = 0;
  virtual void find_orphans(const FindingSink& report) = 0;
  [[nodiscard]] virtual std::optional<Finding> check_data(const Image& image) = 0;
};

}  // namespace glance
