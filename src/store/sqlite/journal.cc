#include "store/sqlite/journal.h"

#include <algorithm>
#include <cstring>

#include <fcntl.h>

#include "base/encoding.h"
#include "base/text.h"

namespace keywright::store {
namespace {

constexpr std::size_t kEntryBytes = 128;
constexpr std::size_t kReasonBytesMax = 88;
constexpr std::size_t kChecksumAt = 124;
constexpr std::string_view kMagic = "KWREVJ01";

// Space is reserved a mebibyte at a time, and again when half of one is left: what a full disk
// finds reserved is enough for 4096 removals.
constexpr std::uint64_t kReserveBytes = 1 << 20;
constexpr std::uint64_t kReserveBytesLow = kReserveBytes / 2;

using Block = std::array<std::uint8_t, kEntryBytes>;

void put_number(std::uint8_t* at, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i, number >>= 8) at[i] = number & 0xff;
}

std::uint64_t get_number(const std::uint8_t* at, int bytes) {
  std::uint64_t number = 0;
  for (int i = bytes; i-- > 0;) number = number << 8 | at[i];
  return number;
}

std::uint32_t checksum(const Block& block) {
  return crc32(view_text(ByteView(block).first(kChecksumAt)));
}

void seal(Block& block) { put_number(&block[kChecksumAt], checksum(block), 4); }

bool checks_out(const Block& block) {
  return get_number(&block[kChecksumAt], 4) == checksum(block);
}

// At most `size` bytes, without cutting a character in two.
std::string_view shortened(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

Block block_of(const JournalEntry& entry) {
  Block block{};
  put_number(&block[0], entry.position, 8);
  put_number(&block[8], static_cast<std::uint64_t>(to_unix_milliseconds(entry.time)), 8);
  block[16] = entry.subject.type;
  block[17] = static_cast<std::uint8_t>(entry.subject.change);
  std::ranges::copy(entry.subject.id, &block[20]);
  const std::string_view reason = shortened(entry.reason, kReasonBytesMax);
  block[18] = static_cast<std::uint8_t>(reason.size());
  std::ranges::copy(reason, &block[36]);
  seal(block);
  return block;
}

JournalEntry entry_of(const Block& block) {
  JournalEntry entry;
  entry.position = get_number(&block[0], 8);
  entry.time = from_unix_milliseconds(static_cast<std::int64_t>(get_number(&block[8], 8)));
  entry.subject.type = block[16];
  entry.subject.change = static_cast<Change>(block[17]);
  std::copy_n(&block[20], 16, entry.subject.id.begin());
  const std::size_t size = std::min<std::size_t>(block[18], kReasonBytesMax);
  entry.reason = view_text(ByteView(block).subspan(36, size));
  return entry;
}

// Written by a version that knows more, or not an entry at all.
bool is_known(const Block& block) {
  return block[16] <= 1 + static_cast<unsigned>(RecordType::ticket) &&
         block[17] <= static_cast<unsigned>(Change::deleted);
}

Block header_of(const Uuid& store_id) {
  Block block{};
  std::ranges::copy(kMagic, block.begin());
  std::ranges::copy(store_id.bytes, &block[8]);
  seal(block);
  return block;
}

Result<Block> read_block(const File& file, std::uint64_t offset) {
  KW_TRY(std::string bytes, file.read_at(offset, kEntryBytes));
  Block block{};
  std::ranges::copy(bytes, block.begin());
  return block;
}

Result<Uuid> read_header(const File& file) {
  KW_TRY(Block block, read_block(file, 0));
  if (!checks_out(block) || !std::equal(kMagic.begin(), kMagic.end(), block.begin())) {
    return fail(Code::conflict, "not_a_journal",
                "The revocation journal does not begin as one. If it cannot be found in a backup, "
                "restore with --accept-missing-journal after moving it away.");
  }
  Uuid id;
  std::copy_n(&block[8], 16, id.bytes.begin());
  return id;
}

struct Scan {
  JournalContents contents;
  std::uint64_t end = kEntryBytes;  // after the last good entry
  Position last_position = 0;
};

Result<Scan> scan(const File& file) {
  Scan found;
  KW_TRY(found.contents.store_id, read_header(file));
  std::uint64_t not_good = 0;  // since the last good one
  for (std::uint64_t offset = kEntryBytes;;) {
    KW_TRY(std::string bytes, file.read_at(offset, kReserveBytes));
    const std::size_t whole = bytes.size() / kEntryBytes;
    for (std::size_t i = 0; i < whole; ++i, offset += kEntryBytes) {
      Block block;
      std::memcpy(block.data(), bytes.data() + i * kEntryBytes, kEntryBytes);
      if (!checks_out(block) || !is_known(block)) {
        ++not_good;
        continue;
      }
      found.contents.damaged += std::exchange(not_good, 0);
      found.contents.entries.push_back(entry_of(block));
      found.last_position = std::max(found.last_position, found.contents.entries.back().position);
      found.end = offset + kEntryBytes;
    }
    if (bytes.size() < kReserveBytes) return found;
  }
}

}  // namespace

Subject Subject::of_key(const domain::KeyId& id, Change change) {
  Subject subject{.type = kKey, .change = change};
  std::ranges::copy(id.text, subject.id.begin());
  return subject;
}

Subject Subject::of_record(RecordType type, const Uuid& id, Change change) {
  return {.type = static_cast<std::uint8_t>(1 + static_cast<unsigned>(type)),
          .change = change,
          .id = id.bytes};
}

domain::KeyId Subject::key_id() const {
  domain::KeyId key;
  std::copy_n(id.begin(), key.text.size(), key.text.begin());
  return key;
}

Result<Journal> Journal::open(const std::filesystem::path& path, const Uuid& store_id) {
  Journal journal;
  KW_TRY(journal.file_, File::open(path, O_RDWR | O_CREAT));
  KW_TRY(journal.allocated_, journal.file_.size());
  KW_TRY(Block first, read_block(journal.file_, 0));
  if (first == Block{}) {  // new, or a crash came before its header
    KW_CHECK_OK(journal.keep_room(kReserveBytes));
    KW_CHECK_OK(journal.file_.write_at(0, header_of(store_id)));
    KW_CHECK_OK(journal.file_.sync());
    KW_CHECK_OK(sync_directory(path.parent_path()));
  }
  KW_TRY(Scan found, scan(journal.file_));
  if (found.contents.store_id != store_id) {
    return fail(Code::conflict, "journal_of_another_store",
                path.string() + " belongs to another store than the database beside it.");
  }
  journal.end_ = found.end;
  journal.last_position_ = found.last_position;
  return journal;
}

Result<JournalContents> Journal::read_all(const std::filesystem::path& path) {
  KW_TRY(File file, File::open(path, O_RDONLY));
  KW_TRY(Scan found, scan(file));
  return std::move(found.contents);
}

Result<void> Journal::keep_room(std::uint64_t bytes) {
  if (end_ + bytes + kReserveBytesLow <= allocated_) return {};
  const std::uint64_t wanted = std::max(allocated_, end_ + bytes) + kReserveBytes;
  if (auto reserved = file_.allocate(allocated_, wanted - allocated_); !reserved) {
    if (end_ + bytes <= allocated_) return {};  // this one still fits; the next will try again
    return reserved;
  }
  allocated_ = wanted;
  return {};
}

Result<void> Journal::append(std::span<const JournalEntry> entries) {
  Bytes bytes;
  bytes.reserve(entries.size() * kEntryBytes);
  for (const JournalEntry& entry : entries) {
    const Block block = block_of(entry);
    bytes.insert(bytes.end(), block.begin(), block.end());
  }
  KW_CHECK_OK(keep_room(bytes.size()));
  KW_CHECK_OK(file_.write_at(end_, bytes));
  KW_CHECK_OK(file_.sync());
  end_ += bytes.size();
  for (const JournalEntry& entry : entries) {
    last_position_ = std::max(last_position_, entry.position);
  }
  return {};
}

}  // namespace keywright::store
