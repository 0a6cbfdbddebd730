# Tests of the way from text to accepted resources.
foreach(name resource validate)
  hr_add_test(test-hr-${name} SOURCES ${name}_test.c cases.c LIBS headerroute-static
    INCLUDES ${PROJECT_SOURCE_DIR}/libheaderroute/src LABELS sanitize)
endforeach()
