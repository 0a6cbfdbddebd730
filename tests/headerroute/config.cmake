# Tests of the way from text to accepted resources.
foreach(name resource validate lint yaml limits)
  hr_add_test(test-hr-${name} SOURCES ${name}_test.c cases.c LIBS headerroute-static
    INCLUDES ${HR_INTERNAL_INCLUDES} LABELS sanitize)
endforeach()
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
hr_add_test(test-hr-regex SOURCES regex_test.cc LIBS headerroute-static PkgConfig::RE2
  INCLUDES ${HR_INTERNAL_INCLUDES} LABELS sanitize)
