#include "cli/help.h"

namespace keywright::cli {

namespace {

constexpr std::string_view kExitCodes =
    R"(  0    done
  1    it failed
  2    wrong usage: the message names the flag
  3    there is no such thing
  4    not signed in, or not allowed
  5    conflict, or changed by somebody else meanwhile
  6    too many requests: try again later
  7    the server cannot be reached, or is not ready
  8    the key is not valid (keys verify)
  9    done in part: some lines of an import were refused
  130  interrupted
)";

constexpr std::string_view kEnvironment =
    R"(KEYWRIGHT_URL         the server, if --server is not given; else http://127.0.0.1:8080
KEYWRIGHT_API_KEY     a key to act with, instead of a session
KEYWRIGHT_CA_FILE     certificates to trust (PEM), if --ca-file is not given
KEYWRIGHT_CONFIG_DIR  where sessions are kept; else $XDG_CONFIG_HOME/keywright,
                      else ~/.config/keywright
KEYWRIGHT_DATA        the data directory, if --data is not given
KEYWRIGHT_<SETTING>   every flag of `keywright serve`: KEYWRIGHT_LISTEN, ...
NO_COLOR              no colour, if it is not empty
CLICOLOR_FORCE        colour in pipes too, if it is not 0
COLUMNS               the width of tables
)";

constexpr std::string_view kFormatting =
    R"(On a terminal, lists are tables, cut to its width, and times are relative.

In a pipe, lists are lines with a tab between the cells and without a header;
times are RFC 3339, and nothing is an empty cell. One object is one line for
each field: its name, a tab, its value.

--json prints what the server answers, --json=id,name only these fields (of
each item of a list). -q prints ids only.

keywright keys create and rotate print the secret alone on standard output when
that is a pipe; --out FILE writes it to a new file that only you can read.

Times are given as 2027-01-31T12:00:00Z, as a date (midnight UTC), or from now:
90d, 12h, 2w. Lists are separated by commas or given by repeating the flag.
none (for times also never) empties what may be empty; a text is emptied by an
empty value: --description=

Secrets are never given on the command line, where every user of the machine can
read them: use --password-file, --key-file, standard input or the environment.
)";

}  // namespace

const std::vector<Topic>& topics() {
  static const std::vector<Topic> all{
      {"exit-codes", "Exit codes", kExitCodes},
      {"environment", "Environment", kEnvironment},
      {"formatting", "Formatting", kFormatting},
  };
  return all;
}

const Topic* find_topic(std::string_view name) {
  for (const Topic& topic : topics()) {
    if (topic.name == name) return &topic;
  }
  return nullptr;
}

}  // namespace keywright::cli
