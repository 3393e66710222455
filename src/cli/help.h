// cli/help.h - the command tree as text: help on a terminal, the man page, docs/cli.md.
//
//   console.out(help_text({&root, &keys, &create}, 80, plain));
//   man_page(root)       // troff, for keywright.1
//   markdown(root)       // docs/cli.md
//
// All of it is made from the tree and from the topics below, so that it cannot disagree with what
// the parser takes. Hidden commands are left out.
//
// Threading: pure.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/table.h"

namespace keywright::cli {

// `keywright help exit-codes` and the like.
struct Topic {
  std::string_view name;
  std::string_view summary;
  std::string_view text;  // lines as they are to be shown
};

const std::vector<Topic>& topics();
const Topic* find_topic(std::string_view name);

// `bold` marks headings.
std::string help_text(const std::vector<const Command*>& path, std::size_t width,
                      const Style& bold);

std::string man_page(const Command& root, std::string_view version);
std::string markdown(const Command& root);

// The help of every command one after the other, 80 columns wide: what the golden file holds.
std::string all_help(const Command& root);

// "--json[=FIELDS]", "-y, --yes", "--name NAME"
std::string flag_usage(const Flag& flag);
// "keywright keys get ID [flags]"
std::string usage_line(const std::vector<const Command*>& path);

}  // namespace keywright::cli
