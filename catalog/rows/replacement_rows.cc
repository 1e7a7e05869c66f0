// SPDX-License-Identifier: Apache-2.0
#include "catalog/rows/replacement_rows.h"

#include <string>

#include "catalog/rows/image_rows.h"
#include "catalog/rows/query.h"
#include "catalog/rows/upload_rows.h"

namespace glance::rows {

namespace {

void take_place(Session& sql, const ImageId& old, const ImageId& heir) {
  execute(sql,
          "UPDATE glancefs_names SET seq ="
          " COALESCE((SELECT n.seq FROM glancefs_names n WHERE n.image_id = :from), seq)"
          " WHERE image_id = :heir",
          old.text(), heir.text());
}

/// To the end of the queue, as if the name were new.
void give_place_back(Session& sql, const ImageId& heir) {
  execute(sql,
          "UPDATE glancefs_names SET seq = (SELECT MAX(seq) + 1 FROM glancefs_names)"
          " WHERE image_id = :heir",
          heir.text());
}

}  // namespace

void insert_replacement(Session& sql, const ImageId& heir, const Replacement& replacement) {
  execute(sql, "DELETE FROM glancefs_replacements WHERE image_id = :id", heir.text());
  execute(sql,
          "INSERT INTO glancefs_replacements (image_id, replaced_id, name, hides)"
          " VALUES (:id, :replaced, :name, :hides)",
          heir.text(), replacement.image.text(), replacement.name,
          int{replacement.how == Replaced::hidden});
}

std::optional<Replacement> select_replacement(Session& sql, const ImageId& heir) {
  std::string replaced;
  std::string name;
  int hides = 0;
  sql << "SELECT replaced_id, name, hides FROM glancefs_replacements WHERE image_id = :id",
      soci::use(heir.text()), soci::into(replaced), soci::into(name), soci::into(hides);
  if (!sql.got_data()) return std::nullopt;
  auto image = ImageId::parse(replaced);
  if (!image) throw Error(Errc::corrupt, "glancefs_replacements names '" + replaced + "'");
  return Replacement{.image = std::move(*image),
                     .name = name,
                     .how = hides != 0 ? Replaced::hidden : Replaced::deleted};
}

void replace_image(Session& sql, const Image& old, const ImageId& heir, Replaced how,
                   Timestamp when) {
  if (old.is_protected) return give_place_back(sql, heir);
  take_place(sql, old.id, heir);
  execute(sql,
          "UPDATE glancefs_replacements SET replaced_id = :heir"
          " WHERE replaced_id = :old AND image_id <> :itself",
          heir.text(), old.id.text(), heir.text());
  switch (how) {
    case Replaced::deleted:
      return delete_image(sql, old, when);
    case Replaced::hidden:
      Image hidden = old;
      hidden.os_hidden = true;
      hidden.updated_at = when;
      return update_image(sql, old, hidden);
  }
}

void defer_replacement(Session& sql, const Image& old, const Image& heir, Replaced how) {
  take_place(sql, old.id, heir.id);
  insert_replacement(sql, heir.id, {.image = old.id, .name = heir.name.value_or(""), .how = how});
  const auto upload = select_upload(sql, heir.id);
  if (upload && upload->owns_image) insert_temporary(sql, heir.id);
}

void cancel_replacement(Session& sql, const ImageId& heir) {
  const auto gone =
      execute(sql, "DELETE FROM glancefs_replacements WHERE image_id = :id", heir.text());
  if (gone > 0) give_place_back(sql, heir);
}

}  // namespace glance::rows
