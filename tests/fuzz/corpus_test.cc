// What fuzzing has found is run again by every build: all files of the corpus that is the only argument.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::filesystem::path corpus;

TEST(FuzzCorpus, every_input_of_the_corpus_is_borne) {
  std::size_t inputs = 0;
  for (const auto& file : std::filesystem::directory_iterator(corpus)) {
    std::cout << file.path().filename() << std::endl;  // the last one is it, when the target aborts
    std::ifstream stream(file.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator(stream), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++inputs;
  }
  EXPECT_GT(inputs, 0u);
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  corpus = argc == 2 ? argv[1] : "";
  return RUN_ALL_TESTS();
}
