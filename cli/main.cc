#include "cli/program.h"

int main(int argc, char** argv) { return escrow::cli::run(argc, argv); }
