// cli/cli.h - the command line: `keywright <command> ...`.
//
//   int main(int argc, char** argv) { return keywright::cli::main(argc, argv); }
//
// What a command was asked for goes to standard output, everything else to standard error. The exit
// codes are those of cli/outcome.h. Secrets are never arguments: they come from files, standard
// input, a prompt or the environment.
//
// The way of a command: tree.h builds the commands, parse.h finds the one that is meant, its
// handler runs, and what it returns is explained here.
//
// Threading: the main thread, before any other was started.
#pragma once

namespace keywright::cli {

int main(int argc, char** argv);

}  // namespace keywright::cli
