hr_add_fuzzer(yaml_fuzzer SOURCES yaml_fuzzer.c LIBS headerroute-static)
