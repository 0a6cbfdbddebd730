hr_add_fuzzer(yaml_fuzzer SOURCES yaml_fuzzer.c LIBS headerroute-static)
hr_add_fuzzer(convert_fuzzer SOURCES convert_fuzzer.c LIBS headerroute-static)
hr_add_fuzzer(differential_fuzzer SOURCES differential_fuzzer.c maker.c LIBS headerroute-static
  INCLUDES ${HR_INTERNAL_INCLUDES})
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
set(HR_CLI ${PROJECT_SOURCE_DIR}/cli)
set(HR_SUITE_FILES case_file.c case_input.c claims.c coverage.c document_json.c findings.c input.c request_set.c roots.c rules.c statement.c suite.c) # what `headerroute test` reads cases with
list(TRANSFORM HR_SUITE_FILES PREPEND ${HR_CLI}/ OUTPUT_VARIABLE HR_SUITE)
hr_add_fuzzer(regex_fuzzer SOURCES regex_fuzzer.c regex_pair.c LIBS headerroute-static
  INCLUDES ${HR_INTERNAL_INCLUDES})
hr_add_fuzzer(batch_fuzzer SOURCES batch_fuzzer.c ${HR_CLI}/batch.c ${HR_CLI}/claims.c ${HR_CLI}/cli.c ${HR_CLI}/color.c ${HR_CLI}/request.c ${HR_CLI}/view_options.c
  LIBS headerroute-static PkgConfig::JANSSON INCLUDES ${HR_CLI})
target_compile_definitions(batch_fuzzer PRIVATE HR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
hr_add_fuzzer(suite_fuzzer SOURCES suite_fuzzer.c ${HR_SUITE} ${HR_CLI}/cli.c ${HR_CLI}/color.c ${HR_CLI}/request.c ${HR_CLI}/view_options.c
  LIBS hr-words headerroute-static PkgConfig::JANSSON INCLUDES ${HR_CLI})
hr_add_fuzzer(access_log_fuzzer SOURCES access_log_fuzzer.c ${HR_CLI}/access_log.c
  LIBS headerroute-static PkgConfig::JANSSON INCLUDES ${HR_CLI})
