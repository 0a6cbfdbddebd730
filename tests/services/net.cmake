# Not under ThreadSanitizer: Criterion forks. The suites of the servers run the loop there.
hr_add_test(test-net SOURCES ${CMAKE_CURRENT_LIST_DIR}/net_test.c LIBS sv-net LABELS sanitize TIMEOUT 60)
if(TARGET sv-net-other)
  hr_add_test(test-net-other SOURCES ${CMAKE_CURRENT_LIST_DIR}/net_test.c LIBS sv-net-other LABELS sanitize TIMEOUT 60)
endif()
