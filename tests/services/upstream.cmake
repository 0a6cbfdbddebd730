hr_add_test(test-upstream-parser SOURCES ${CMAKE_CURRENT_LIST_DIR}/upstream_parser_test.c
  LIBS hr-upstream LABELS sanitize)
