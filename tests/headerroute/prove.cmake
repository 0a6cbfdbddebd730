# Comparing rules for all requests.
hr_add_test(test-hr-prove-regex SOURCES prove_regex_test.c ${HR_FUZZ}/regex_pair.c LIBS headerroute-static
  INCLUDES ${HR_INTERNAL_INCLUDES} ${HR_FUZZ} LABELS sanitize)
# Not part of `all`: cmake --build build/release --target regex-pairs
add_executable(regex-pairs EXCLUDE_FROM_ALL ${HR_FUZZ}/regex_pairs.c ${HR_FUZZ}/regex_pair.c)
target_include_directories(regex-pairs PRIVATE ${HR_INTERNAL_INCLUDES} ${HR_FUZZ})
target_link_libraries(regex-pairs PRIVATE hr_build_flags headerroute-static)
set_target_properties(regex-pairs PROPERTIES LINKER_LANGUAGE CXX)
hr_add_test(test-hr-prove SOURCES prove_test.c LIBS hr-routing-harness INCLUDES ${HR_INTERNAL_INCLUDES} LABELS sanitize)
hr_add_test(test-hr-corpus-regex SOURCES ${HR_FUZZ}/corpus_test.c ${HR_FUZZ}/regex_fuzzer.c ${HR_FUZZ}/regex_pair.c
  LIBS hr-routing-harness INCLUDES ${HR_FUZZ} LABELS sanitize)
target_compile_definitions(test-hr-corpus-regex PRIVATE CORPUS="regex_fuzzer")
hr_add_test(test-hr-reach SOURCES reach_test.c LIBS hr-routing-harness LABELS sanitize)
hr_add_test(test-hr-order SOURCES order_test.c LIBS hr-routing-harness LABELS sanitize)
