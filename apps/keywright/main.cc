#include "cli/cli.h"

int main(int argc, char** argv) { return keywright::cli::main(argc, argv); }
